'use strict';

const { AsyncResource } = require('node:async_hooks');
const { Head } = require('./head');
const { announce, requestOf } = require('./messages');
const { TunnelSocket } = require('./tunnel');

/** Bytes taken from the link in one call: what Node's own sockets read at once. */
const PIECE_BYTES_MAX = 64 * 1024;

/** Seconds after which a client that found no place may ask again. */
const RETRY_SECONDS = 5;

const NO_BYTES = Buffer.alloc(0);

/**
 * A request that offers to upgrade, given to the app's `'upgrade'` listeners with a socket instead of a response, as
 * Node's server does. With the 101 that the app writes it leaves its slot, and counts as one of the process's tunnels.
 */
class Upgrade extends AsyncResource {
  /**
   * @param {import('./backend').Backend} backend
   * @param {number} id by which the native side knows it
   * @param {string} headText see `head.js`
   */
  constructor(backend, id, headText) {
    super('HTTPINCOMINGMESSAGE');
    const { server, connector, classes } = backend;
    const head = new Head(headText, backend.headerNames);
    this.backend = backend;
    this.server = server;
    this.connector = connector;
    this.id = id;
    this.isTunnel = false;
    this.hasSpoken = false;
    this.isFinished = false;
    this.isOver = false;
    this.hasEnded = false;
    /** What the window had no room for, and what to call when it is taken. */
    this.rest = null;
    this.callback = null;
    this.socket = new TunnelSocket(this, head);
    this.req = requestOf(classes, this.socket, head);
    this.req.upgrade = true;
    this.req.complete = true;
  }

  begin() {
    if (!this.connector.claimTunnel(this.id)) {
      this.backend.log.warn(
        `${this.req.url}: answered 503, since this process has no more tunnels (--tunnels)`,
      );
      this.answer('503 Service Unavailable', `Retry-After: ${RETRY_SECONDS}\r\n`);
      return;
    }
    announce(this.server, this.socket);
    try {
      // What the client sent behind its handshake comes with the first read: the proxy holds it back until the 101.
      this.server.emit('upgrade', this.req, this.socket, NO_BYTES);
    } catch (err) {
      this.appFailed(err);
    }
  }

  // What the native side reports.

  onReadable() {
    this.pull();
  }

  onWritable() {
    const { rest, callback } = this;
    if (rest === null) return;
    this.rest = this.callback = null;
    this.say(rest, callback);
  }

  onDisconnected() {
    this.socket.destroy();
  }

  // What the socket asks for.

  /** Gives the socket what there is, as long as it wants more. */
  pull() {
    while (this.isTunnel && !this.hasEnded) {
      const piece = this.read();
      if (piece === undefined) return;
      this.socket.touch();
      if (piece === null) {
        this.endReading();
        return;
      }
      this.socket.bytesRead += piece.length;
      if (!this.socket.push(piece)) return;
    }
  }

  read() {
    try {
      return this.connector.read(this.id, PIECE_BYTES_MAX);
    } catch {
      // The client is gone, or the link.
      this.socket.destroy();
      return undefined;
    }
  }

  /** Sends bytes, and calls back when all of them are taken. */
  say(bytes, callback) {
    if (this.isFinished) {
      callback();
      return;
    }
    this.hasSpoken = true;
    let taken;
    try {
      taken = this.connector.writeRaw(this.id, bytes);
      if (!this.isTunnel) this.isTunnel = this.connector.isTunnel(this.id);
    } catch (err) {
      this.refused(err);
      callback();
      return;
    }
    this.socket.bytesWritten += taken;
    this.socket.touch();
    if (taken < bytes.length) {
      this.rest = bytes.subarray(taken);
      this.callback = callback;
    } else {
      callback();
    }
    this.pull();
  }

  /** The app has said its last: for the proxy that is the end of the connection. */
  finish() {
    if (this.isFinished) return;
    this.isFinished = true;
    if (this.rest === null) this.connector.finishRaw(this.id);
    else this.connector.abort(this.id, 'the app closed the connection before all was sent');
    this.endReading();
  }

  cut(reason) {
    if (this.isFinished) return;
    this.isFinished = true;
    this.connector.abort(this.id, reason);
  }

  /** The socket is closed. */
  over() {
    if (this.isOver) return;
    this.isOver = true;
    this.backend.over(this);
  }

  // What goes wrong.

  /** An exception of the app is a 500, or a visible cut once it has said anything; the process lives on. */
  appFailed(err) {
    this.complain(err instanceof Error ? err.stack : err);
    if (this.hasSpoken) {
      this.cut('the app threw');
      this.socket.destroy();
    } else {
      this.answer('500 Internal Server Error', '');
    }
  }

  /** The native side could not send what the app wrote. */
  refused(err) {
    if (err.code !== 'SWIFTIPLY_CLIENT_GONE') this.complain(err.message);
    this.cut(err.message);
    this.socket.destroy();
  }

  answer(status, headers) {
    const text = `${status.slice(4)}\n`;
    this.socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n${headers}Content-Length: ${text.length}\r\n\r\n${text}`,
    );
  }

  endReading() {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.socket.push(null);
    // Of a socket that nobody reads there is still an end.
    if (this.socket.readableFlowing === null && this.socket.listenerCount('readable') === 0)
      this.socket.resume();
  }

  complain(text) {
    this.backend.log.error(`${this.req.method} ${this.req.url}: ${text}`);
  }
}

module.exports = { Upgrade };
