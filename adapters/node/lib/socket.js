'use strict';

const { Duplex } = require('node:stream');
const { endpointsOf } = require('./head');

/**
 * What an app finds as `req.socket` and `res.socket`: the client's connection, as far as one exchange knows it.
 *
 * It lives exactly as long as its exchange, like a connection that closes after one reply, so what an app learns from
 * it (addresses, `destroyed`, `'close'`) is always about this client. It carries no bytes of its own: the request and
 * the reply travel as parsed messages on the link. Node's `http` calls `resume` and `pause` on it when a request's
 * body is wanted, and looks at `writableLength` to know what has left.
 */
class ExchangeSocket extends Duplex {
  /** @param {import('./exchange').Exchange} exchange @param {import('./head').Head} head */
  constructor(exchange, head) {
    super({ autoDestroy: false, decodeStrings: false });
    this.exchange = exchange;
    this.server = exchange.server;
    this.endpoints = head.endpoints;
    // Frameworks ask for `encrypted` to tell https (Express `req.secure`); on a plain socket it is not there at all.
    if (head.isHttps) this.encrypted = true;
    // These three belong to Node's own http server, which looks for them on its sockets.
    this.parser = null;
    this._paused = false;
    this._httpMessage = null;
    this.timeout = 0;
    this.idleTimer = null;
  }

  get remoteAddress() {
    return endpointsOf(this.endpoints).remoteAddress;
  }
  get remotePort() {
    return endpointsOf(this.endpoints).remotePort;
  }
  get localAddress() {
    return endpointsOf(this.endpoints).localAddress;
  }
  get localPort() {
    return endpointsOf(this.endpoints).localPort;
  }
  get remoteFamily() {
    return familyOf(this.remoteAddress);
  }
  get localFamily() {
    return familyOf(this.localAddress);
  }
  get connecting() {
    return false;
  }
  get pending() {
    return false;
  }
  get readyState() {
    return this.destroyed ? 'closed' : 'open';
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
  get bufferSize() {
    return this.writableLength;
  }

  address() {
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  resume() {
    this.exchange.wantBody();
    return this;
  }

  pause() {
    this.exchange.holdBody();
    return this;
  }

  /** Destroys the socket after `ms` without traffic, unless someone listens for `'timeout'`, as Node's server does. */
  setTimeout(ms, callback) {
    clearTimeout(this.idleTimer);
    this.timeout = ms;
    this.idleTimer = ms > 0 ? setTimeout(onIdle, ms, this).unref() : null;
    if (callback) {
      if (ms > 0) this.once('timeout', callback);
      else this.removeListener('timeout', callback);
    }
    return this;
  }

  /** Traffic: the idle time begins anew. */
  touch() {
    if (this.idleTimer !== null) this.idleTimer.refresh();
  }

  // The client's TCP connection is the proxy's, and so are its options.
  setNoDelay() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
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

function familyOf(address) {
  if (address === undefined) return undefined;
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** Before all other listeners: by what it does, they learn that the request was cut. */
function onClose() {
  this.exchange.closed();
}

function onError(err) {
  this.server.emit('clientError', err, this);
}

function onIdle(socket) {
  const { req, res, server } = socket.exchange;
  socket.emit('timeout');
  const heard = [
    !req.complete && req.emit('timeout', socket),
    res.emit('timeout', socket),
    server.emit('timeout', socket),
  ];
  if (!heard.some(Boolean)) socket.destroy();
}

module.exports = { ExchangeSocket };
