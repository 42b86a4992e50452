'use strict';

const { ServerResponse } = require('node:http');
const { boundHere } = require('./reply');

const kExchange = Symbol('swiftiply.exchange');

/**
 * Turns a `ServerResponse` of Node into the front of a `Reply`.
 *
 * Node's own code keeps all of its behaviour (`writeHead` forms, implicit heads, cookies, `Date`, HEAD and 204,
 * `'finish'`, errors); only the three methods in which it hands text to a socket are replaced. They are own properties
 * because frameworks give a response another prototype (Express), which must not undo this.
 */
function carry(res, exchange) {
  res[kExchange] = exchange;
  res._send = send;
  res._writeRaw = writeRaw;
  res._finish = finish;
}

/** Node's last step before the socket: `data` is body, or the chunked coding of it. */
function send(data, encoding, callback) {
  const exchange = this[kExchange];
  if (exchange.socket.destroyed) return false;
  const { reply } = exchange;
  if (!this._headerSent && this._header !== null) {
    this._headerSent = true;
    // Node joins the head to a first piece of text, and so writes the head in that text's encoding.
    reply.start(this._header, typeof data === 'string' && (!encoding || encoding === 'utf8'));
  }
  if (this.chunkedEncoding && this._hasBody) writeUnchunked(this, exchange, data, encoding, callback);
  else reply.write(data, encoding, callback);
  exchange.socket.touch();
  return reply.bytesWaiting < exchange.socket.writableHighWaterMark;
}

/**
 * Node hands a chunk over in pieces: its size in hex, CRLF, the data (in several pieces if the response was corked),
 * CRLF; and the end as one piece that begins with `0` and CRLF and holds the trailers. On the link lengths are fields,
 * so of these only the data and the trailers go on.
 */
function writeUnchunked(res, exchange, data, encoding, callback) {
  switch (exchange.chunkPart) {
    case SIZE:
      if (data.length === 0) exchange.reply.callAfter(callback);
      else if (data.startsWith('0\r\n')) endChunks(res, exchange, callback);
      else startChunk(exchange, data);
      return;
    case SIZE_END:
      exchange.chunkPart = DATA;
      return;
    case DATA:
      exchange.chunkBytesLeft -=
        typeof data === 'string' ? Buffer.byteLength(data, encoding) : data.byteLength;
      exchange.reply.write(data, encoding, callback);
      if (exchange.chunkBytesLeft === 0) exchange.chunkPart = DATA_END;
      return;
    default:
      exchange.reply.callAfter(boundHere(callback));
      exchange.chunkPart = SIZE;
  }
}

function startChunk(exchange, size) {
  exchange.chunkBytesLeft = parseInt(size, 16);
  exchange.chunkPart = SIZE_END;
}

function endChunks(res, exchange, callback) {
  exchange.reply.trailers = res._trailer;
  exchange.reply.callAfter(callback);
}

const SIZE = 0;
const SIZE_END = 1;
const DATA = 2;
const DATA_END = 3;

/** Node uses it only for informational replies: 100, 102, 103. */
function writeRaw(data, encoding, callback) {
  const exchange = this[kExchange];
  if (exchange.socket.destroyed) return false;
  exchange.inform(data);
  if (typeof callback === 'function') process.nextTick(callback);
  return true;
}

/** Node calls it once, when the app has ended the response and all of it was handed to `send`. */
function finish() {
  ServerResponse.prototype._finish.call(this);
  this[kExchange].endReply();
}

module.exports = { carry, kExchange };
