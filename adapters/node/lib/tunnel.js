'use strict';

const { ClientSocket } = require('./client');

/**
 * The socket of an `'upgrade'`: what is written on it goes to the client, a head of HTTP/1 first, and what the client says
 * after a 101 is read from it. Windows of the link are its back-pressure; closing one side, as with a `net.Socket` of
 * Node's server, leaves the other open.
 */
class TunnelSocket extends ClientSocket {
  /** @param {import('./upgrade').Upgrade} upgrade @param {import('./head').Head} head */
  constructor(upgrade, head) {
    super(upgrade, head, { allowHalfOpen: true });
    this.bytesRead = 0;
    this.bytesWritten = 0;
  }

  /** As on any socket that is nobody's server's: whoever set the time decides. */
  onIdle() {
    this.emit('timeout');
  }

  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  resetAndDestroy() {
    this.exchange.cut('the app reset the connection');
    return this.destroy();
  }

  _read() {
    this.exchange.pull();
  }

  _write(chunk, encoding, callback) {
    this.exchange.say(chunk, callback);
  }

  /** What was gathered (`cork`, or while the window was full) leaves in one piece. */
  _writev(chunks, callback) {
    this.exchange.say(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  _final(callback) {
    this.exchange.finish();
    callback();
  }

  _destroy(err, callback) {
    clearTimeout(this.idleTimer);
    this.exchange.finish();
    this.exchange.over();
    callback(err);
  }
}

module.exports = { TunnelSocket };
