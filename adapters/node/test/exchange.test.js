'use strict';

// What only a link can bring: clients that leave, windows that fill, bodies that come piece by piece.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const { FakeProxy } = require('./fake');

/** A server that keeps the request and response of each exchange for the test. */
async function kept(options) {
  const proxy = new FakeProxy(options);
  const seen = [];
  const server = await proxy.server((req, res) => {
    seen.push({ req, res });
  });
  return { proxy, server, seen };
}

const settled = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('a client that leaves is told to the app as aborted, an error and close', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request({ method: 'POST', body: 'later', headers: { 'content-length': '10' } });
  const [{ req, res }] = seen;
  const events = [];
  req.on('aborted', () => events.push('req aborted'));
  req.on('error', (err) => events.push(`req ${err.code} ${err.message}`));
  req.on('close', () => events.push('req close'));
  res.on('close', () => events.push(`res close, finished: ${res.writableFinished}`));
  req.resume();
  exchange.data('half');
  exchange.leave();
  await exchange.reply;
  await settled();
  assert.deepEqual(events, [
    'req aborted',
    'res close, finished: false',
    'req ECONNRESET aborted',
    'req close',
  ]);
  assert.equal(req.aborted, true);
  assert.equal(req.complete, false);
  assert.equal(req.socket.destroyed, true);
  assert.equal(res.write('too late'), false);
});

test('a client that leaves after its reply is no abort', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request();
  const [{ req, res }] = seen;
  req.on('aborted', () => assert.fail('nothing was cut'));
  res.end('all');
  await exchange.reply;
  exchange.leave();
  await settled();
  assert.equal(exchange.aborted, undefined);
});

test('a slow client holds the app back, and drain lets it go on', async () => {
  const { proxy, seen } = await kept({ window: 1000 });
  const exchange = proxy.request();
  const [{ res }] = seen;
  const bytes = res.writableHighWaterMark + 1000;
  let written = false;
  const isTaken = res.write('x'.repeat(bytes), () => {
    written = true;
  });
  assert.equal(isTaken, false);
  await settled();
  assert.equal(exchange.body.length, 1000);
  assert.equal(res.writableNeedDrain, true);
  assert.equal(res.writableLength, bytes - 1000);
  assert.equal(written, false);
  const drained = once(res, 'drain');
  exchange.grant(1000);
  exchange.grant(bytes);
  await drained;
  assert.equal(written, true);
  assert.equal(res.writableLength, 0);
  res.end('end');
  await exchange.reply;
  assert.equal(exchange.body.length, bytes + 3);
});

test('a whole reply that does not fit into the window is finished when there is room', async () => {
  const { proxy, seen } = await kept({ window: 10 });
  const exchange = proxy.request();
  const [{ res }] = seen;
  let finished = false;
  res.on('finish', () => {
    finished = true;
  });
  res.end('0123456789abc');
  await settled();
  assert.equal(exchange.isWhole, undefined);
  assert.equal(finished, false);
  exchange.grant(10);
  await exchange.reply;
  await settled();
  assert.equal(exchange.body, '0123456789abc');
  assert.equal(finished, true);
});

test('a body is read no faster than the app takes it', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request({ method: 'POST', body: 'later', headers: { 'content-length': '1000000' } });
  const [{ req }] = seen;
  for (let n = 0; n < 20; n++) exchange.data('x'.repeat(50_000));
  await settled();
  assert.equal(exchange.requestPieces.length, 20, 'nothing is read before the app asks');
  req.once('readable', () => {});
  await settled();
  assert.ok(exchange.requestPieces.length > 15, 'one buffer is read ahead');
  exchange.dataEnd();
  let length = 0;
  for await (const chunk of req) length += chunk.length;
  assert.equal(length, 1_000_000);
  assert.equal(req.complete, true);
});

test('trailers of a request are there at its end', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request({
    method: 'POST',
    body: 'later',
    headers: { 'transfer-encoding': 'chunked' },
  });
  const [{ req, res }] = seen;
  req.resume();
  exchange.data('x');
  exchange.dataEnd(['X-Sum', 'abc', 'X-Sum', 'def']);
  await once(req, 'end');
  assert.deepEqual({ ...req.trailers }, { 'x-sum': 'abc, def' });
  assert.deepEqual(req.rawTrailers, ['X-Sum', 'abc', 'X-Sum', 'def']);
  res.end();
  await exchange.reply;
});

test('an app that answers early may read on: the exchange ends with the body', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request({ method: 'POST', body: 'later', headers: { 'content-length': '6' } });
  const [{ req, res }] = seen;
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  res.end('accepted');
  await settled();
  assert.equal(exchange.body, 'accepted');
  assert.equal(exchange.isWhole, undefined);
  exchange.data('abc');
  exchange.data('def');
  exchange.dataEnd();
  await exchange.reply;
  assert.equal(Buffer.concat(chunks).toString(), 'abcdef');
  assert.equal(exchange.isWhole, true);
});

test('an app that answers early and does not read lets the rest go', async () => {
  const { proxy, seen } = await kept();
  const exchange = proxy.request({ method: 'POST', body: 'later', headers: { 'content-length': '6' } });
  const [{ req, res }] = seen;
  const closed = once(req, 'close');
  res.writeHead(413).end();
  await exchange.reply;
  await closed;
  assert.equal(exchange.isWhole, true);
  assert.equal(exchange.aborted, undefined);
});

test('an exception is a 500, and the next request is served', async () => {
  const lines = [];
  const proxy = new FakeProxy();
  const server = await proxy.server((req, res) => {
    if (req.url === '/throw') {
      res.setHeader('X-Secret', 'a');
      throw new Error('boom');
    }
    if (req.url === '/reject') return Promise.reject(new Error('bang'));
    if (req.url === '/late') {
      res.write('half');
      throw new Error('late');
    }
    res.end('fine');
  });
  const { backendOf } = require('../lib/dial');
  backendOf(server).log.write = (line) => lines.push(line);
  const thrown = await proxy.request({ path: '/throw' }).reply;
  assert.equal(thrown.status, 500);
  assert.equal(thrown.header('x-secret'), undefined);
  assert.equal((await proxy.request({ path: '/reject' }).reply).status, 500);
  const late = await proxy.request({ path: '/late' }).reply;
  assert.match(late.aborted, /threw while it replied/);
  assert.equal((await proxy.request({ path: '/' }).reply).body, 'fine');
  assert.match(
    lines.join(''),
    /GET \/throw: Error: boom\n\s+at .*GET \/reject: Error: bang.*GET \/late: Error: late/s,
  );
});

test('what a listener throws later does not cost the other events of the turn', async () => {
  const { proxy, seen } = await kept();
  const first = proxy.request({ method: 'POST', body: 'later' });
  const second = proxy.request({ method: 'POST', body: 'later' });
  const uncaught = [];
  const runnersOwn = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (err) => uncaught.push(err.message));
  seen[0].req.on('data', () => {
    throw new Error('in a listener');
  });
  seen[1].req.resume();
  await settled();
  first.requestPieces.push(Buffer.from('x'));
  second.requestPieces.push(null);
  const { EVENT } = require('../lib/native');
  proxy.turn([EVENT.READABLE, first.id, EVENT.READABLE, second.id]);
  await once(seen[1].req, 'end');
  await settled();
  runnersOwn.forEach((listener) => process.on('uncaughtException', listener));
  assert.deepEqual(uncaught, ['in a listener']);
});

test('what an app binds to one request is not found in another of the same turn', async () => {
  const storage = new AsyncLocalStorage();
  const proxy = new FakeProxy();
  await proxy.server((req, res) => {
    const before = storage.getStore();
    storage.enterWith(req.url);
    let body = '';
    req.on('data', (chunk) => {
      body += `${storage.getStore()} ${chunk};`;
    });
    req.on('end', () => res.end(`${before};${body}${storage.getStore()}`));
  });
  const first = proxy.request({ method: 'POST', path: '/a', body: '1' });
  const second = proxy.request({ method: 'POST', path: '/b', body: '2' });
  assert.equal((await first.reply).body, 'undefined;/a 1;/a');
  assert.equal((await second.reply).body, 'undefined;/b 2;/b');
});

test('diagnostics channels tell of the start and the finish, as Node does', async () => {
  const told = [];
  const onStart = ({ request, response, socket, server }) =>
    told.push(['start', request.url, !!response, !!socket, !!server]);
  const onFinish = ({ request, response }) => told.push(['finish', request.url, response.statusCode]);
  diagnostics.subscribe('http.server.request.start', onStart);
  diagnostics.subscribe('http.server.response.finish', onFinish);
  const proxy = new FakeProxy();
  await proxy.server((req, res) => res.end());
  await proxy.request({ path: '/told' }).reply;
  await settled();
  diagnostics.unsubscribe('http.server.request.start', onStart);
  diagnostics.unsubscribe('http.server.response.finish', onFinish);
  assert.deepEqual(told, [
    ['start', '/told', true, true, true],
    ['finish', '/told', 200],
  ]);
});

test("the client's own address and scheme are where Node keeps them", async () => {
  const { proxy, seen } = await kept();
  proxy.request({ scheme: 'https' });
  const [{ req }] = seen;
  assert.equal(req.socket.remoteAddress, '203.0.113.9');
  assert.equal(req.socket.remotePort, 4711);
  assert.equal(req.socket.remoteFamily, 'IPv4');
  assert.deepEqual(req.socket.address(), { address: '127.0.0.1', family: 'IPv4', port: 80 });
  assert.equal(req.socket.encrypted, true);
  assert.equal(req.socket, req.connection);
});

test('checkContinue has the say over a body', async () => {
  const proxy = new FakeProxy();
  const server = await proxy.server(() => assert.fail('not a plain request'));
  server.on('checkContinue', (req, res) => {
    res.writeHead(417).end();
  });
  const exchange = await proxy.request({ method: 'POST', body: 'later', headers: { expect: '100-continue' } })
    .reply;
  assert.equal(exchange.status, 417);
  assert.deepEqual(exchange.informs, []);
});

test('another expectation is 417, unless the app takes it', async () => {
  const proxy = new FakeProxy();
  const server = await proxy.server((req, res) => res.end());
  assert.equal((await proxy.request({ headers: { expect: 'miracles' } }).reply).status, 417);
  server.on('checkExpectation', (req, res) => {
    res.writeHead(202).end();
  });
  assert.equal((await proxy.request({ headers: { expect: 'miracles' } }).reply).status, 202);
});

test('a response that times out is closed, unless someone listens', async (t) => {
  // Sockets do not keep a process alive by their timeouts; links do.
  const link = setInterval(() => {}, 1000);
  t.after(() => clearInterval(link));
  const { proxy, server, seen } = await kept();
  const exchange = proxy.request();
  seen[0].res.setTimeout(1);
  assert.match((await exchange.reply).aborted, /closed the connection/);
  const heard = proxy.request();
  server.on('timeout', (socket) => socket.exchange.res.writeHead(503).end());
  seen[1].req.setTimeout(1);
  assert.equal((await heard.reply).status, 503);
});

test('destroying the response or its socket cuts the reply visibly', async () => {
  const { proxy, seen } = await kept();
  const first = proxy.request();
  seen[0].res.write('half');
  seen[0].res.destroy();
  assert.notEqual((await first.reply).aborted, undefined);
  const second = proxy.request();
  seen[1].req.socket.destroy();
  assert.notEqual((await second.reply).aborted, undefined);
});

test('writing to the socket itself is an error, not bytes in the wrong place', async () => {
  const { proxy, server, seen } = await kept();
  const exchange = proxy.request();
  const told = once(server, 'clientError');
  seen[0].res.socket.write('HTTP/1.1 200 OK\r\n\r\n');
  const [err] = await told;
  assert.match(err.message, /write to the response/);
  assert.notEqual((await exchange.reply).aborted, undefined);
});

test("the server's own classes and options are honoured", async () => {
  class Request extends http.IncomingMessage {
    get shout() {
      return this.url.toUpperCase();
    }
  }
  class Response extends http.ServerResponse {
    ok(text) {
      this.end(`ok ${text}`);
    }
  }
  const proxy = new FakeProxy();
  const server = await proxy.server(
    {
      IncomingMessage: Request,
      ServerResponse: Response,
      uniqueHeaders: ['x-one'],
      joinDuplicateHeaders: true,
    },
    (req, res) => {
      res.setHeader('X-One', ['a', 'b']);
      res.ok(`${req.shout} ${req.headers.authorization}`);
    },
  );
  server.maxHeadersCount = 3;
  const exchange = await proxy.request({ path: '/x', headers: { authorization: ['1', '2'], dropped: 'x' } })
    .reply;
  assert.equal(exchange.body, 'ok /X 1, 2');
  assert.equal(exchange.header('x-one'), 'a; b');
});

test('libraries that track connections see each come and go', async () => {
  const { proxy, server, seen } = await kept();
  const open = new Set();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  const exchange = proxy.request();
  assert.deepEqual([...open], [seen[0].req.socket]);
  seen[0].res.end();
  await exchange.reply;
  await settled();
  await settled();
  assert.equal(open.size, 0);
});

test('more body than Content-Length allows is cut off and logged, the reply is whole', async () => {
  const { proxy, server, seen } = await kept();
  const { backendOf } = require('../lib/dial');
  const lines = [];
  backendOf(server).log.write = (line) => lines.push(line);
  const exchange = proxy.request();
  exchange.write = () => {
    throw Object.assign(new Error('too long'), { code: 'SWIFTIPLY_TOO_LONG' });
  };
  seen[0].res.setHeader('Content-Length', 3);
  seen[0].res.write('1234');
  await settled();
  seen[0].res.end('5');
  await exchange.reply;
  assert.equal(exchange.isWhole, true);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /too long/);
});
