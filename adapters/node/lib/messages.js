'use strict';

const http = require('node:http');

/** The request that a head tells of, as Node's parser makes it. */
function requestOf({ server, Request }, socket, { method, target, versionMinor, rawHeaders }) {
  const req = new Request(socket);
  req.httpVersionMajor = 1;
  req.httpVersionMinor = versionMinor;
  req.httpVersion = versionMinor === 0 ? '1.0' : '1.1';
  req.joinDuplicateHeaders = server.joinDuplicateHeaders;
  req.method = method;
  req.url = target;
  req.upgrade = false;
  let count = rawHeaders.length;
  if (server.maxHeadersCount > 0) count = Math.min(count, server.maxHeadersCount * 2);
  req._addHeaderLines(rawHeaders, count);
  return req;
}

/** The response to `req`, as Node's server makes it. */
function responseOf({ server, Response }, req, socket) {
  const res = new Response(req, {
    highWaterMark: socket.writableHighWaterMark,
    rejectNonStandardBodyWrites: server.rejectNonStandardBodyWrites,
  });
  res.shouldKeepAlive = req.httpVersionMinor !== 0;
  if (symbols.unique) res[symbols.unique] = server[symbols.unique];
  return res;
}

/**
 * Node keeps some state under symbols that it does not export. They are found by their names, once, on objects of
 * its own; where a later version has none, the option is simply not honoured.
 */
const nodeServer = new http.Server();
const nodeListener = nodeServer.listeners('connection')[0];
const symbols = {
  unique: symbolOf(nodeServer, 'kUniqueHeaders'),
  needDrain: symbolOf(new http.ServerResponse({ method: 'GET', headers: {} }), 'kNeedDrain'),
};

function symbolOf(object, description) {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

/** The value of `Expect`, looked for without building the object of all headers. */
function expectationOf(req) {
  if (req.httpVersionMinor === 0) return undefined;
  const { rawHeaders } = req;
  for (let n = 0; n < rawHeaders.length; n += 2) {
    if (rawHeaders[n].length === 6 && rawHeaders[n].toLowerCase() === 'expect') return rawHeaders[n + 1];
  }
  return undefined;
}

/** Libraries that count or close connections hear of each; Node's own listener would put a parser on it. */
function announce(server, socket) {
  const event = server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection';
  if (server.listenerCount(event) < 2) return;
  for (const listener of server.rawListeners(event)) {
    if (listener !== nodeListener) listener.call(server, socket);
  }
}

function emitDrain(res) {
  if (!res.writableNeedDrain) return;
  res[symbols.needDrain] = false;
  res.emit('drain');
}

function emitClose(res) {
  if (res._closed) return;
  res.destroyed = true;
  res._closed = true;
  res.emit('close');
}

/** The error that Node's own server gives a request whose client left. */
function resetError() {
  return Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
}

module.exports = { requestOf, responseOf, expectationOf, announce, emitDrain, emitClose, resetError };
