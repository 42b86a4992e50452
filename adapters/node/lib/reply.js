'use strict';

const { AsyncResource } = require('node:async_hooks');
const http = require('node:http');
const { soon } = require('./soon');

/** Where a reply stands: `OPEN` -> (`HELD` ->) `ENDING` -> `DONE`, or straight to `DONE` when it is cut. */
const OPEN = 0;
const HELD = 1;
const ENDING = 2;
const DONE = 3;

/**
 * The way of one reply to the link: a head, pieces of body in order, an end.
 *
 * Pieces wait here until the end of the tick, or until the reply is whole, so that the usual small reply leaves in one
 * native call. What the link's window has no room for waits until the connector says that there is room again;
 * `bytesWaiting` counts it, and Node's own back-pressure reads that.
 */
class Reply {
  /**
   * @param {import('./native').Connector} connector
   * @param {number} id of the exchange
   * @param {import('./exchange').Exchange} exchange told when nothing waits any more, and when the native side refuses
   *   what the app gave
   */
  constructor(connector, id, exchange) {
    this.connector = connector;
    this.id = id;
    this.exchange = exchange;
    this.bytesWaiting = 0;
    this.bytesWritten = 0;
    this.head = null;
    this.headIsUtf8 = false;
    this.pieces = [];
    this.trailers = '';
    this.state = OPEN;
    this.tickAsked = false;
    this.blocked = false;
    /** More was given than the Content-Length allows. */
    this.isFull = false;
  }

  /** The head as Node rendered it: `HTTP/1.1 200 OK`, one `Name: value` a line, an empty line. */
  start(head, isUtf8) {
    this.head = head;
    this.headIsUtf8 = isUtf8;
    this.flushSoon();
  }

  /** Adds a piece of body, and what to call when it is taken. */
  write(data, encoding, callback) {
    if (this.state === DONE) return;
    if (data.length === 0) {
      this.callAfter(callback);
      return;
    }
    const piece = pieceOf(data, encoding, boundHere(callback));
    this.pieces.push(piece);
    this.bytesWaiting += piece.size;
    this.flushSoon();
  }

  /** Adds something to call when all before it is taken. */
  callAfter(callback) {
    if (this.state === DONE) return;
    const last = this.pieces[this.pieces.length - 1];
    if (last !== undefined && last.after === null) last.after = callback || null;
    else if (callback) this.pieces.push({ ...NO_PIECE, after: callback });
    this.flushSoon();
  }

  /** Nothing follows. With `held` the exchange stays open, for the rest of its request, until `release`. */
  end(held) {
    this.state = held ? HELD : ENDING;
    this.flush();
  }

  /** Ends what `end` held. */
  release() {
    if (this.state !== HELD) return;
    this.state = ENDING;
    this.flush();
  }

  /** Whether the end has left, or the reply was cut. */
  get isDone() {
    return this.state === DONE;
  }

  /** Nothing more goes out; the proxy is told unless everything had been said. */
  cut(reason) {
    if (this.state === DONE) return;
    this.state = DONE;
    this.head = null;
    this.pieces = [];
    this.bytesWaiting = 0;
    this.connector.abort(this.id, reason);
  }

  /** The link has room again. */
  unblock() {
    this.blocked = false;
    this.flush();
  }

  flushSoon() {
    if (this.tickAsked || this.blocked) return;
    this.tickAsked = true;
    soon(flushTick, this);
  }

  flush() {
    if (this.state === DONE || this.blocked) return;
    try {
      if (this.isWhole()) this.sendWhole();
      else this.sendParts();
    } catch (err) {
      this.exchange.replyFailed(err);
    }
  }

  isWhole() {
    return this.state === ENDING && this.head !== null && this.pieces.length <= 1 && this.trailers === '';
  }

  sendWhole() {
    const piece = this.pieces.length === 1 ? this.pieces[0] : NO_PIECE;
    const head = this.head;
    this.head = null;
    const taken = this.connector.send(this.id, head, this.headIsUtf8, piece.bytes, piece.latin1);
    if (taken < piece.size) {
      this.shorten(piece, taken);
      this.sendParts();
      return;
    }
    this.state = DONE;
    if (piece !== NO_PIECE) this.take(piece);
    this.exchange.replyTaken();
  }

  sendParts() {
    if (this.head !== null) {
      this.connector.start(this.id, this.head, this.headIsUtf8);
      this.head = null;
    }
    while (this.pieces.length > 0) {
      const piece = this.pieces[0];
      const taken = this.sendPiece(piece);
      if (taken < piece.size) {
        this.shorten(piece, taken);
        this.blocked = true;
        return;
      }
      this.take(piece);
    }
    if (this.state === ENDING) {
      this.connector.finish(this.id, this.trailers);
      this.state = DONE;
    }
    this.exchange.replyTaken();
  }

  /** How many of its bytes were taken. */
  sendPiece(piece) {
    if (piece.size === 0 || this.isFull) return piece.size;
    if (typeof piece.bytes === 'string') piece.bytes = bufferOf(piece);
    try {
      return this.connector.write(this.id, piece.bytes);
    } catch (err) {
      if (err.code !== 'SWIFTIPLY_TOO_LONG') throw err;
      // What the Content-Length allowed has left; like the client, we take no notice of the rest, but the log does.
      this.isFull = true;
      this.exchange.complain(err.message);
      return piece.size;
    }
  }

  shorten(piece, taken) {
    piece.bytes = (typeof piece.bytes === 'string' ? bufferOf(piece) : piece.bytes).subarray(taken);
    piece.size -= taken;
    this.bytesWaiting -= taken;
    this.bytesWritten += taken;
  }

  take(piece) {
    this.pieces.shift();
    this.bytesWaiting -= piece.size;
    this.bytesWritten += piece.size;
    if (piece.callback !== null) process.nextTick(piece.callback);
    if (piece.after !== null) this.exchange.callSoon(piece.after);
  }
}

const NO_PIECE = { bytes: null, size: 0, latin1: false, callback: null, after: null };

/** What Node gives with a write to which the app gave no callback. */
const NO_CALLBACK = callbackOfNone();

function callbackOfNone() {
  const res = new http.ServerResponse({
    method: 'GET',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: {},
  });
  let given;
  res._send = (data, encoding, callback) => {
    given = callback;
    return true;
  };
  res.setHeader('Content-Length', 1);
  res.write('x');
  return given;
}

/** Strings travel as they are in the two encodings that the native side reads; others become bytes here. */
function pieceOf(data, encoding, callback) {
  const latin1 = encoding === 'latin1' || encoding === 'binary';
  let bytes = data;
  if (typeof data === 'string' && !latin1 && encoding && encoding !== 'utf8' && encoding !== 'utf-8') {
    bytes = Buffer.from(data, encoding);
  }
  let size = bytes.length;
  if (typeof bytes === 'string' && !latin1) size = Buffer.byteLength(bytes);
  return { bytes, size, latin1, callback, after: null };
}

function bufferOf({ bytes, latin1 }) {
  return Buffer.from(bytes, latin1 ? 'latin1' : 'utf8');
}

/** What is taken in a tick that is nobody's still calls back in the app's own async context. */
function boundHere(callback) {
  return callback && callback !== NO_CALLBACK ? AsyncResource.bind(callback) : null;
}

function flushTick(reply) {
  reply.tickAsked = false;
  if (reply.state !== DONE) reply.exchange.runInAsyncScope(reply.flush, reply);
}

module.exports = { Reply, boundHere };
