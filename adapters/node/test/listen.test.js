'use strict';

// A server that dials answers its app as one that listens.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const https = require('node:https');
const { test } = require('node:test');
const { dial } = require('../lib/dial');
const { shallDial } = require('../lib/listen');
const { FakeProxy } = require('./fake');

const OPTIONS = { logLevel: 'error' };

function dialling(...args) {
  const proxy = new FakeProxy();
  const server = http.createServer();
  dial(server, args, OPTIONS, proxy.library);
  return { proxy, server };
}

test('listening and address answer at once', () => {
  const { server } = dialling(0);
  assert.equal(server.listening, true);
  const { address, family, port } = server.address();
  assert.deepEqual([address, family], ['::', 'IPv6']);
  assert.ok(port >= 49_152);
  assert.deepEqual(dialling(8101, '127.0.0.1').server.address(), {
    address: '127.0.0.1',
    family: 'IPv4',
    port: 8101,
  });
  assert.deepEqual(dialling({ port: '8102', host: '::1' }).server.address(), {
    address: '::1',
    family: 'IPv6',
    port: 8102,
  });
  assert.deepEqual(dialling(8103, 'localhost').server.address(), {
    address: '127.0.0.1',
    family: 'IPv4',
    port: 8103,
  });
});

test('two servers that ask for any port get different ones', () => {
  assert.notEqual(dialling(0).server.address().port, dialling(0).server.address().port);
});

test('the callback and listening come once, when the proxy has taken the server', () => {
  let calls = 0;
  const { proxy, server } = dialling(0, () => {
    calls++;
  });
  server.on('listening', () => {
    calls += 10;
  });
  assert.equal(calls, 0);
  proxy.accept();
  proxy.accept();
  assert.equal(calls, 11);
});

test('the proxy hears what this backend is', () => {
  const proxy = new FakeProxy();
  dial(
    http.createServer(),
    [0],
    { ...OPTIONS, connect: 'unix:/run/x.sock', concurrency: 7, key: 'secret', label: 'v1' },
    proxy.library,
  );
  assert.deepEqual(proxy.options.connect, ['unix:/run/x.sock']);
  assert.equal(proxy.options.slots, 7);
  assert.equal(proxy.options.label, 'v1');
  assert.equal(proxy.options.key.toString(), 'secret');
  assert.match(proxy.options.language, /^node \d+\./);
  assert.match(proxy.options.adapter, /^swiftiply-node \d+\.\d+\.\d+$/);
});

test("listening twice on one server is Node's own error", () => {
  const { server } = dialling(0);
  assert.throws(() => dial(server, [0], OPTIONS), { code: 'ERR_SERVER_ALREADY_LISTEN' });
});

test('a second server on the same place is EADDRINUSE, until the first closes', async () => {
  const first = dialling(8110);
  const { server } = dialling(8110);
  const [err] = await once(server, 'error');
  assert.equal(err.code, 'EADDRINUSE');
  assert.equal(err.port, 8110);
  assert.equal(server.listening, false);
  first.server.close();
  assert.equal(dialling(8110).server.listening, true);
});

test('a second server for the same port on another address shares the backend', async () => {
  dialling(8111, '127.0.0.1');
  const { proxy, server } = dialling(8111, '::1');
  await once(server, 'listening');
  assert.equal(proxy.options, undefined, 'it dials nobody');
  server.close();
  await once(server, 'close');
});

test('close drains: in-flight requests end first, then close comes', async () => {
  const { proxy, server } = dialling(0);
  proxy.accept();
  let res;
  server.on('request', (_, response) => {
    res = response;
  });
  const exchange = proxy.request();
  let closed = false;
  server.close((err) => {
    assert.equal(err, undefined);
    closed = true;
  });
  assert.equal(server.listening, false);
  assert.deepEqual(proxy.calls, ['drain']);
  const late = proxy.request();
  res.end('sent before the proxy had heard');
  await late.reply;
  await new Promise(setImmediate);
  assert.equal(closed, false);
  server.removeAllListeners('request').on('request', () => {});
  exchange.leave();
  proxy.ended();
  await once(server, 'close');
  assert.equal(closed, true);
  assert.ok(proxy.calls.includes('unref'));
});

test("closing a server that does not listen is Node's own error", async () => {
  const { proxy, server } = dialling(0);
  server.close();
  proxy.ended();
  const err = await new Promise((resolve) => {
    server.close(resolve);
  });
  assert.equal(err.code, 'ERR_SERVER_NOT_RUNNING');
});

test('getConnections counts requests in flight', async () => {
  const { proxy, server } = dialling(0);
  proxy.accept();
  server.on('request', () => {});
  proxy.request();
  proxy.request();
  const count = await new Promise((resolve) => {
    server.getConnections((err, n) => resolve(n));
  });
  assert.equal(count, 2);
});

test('an abort signal closes the server', async () => {
  const controller = new AbortController();
  const { proxy, server } = dialling({ port: 0, signal: controller.signal });
  controller.abort();
  assert.equal(server.listening, false);
  proxy.ended();
  await once(server, 'close');
});

test('an https server dials too: TLS ends at the proxy', async () => {
  const proxy = new FakeProxy();
  const server = https.createServer({}, (req, res) => res.end(`encrypted: ${req.socket.encrypted}`));
  const tracked = [];
  server.on('secureConnection', (socket) => tracked.push(socket));
  await proxy.serve(server);
  assert.equal((await proxy.request({ scheme: 'https' }).reply).body, 'encrypted: true');
  assert.equal(tracked.length, 1);
});

test('unref and ref reach the links', () => {
  const { proxy, server } = dialling(0);
  server.unref();
  server.ref();
  assert.deepEqual(proxy.calls, ['unref', 'ref']);
});

test("a refusal is an error of the server, with the proxy's reason", () => {
  const { proxy, server } = dialling(0);
  const errors = [];
  server.on('error', (err) => errors.push(err));
  proxy.refuse('the proxy refused the key');
  assert.deepEqual(
    errors.map(({ code, message }) => [code, message]),
    [['SWIFTIPLY_REFUSED', 'the proxy refused the key']],
  );
  assert.equal(server.listening, false);
});

test('one proxy of two may refuse', () => {
  const proxy = new FakeProxy();
  const server = http.createServer();
  const lines = [];
  dial(server, [0], { logLevel: 'error', connect: '1,127.0.0.1:2' }, proxy.library);
  require('../lib/dial').backendOf(server).log.write = (line) => lines.push(line);
  server.on('error', () => assert.fail('the other serves'));
  proxy.refuse('wrong key');
  proxy.accept();
  assert.match(lines.join(), /wrong key/);
});

test("only the app's own server dials", () => {
  const server = () => http.createServer();
  assert.equal(shallDial(server(), ['/tmp/x.sock'], {}), false);
  assert.equal(shallDial(server(), [{ path: '/tmp/x.sock' }], {}), false);
  assert.equal(shallDial(server(), [{ fd: 3 }], {}), false);
  assert.equal(shallDial(server(), [70_000], {}), false);
  assert.equal(shallDial(server(), [{}], {}), false);
  assert.equal(shallDial(server(), [9090], { PORT: '3000' }), false);
  assert.equal(shallDial(server(), [3000], { PORT: '3000' }), true);
  assert.equal(shallDial(server(), [3000], { PORT: '3000', SWIFTIPLY_PORT: '4000' }), false);
  assert.equal(shallDial(server(), [{ port: '4000' }], { SWIFTIPLY_LISTEN: '4000', PORT: '3000' }), true);
  assert.equal(shallDial(server(), [9090], { SWIFTIPLY_LISTEN: 'all' }), true);
  const first = server();
  assert.equal(shallDial(first, [3000], {}), true);
  assert.equal(shallDial(server(), [9090], {}), false);
  assert.equal(shallDial(server(), [], {}), false);
  assert.equal(shallDial(server(), [3000, '::1'], {}), true, 'the same port at another address');
  assert.equal(shallDial(first, [3000], {}), true, 'the same server again');
});
