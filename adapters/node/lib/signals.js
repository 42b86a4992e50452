'use strict';

/** The servers of this process that are backends, with what drains them. */
const backends = new Map();
let isListening = false;
let isLeaving = false;

/**
 * SIGTERM drains: the proxy gives nothing new, what has begun is finished, then the process leaves with exit code 0. A
 * second SIGTERM ends it at once.
 * An app with a SIGTERM listener of its own keeps the say: what its `server.close()` does is the same drain.
 */
function drainOnTerm(server, backend) {
  backends.set(server, backend);
  backend.once('ended', () => backends.delete(server));
  if (isListening) return;
  isListening = true;
  process.on('SIGTERM', onTerm);
}

function onTerm() {
  const isOurs = process.listeners('SIGTERM').every((listener) => listener === onTerm);
  if (!isOurs) return;
  if (isLeaving) process.exit(1);
  if (backends.size === 0) process.exit();
  isLeaving = true;
  for (const [server, backend] of backends) drain(server, backend);
}

function drain(server, backend) {
  const { drainTimeoutSeconds } = backend.options;
  const leaveIfLast = () => {
    if (backends.size === 0) process.exit();
  };
  server.once('close', leaveIfLast);
  backend.once('ended', () => setImmediate(leaveIfLast));
  if (server.listening) server.close();
  setTimeout(() => {
    const count = backend.exchanges.size;
    backend.log.warn(
      `requests cut because they were not done after ${drainTimeoutSeconds} s of draining: ${count}`,
    );
    backend.stop();
  }, drainTimeoutSeconds * 1000).unref();
}

module.exports = { drainOnTerm };
