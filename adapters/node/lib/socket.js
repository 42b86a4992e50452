'use strict';

const { ClientSocket } = require('./client');

/**
 * What an app finds as `req.socket` and `res.socket`: the client's connection, as far as one exchange knows it.
 *
 * It lives exactly as long as its exchange, like a connection that closes after one reply, so what an app learns from
 * it (addresses, `destroyed`, `'close'`) is always about this client. It carries no bytes of its own: the request and
 * the reply travel as parsed messages on the link. Node's `http` calls `resume` and `pause` on it when a request's
 * body is wanted, and looks at `writableLength` to know what has left.
 */
class ExchangeSocket extends ClientSocket {
  /** @param {import('./exchange').Exchange} exchange @param {import('./head').Head} head */
  constructor(exchange, head) {
    super(exchange, head, { autoDestroy: false, decodeStrings: false });
    // These three belong to Node's own http server, which looks for them on its sockets.
    this.parser = null;
    this._paused = false;
    this._httpMessage = null;
  }

  get bytesRead() {
    return this.exchange.bytesRead;
  }
  get bytesWritten() {
    return this.exchange.reply.bytesWritten;
  }
  get writableLength() {
    return this.exchange.reply.bytesWaiting;
  }

  resume() {
    this.exchange.wantBody();
    return this;
  }

  pause() {
    this.exchange.holdBody();
    return this;
  }

  /** As Node's server does: the end of an exchange in which nothing happens, unless someone listens for `'timeout'`. */
  onIdle() {
    const { req, res, server } = this.exchange;
    this.emit('timeout');
    const heard = [
      !req.complete && req.emit('timeout', this),
      res.emit('timeout', this),
      server.emit('timeout', this),
    ];
    if (!heard.some(Boolean)) this.destroy();
  }

  destroySoon() {
    this.end();
  }
  resetAndDestroy() {
    return this.destroy();
  }

  _read() {}

  _write(chunk, encoding, callback) {
    callback();
    this.destroy(
      new Error('this socket carries one exchange of Swiftiply: write to the response, not to its socket'),
    );
  }

  _final(callback) {
    callback();
    this.destroy();
  }

  _destroy(err, callback) {
    clearTimeout(this.idleTimer);
    this.prependOnceListener('close', onClose);
    // As in Node's server, an error of the connection goes to 'clientError' and never crashes the process.
    if (err) this.on('error', onError);
    callback(err);
  }
}

/** Before all other listeners: by what it does, they learn that the request was cut. */
function onClose() {
  this.exchange.closed();
}

function onError(err) {
  this.server.emit('clientError', err, this);
}

module.exports = { ExchangeSocket };
