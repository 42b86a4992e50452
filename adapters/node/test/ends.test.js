'use strict';

// How exchanges end: quietly where nobody listens, in Node's own order and context where somebody does.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const { finished } = require('node:stream/promises');
const { test } = require('node:test');
const { FakeProxy } = require('./fake');
const { Head, LITERAL } = require('../lib/head');

const settled = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A server whose app is `listener`, and the request and response of one exchange with it, once all is over. */
async function ended(listener, request) {
  const proxy = new FakeProxy();
  const seen = {};
  seen.server = await proxy.server((req, res) => {
    Object.assign(seen, { req, res, socket: req.socket });
    listener(req, res);
  });
  await proxy.request(request).reply;
  await settled();
  return seen;
}

const endings = [
  ['without a body', {}],
  ['whose body nobody reads', { method: 'POST', body: 'unread', headers: { 'content-length': '6' } }],
];
for (const [what, request] of endings) {
  test(`an exchange ${what} looks the same afterwards whether or not somebody listened`, async () => {
    const state = ({ req, res, socket, server }) => ({
      req: [
        req.destroyed,
        req.closed,
        req.complete,
        req.aborted,
        req.readable,
        req.readableEnded,
        req.errored,
      ],
      dumped: [req._dumped, req._consuming, req.readableFlowing, req.readableLength, req.readableDidRead],
      res: [res.destroyed, res.closed, res.finished, res.writableFinished, res.socket],
      socket: [socket.destroyed, socket.closed, socket.readable, socket.writable, socket.errored],
      connections: server._connections,
    });
    const unheard = await ended((req, res) => res.end('x'), request);
    const heard = await ended((req, res) => {
      for (const each of [req, res, req.socket]) each.on('close', () => {});
      req.on('end', () => {});
      res.end('x');
    }, request);
    assert.deepEqual(state(unheard), state(heard));
    // Who asks now is told at once, instead of waiting for events that have passed.
    await Promise.all([finished(unheard.req), finished(unheard.res), finished(unheard.socket)].map(settle));
  });
}

const settle = (promise) =>
  promise.then(
    () => 'done',
    ({ code }) => code,
  );

test('who listens only after the end, or in a tick of his own, hears it still', async () => {
  const events = [];
  await ended((req, res) => {
    process.nextTick(() => res.on('finish', () => events.push('finish')));
    res.end('x');
    res.on('close', () => events.push('close'));
    req.on('close', () => events.push('req close'));
  });
  assert.deepEqual(events.sort(), ['close', 'finish', 'req close']);
});

test('listeners of the end find what the app had bound when it ended the response', async () => {
  const storage = new AsyncLocalStorage();
  const proxy = new FakeProxy();
  const found = [];
  await proxy.server((req, res) => {
    const tell = (what) => () => found.push(`${what} ${storage.getStore()}`);
    storage.run(req.url, () => {
      res.on('finish', tell('finish'));
      res.write('x', tell('written'));
      setImmediate(() => res.end(tell('ended')));
    });
  });
  await Promise.all([proxy.request({ path: '/a' }).reply, proxy.request({ path: '/b' }).reply]);
  await settled();
  for (const what of ['finish', 'written', 'ended']) {
    assert.deepEqual(
      found.filter((line) => line.startsWith(what)),
      [`${what} /a`, `${what} /b`],
    );
  }
});

test('what a listener of one end throws does not cost the other exchanges of the turn their end', async () => {
  const { EVENT, BODY } = require('../lib/native');
  const proxy = new FakeProxy();
  const uncaught = [];
  const runnersOwn = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (err) => uncaught.push(err.message));
  const server = await proxy.server((req, res) => {
    res.end();
    if (req.url === '/throws') {
      res.on('finish', () => {
        throw new Error('in finish');
      });
    }
  });
  // Three requests in one turn, of which the first is the one that throws.
  const { turn } = proxy;
  const events = [];
  proxy.turn = (more) => events.push(...more);
  const exchanges = ['/throws', '/', '/'].map((path) => proxy.request({ path }));
  assert.deepEqual([events[0], events[3]], [EVENT.REQUEST, BODY.NONE]);
  turn(events);
  await Promise.all(exchanges.map(({ reply }) => reply));
  await settled();
  process.removeAllListeners('uncaughtException');
  runnersOwn.forEach((listener) => process.on('uncaughtException', listener));
  assert.deepEqual(uncaught, ['in finish']);
  assert.ok(server._connections <= 1, 'the others are over');
});

test('an app that answers first and reads afterwards gets the body that had come', async () => {
  const proxy = new FakeProxy();
  let body;
  await proxy.server(async (req, res) => {
    res.end('first');
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    await once(req, 'end');
    body = Buffer.concat(chunks).toString();
  });
  await proxy.request({ method: 'POST', body: 'then', headers: { 'content-length': '4' } }).reply;
  await settled();
  assert.equal(body, 'then');
});

test('a head keeps the spelling and the order of its names, whether they have numbers or not', () => {
  const names = ['', 'Host', 'host'];
  const literal = String.fromCharCode(LITERAL);
  const headers = `\x01a\0${literal}X\0\0${literal}hOST\0b\0\x02caf\u00e9\0`;
  const head = new Head(['GET', '/a?b', '', '', '127.0.0.1', '80', `0s${headers}`].join('\0'), names);
  assert.deepEqual(head.rawHeaders, ['Host', 'a', 'X', '', 'hOST', 'b', 'host', 'caf\u00e9']);
  assert.deepEqual([head.method, head.target, head.versionMinor, head.isHttps], ['GET', '/a?b', 0, true]);
});
