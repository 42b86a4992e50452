'use strict';

const net = require('node:net');
const { Backend } = require('./backend');
const { optionsFrom } = require('./options');
const { drainOnTerm } = require('./signals');
const { tellSupervisor } = require('./supervised');

/** The first of the ports that `listen(0)` is given: those that no one can have asked for by number. */
const EPHEMERAL_PORT_FIRST = 49_152;
const EPHEMERAL_PORTS = 65_536 - EPHEMERAL_PORT_FIRST;

const nodeListen = net.Server.prototype.listen;
const kBackend = Symbol('swiftiply.backend');

/** What this process listens on without listening: `host` and `port` as text -> the server. */
const taken = new Map();
let ephemeralPortsGiven = 0;

/**
 * `server.listen(...)`, but the server becomes a backend of the proxy instead of opening a port.
 *
 * To the app it looks as ever: `listening` and `address()` answer at once, `'listening'` comes when the server is in
 * service (the proxy has taken it), `close` drains, and `'close'` comes when all that had begun is done.
 *
 * @param {import('node:http').Server} server
 * @param {any[]} args of `listen`
 * @param {object} [given] options, see `Options` in `index.d.ts`
 * @param {object} [library] the native side; tests bring their own
 */
function dial(server, args, given, library) {
  // A server that listens already gets Node's own error.
  if (server._handle) return nodeListen.apply(server, args);
  const [wanted, callback] = net._normalizeArgs(args);
  const address = addressOf(wanted);
  const place = `${address.address} ${address.port}`;
  if (callback !== null) server.once('listening', callback);
  if (taken.has(place)) {
    process.nextTick(() => server.emit('error', addressInUse(wanted.host, address)));
    return server;
  }
  const shares = [...taken.values()].some((other) => other.address.port === address.port);
  server._handle = shares
    ? new SharedPlace(server, address)
    : dialled(server, address, optionsFrom(given), library);
  taken.set(place, { server, address });
  server._handle.onClosed = () => taken.delete(place);
  closeOnAbort(server, wanted.signal);
  return server;
}

function dialled(server, address, options, library) {
  const backend = new Backend(server, options, library);
  server[kBackend] = backend;
  backend.once('connected', () => {
    tellSupervisor({ state: 'ready' });
    if (server._handle) server.emit('listening');
  });
  backend.once('refused', (err) => refused(server, backend, err));
  drainOnTerm(server, backend);
  tellSupervisor({ state: 'loaded' });
  return new LinkPlace(server, address, backend);
}

/** Nobody can be served: the app's own `'error'` listener decides, else the process ends with the reason. */
function refused(server, backend, err) {
  backend.stop();
  server._handle?.onClosed();
  server._handle = null;
  if (server.listenerCount('error') > 0) {
    server.emit('error', err);
    return;
  }
  const exit = () => process.exit(1);
  if (tellSupervisor({ state: 'refused', reason: err.message }, exit)) return;
  backend.log.error(err.message);
  exit();
}

/**
 * Stands where Node keeps the handle of a listening socket (`server._handle`), so that all the rest of Node's
 * `net.Server` works unchanged: `listening`, `address`, `close`, `ref`, `unref`, `getConnections`.
 */
class Place {
  constructor(server, address) {
    this.server = server;
    this.address = address;
    this.onClosed = () => {};
  }

  getsockname(out) {
    Object.assign(out, this.address);
    return 0;
  }

  close() {
    this.onClosed();
  }

  ref() {}
  unref() {}
  hasRef() {
    return true;
  }
  getAsyncId() {
    return 0;
  }
}

/** The place of a server that is a backend. */
class LinkPlace extends Place {
  constructor(server, address, backend) {
    super(server, address);
    this.backend = backend;
    if (server._unref) backend.connector.unref();
  }

  close() {
    super.close();
    // The drain counts as one open connection: requests may still come until the proxy has heard of it.
    this.server._connections++;
    this.backend.once('ended', () => {
      this.server._connections--;
      this.server._emitCloseIfDrained();
    });
    this.backend.drain();
  }

  ref() {
    this.backend.connector.ref();
  }
  unref() {
    this.backend.connector.unref();
  }
}

/**
 * The place of a second server for the same port at another local address. Frameworks open such pairs to answer on
 * IPv4 and IPv6 (Fastify for `localhost`); all requests come to the first.
 */
class SharedPlace extends Place {
  constructor(server, address) {
    super(server, address);
    process.nextTick(() => {
      if (server._handle === this) server.emit('listening');
    });
  }
}

/** What `address()` answers: as if the port were open. */
function addressOf({ port, host }) {
  const number = Number(port ?? 0) || EPHEMERAL_PORT_FIRST + (ephemeralPortsGiven++ % EPHEMERAL_PORTS);
  if (!host) return { address: '::', family: 'IPv6', port: number };
  const address = net.isIP(host) ? host : '127.0.0.1';
  return { address, family: net.isIPv6(address) ? 'IPv6' : 'IPv4', port: number };
}

function addressInUse(host, { address, port }) {
  const where = `${host ?? address}:${port}`;
  return Object.assign(new Error(`listen EADDRINUSE: address already in use ${where}`), {
    code: 'EADDRINUSE',
    errno: -98,
    syscall: 'listen',
    address: host ?? address,
    port,
  });
}

function closeOnAbort(server, signal) {
  if (signal === undefined) return;
  if (signal.aborted) {
    process.nextTick(() => server.close());
    return;
  }
  const close = () => server.close();
  signal.addEventListener('abort', close, { once: true });
  server.once('close', () => signal.removeEventListener('abort', close));
}

/** The backend that a server has become, if it has. */
function backendOf(server) {
  return server[kBackend];
}

module.exports = { dial, backendOf, nodeListen };
