'use strict';

const { Duplex } = require('node:stream');
const { endpointsOf } = require('./head');

/** What the sockets of all exchanges have in common with a `net.Socket`: addresses, idle time, options. */
class ClientSocket extends Duplex {
  /**
   * @param {object} exchange that it belongs to
   * @param {import('./head').Head} head
   * @param {import('node:stream').DuplexOptions} options
   */
  constructor(exchange, head, options) {
    super(options);
    this.exchange = exchange;
    this.server = exchange.server;
    this.endpoints = head.endpoints;
    // Frameworks ask for `encrypted` to tell https (Express `req.secure`); on a plain socket it is not there at all.
    if (head.isHttps) this.encrypted = true;
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
  get bufferSize() {
    return this.writableLength;
  }

  address() {
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  /** Calls `onIdle` after `ms` without traffic. */
  setTimeout(ms, callback) {
    clearTimeout(this.idleTimer);
    this.timeout = ms;
    this.idleTimer = ms > 0 ? setTimeout(callOnIdle, ms, this).unref() : null;
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
}

function callOnIdle(socket) {
  socket.onIdle();
}

function familyOf(address) {
  if (address === undefined) return undefined;
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

module.exports = { ClientSocket };
