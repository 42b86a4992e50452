'use strict';

const { AsyncResource } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');
const { Head } = require('./head');
const {
  announce,
  emitClose,
  emitDrain,
  expectationOf,
  requestOf,
  resetError,
  responseOf,
} = require('./messages');
const { BODY } = require('./native');
const { closeQuietly, endQuietly, isUnheard } = require('./quiet');
const { Reply } = require('./reply');
const { carry, kExchange } = require('./response');
const { ExchangeSocket } = require('./socket');
const { soon } = require('./soon');

/** Bytes of request body taken from the link in one call: what Node's own sockets read at once. */
const BODY_PIECE_BYTES_MAX = 64 * 1024;

// APM tools listen on these, and Node's own server publishes the same at the same moments.
const requestStart = diagnostics.channel('http.server.request.start');
const responseFinish = diagnostics.channel('http.server.response.finish');

const EXPECT_CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/**
 * One request and its reply, from the head that the link brought to the end that it takes away.
 *
 * The app sees Node's own `IncomingMessage` and `ServerResponse`, made by their own constructors (or the server's
 * `IncomingMessage` and `ServerResponse` options), emitted on its own `http.Server`. What Node's server does between
 * its parser and `'request'` is done here in the same order, see `parserOnIncoming` in Node's `_http_server.js`.
 *
 * It is an async resource, because whatever an app binds to its request (AsyncLocalStorage, APM) must be found again in
 * each of its events.
 */
class Exchange extends AsyncResource {
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
    this.bytesRead = 0;
    this.bodyWanted = false;
    this.bodyDone = false;
    this.bodyPulling = false;
    this.chunkPart = 0;
    this.chunkBytesLeft = 0;
    /** What Node calls when the response has left. */
    this.onTaken = null;
    this.reply = new Reply(connector, id, this);
    this.socket = new ExchangeSocket(this, head);
    this.req = requestOf(classes, this.socket, head);
    this.res = responseOf(classes, this.req, this.socket);
    carry(this.res, this);
    this.res.on('finish', onFinish);
  }

  /**
   * Gives the request to the app.
   * @param {number} bodyKind one of `BODY`
   * @param {Buffer|null} body all of it, when it came with the head
   */
  begin(bodyKind, body) {
    // A body that is here already is pushed below; an app that reads at once must not find its end before it.
    this.bodyPulling = bodyKind !== BODY.LATER;
    try {
      this.emitRequest();
    } catch (err) {
      this.appFailed(err);
    }
    if (bodyKind === BODY.LATER || this.bodyDone) return;
    if (body !== null) this.bodyCame(body);
    this.bodyEnded(null);
  }

  emitRequest() {
    const { server, req, res, socket } = this;
    if (requestStart.hasSubscribers) {
      requestStart.publish({ request: req, response: res, socket, server });
    }
    announce(server, socket);
    res.assignSocket(socket);
    const expect = expectationOf(req);
    if (expect === undefined) {
      server.emit('request', req, res);
    } else if (EXPECT_CONTINUE.test(expect)) {
      res._expect_continue = true;
      if (server.listenerCount('checkContinue') > 0) {
        server.emit('checkContinue', req, res);
      } else {
        res.writeContinue();
        server.emit('request', req, res);
      }
    } else if (!server.emit('checkExpectation', req, res)) {
      res.writeHead(417);
      res.end();
    }
  }

  // What the native side reports.

  /** There is body to read, or its end. */
  onReadable() {
    if (this.bodyWanted) this.pullBody();
  }

  /** The link takes more of the reply. */
  onWritable() {
    this.socket.touch();
    this.reply.unblock();
  }

  /** The client left, or the link broke. */
  onDisconnected() {
    this.socket.destroy();
  }

  // The request's body, driven by what Node's `IncomingMessage` asks of its socket.

  wantBody() {
    this.bodyWanted = true;
    this.pullBody();
  }

  holdBody() {
    this.bodyWanted = false;
  }

  pullBody() {
    if (this.bodyPulling) return;
    this.bodyPulling = true;
    try {
      while (this.bodyWanted && !this.bodyDone) {
        const piece = this.readPiece();
        if (piece === undefined) break;
        if (piece === null) this.bodyEnded(this.connector.trailers(this.id));
        else this.bodyCame(piece);
      }
    } finally {
      this.bodyPulling = false;
    }
  }

  readPiece() {
    try {
      return this.connector.read(this.id, BODY_PIECE_BYTES_MAX);
    } catch {
      // Half a body must never look like a whole one: the app learns it as 'aborted' and an error.
      this.socket.destroy();
      return undefined;
    }
  }

  bodyCame(piece) {
    this.bytesRead += piece.length;
    this.socket.touch();
    const { req } = this;
    if (req.destroyed) this.bodyWanted = false;
    else if (!req._dumped && !req.push(piece)) this.bodyWanted = false;
  }

  /** @param {string[]|null} trailers names and values in turn */
  bodyEnded(trailers) {
    const { req } = this;
    this.bodyDone = true;
    req.complete = true;
    if (trailers !== null && trailers.length > 0) req._addHeaderLines(trailers, trailers.length);
    // The usual request without a body, of which nobody has asked anything when it is answered, ends with its reply.
    if (!this.reply.isDone || !isUnheard(req)) req.push(null);
    this.reply.release();
    this.closeIfOver();
  }

  // The reply, driven by what Node's `ServerResponse` does.

  /** @param {string} head of an informational reply, as text of HTTP/1.1 */
  inform(head) {
    try {
      this.connector.inform(this.id, head);
    } catch (err) {
      this.replyFailed(err);
    }
  }

  endReply() {
    this.reply.end(this.isBodyAwaited());
  }

  /** An app may answer early and read on: then the exchange ends with the body. One that nobody reads is dropped. */
  isBodyAwaited() {
    const { req } = this;
    return (
      !this.bodyDone && !req.destroyed && (req.listenerCount('data') > 0 || req.listenerCount('readable') > 0)
    );
  }

  /** Nothing waits for the link any more. */
  replyTaken() {
    const { res } = this;
    if (res.writableNeedDrain) this.runInAsyncScope(process.nextTick, process, emitDrain, res);
  }

  /** Calls what Node calls at the end of a response: in the context that the app ended it in, if the app will notice. */
  callSoon(callback) {
    if (this.onTaken !== null || isAwaited(this.res)) {
      process.nextTick(callback);
      return;
    }
    this.onTaken = callback;
    soon(callOnTaken, this);
  }

  /** The native side refused what the app gave, or could not send it. */
  replyFailed(err) {
    if (err.code !== 'SWIFTIPLY_CLIENT_GONE') this.complain(err.message);
    this.reply.cut(err.message);
    this.socket.destroy();
  }

  /** The response is whole: what Node's server does on `'finish'`. */
  finished() {
    const { server, req, res, socket } = this;
    if (responseFinish.hasSubscribers) {
      responseFinish.publish({ request: req, response: res, socket, server });
    }
    if (this.bodyDone && isUnheard(req) && req.readableLength === 0) {
      endQuietly(req);
    } else {
      if (this.bodyDone && !req._readableState.ended) req.push(null);
      if (!req._consuming && !req._readableState.resumeScheduled) req._dump();
    }
    res.detachSocket(socket);
    if (isAwaited(res)) process.nextTick(emitClose, res);
    else soon(closeResponse, this);
    if (this.reply.isDone && !this.bodyDone) this.dropBody();
    this.closeIfOver();
  }

  /** The exchange is over before its body: what Node reads and throws away, the proxy has to. */
  dropBody() {
    if (this.req._dumped) this.bodyEnded(null);
    else this.req.destroy(resetError());
    this.bodyDone = true;
  }

  // The end.

  /** The socket closes when the response is whole and the request read or dropped. */
  closeIfOver() {
    const { socket } = this;
    if (!this.bodyDone || !this.reply.isDone || this.res.socket !== null || socket.destroyed) return;
    if (socket._eventsCount > 0 || socket.idleTimer !== null) {
      socket.destroy();
    } else {
      closeQuietly(socket);
      this.closed();
    }
  }

  /** The socket has closed; unless all was said, the app and the proxy learn that the exchange was cut. */
  closed() {
    const { req, reply } = this;
    if (this.res.socket !== null || !this.bodyDone) req.destroy(resetError());
    this.bodyDone = true;
    reply.cut('the app closed the connection before its reply was whole');
    this.backend.over(this);
  }

  /** An exception of the app is a 500, or a visible cut once the reply has begun; the process lives on. */
  appFailed(err) {
    const { res } = this;
    this.complain(err instanceof Error ? err.stack : err);
    if (res.headersSent || res.writableEnded) {
      this.reply.cut('the app threw while it replied');
      this.socket.destroy();
      return;
    }
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    res.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' });
    res.end('Internal Server Error\n');
  }

  /** The app's mistake, for the log. */
  complain(text) {
    this.backend.log.error(`${this.req.method} ${this.req.url}: ${text}`);
  }
}

/** Whether the app waits for the response's end; `onFinish` below does not count. */
function isAwaited(res) {
  return res.listenerCount('finish') > 1 || res.listenerCount('close') > 0;
}

function callOnTaken(exchange) {
  if (isAwaited(exchange.res)) exchange.runInAsyncScope(exchange.onTaken);
  else exchange.onTaken();
}

function closeResponse(exchange) {
  const { res } = exchange;
  if (isAwaited(res)) exchange.runInAsyncScope(emitClose, undefined, res);
  else emitClose(res);
}

function onFinish() {
  this[kExchange].finished();
}

module.exports = { Exchange };
