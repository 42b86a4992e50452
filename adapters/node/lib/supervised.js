'use strict';

/** Set by the command for the processes that it starts. */
const SUPERVISED = 'SWIFTIPLY_SUPERVISED';

/**
 * Tells the command that started this process how far it has come: `loaded` (the script has called `listen`), `ready`
 * (in service) or `refused`. False when no command started it; else `callback` is called when the news has left.
 */
function tellSupervisor(news, callback) {
  if (!isSupervised()) return false;
  process.send({ swiftiply: news }, callback);
  return true;
}

function isSupervised() {
  return process.env[SUPERVISED] === String(process.ppid) && process.connected === true;
}

/** A process whose supervisor is gone must not stay behind, unseen by anyone: it drains and leaves. */
function leaveWithSupervisor() {
  if (!isSupervised()) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // The channel alone must not keep a script running that has nothing more to do.
  process.channel.unref();
}

module.exports = { SUPERVISED, tellSupervisor, leaveWithSupervisor };
