'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { test } = require('node:test');
const { io } = require('socket.io-client');
const { WebSocket } = require('ws');
const { Stage, within } = require('./stage');

const open = async (stage, target, options) => {
  const socket = new WebSocket(`ws://127.0.0.1:${stage.port}${target}`, options);
  await within(once(socket, 'open'), `a WebSocket at ${target}`);
  return socket;
};

const hear = async (socket) => (await within(once(socket, 'message'), 'a message'))[0];

const closed = async (socket) => {
  const [code, reason] = await within(once(socket, 'close'), 'the end');
  return [code, reason.toString()];
};

/** A connection on which this has been written. */
const raw = async (stage, text) => {
  const socket = net.connect({ port: stage.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
};

const offer = (target, protocol) =>
  `GET ${target} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

const readUntil = async (socket, end) => {
  let heard = '';
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    heard += piece.toString('latin1');
    if (heard.includes(end)) return heard;
  }
  return heard;
};

test('ws: messages of all sizes go both ways, and the end with its code', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('sockets.js');
  const socket = await open(stage, '/ws/who');
  assert.deepEqual(JSON.parse(await hear(socket)), { from: '127.0.0.1' });
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000, 4 << 20]) {
    socket.send(Buffer.alloc(size, 'x'));
    assert.equal((await hear(socket)).length, size);
  }
  socket.send('grüße');
  assert.equal((await hear(socket)).toString(), 'grüße');
  socket.close(4321, 'done');
  assert.deepEqual(await closed(socket), [4321, 'done']);
  await program.says(/closed 4321 done/);
});

test('ws: a client that vanishes is 1006 to the app', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('sockets.js');
  const socket = await open(stage, '/ws');
  socket.terminate();
  await program.says(/closed 1006/);
});

test('socket.io: by WebSocket from the start, and upgraded from polling', async (t) => {
  const stage = await Stage.open(t);
  await stage.serve('sockets.js');
  for (const transports of [['websocket'], ['polling', 'websocket']]) {
    const client = io(`http://127.0.0.1:${stage.port}`, { transports, forceNew: true });
    t.after(() => client.close());
    await within(once(client, 'connect'), 'a connection');
    if (client.io.engine.transport.name === 'polling') {
      await within(new Promise((resolve) => client.io.engine.once('upgrade', resolve)), 'the upgrade');
    }
    assert.equal(await client.timeout(10_000).emitWithAck('say', 'hello'), 'websocket: hello');
    client.close();
  }
});

test('fifty WebSockets leave the one slot free', async (t) => {
  const stage = await Stage.open(t);
  await stage.serve('sockets.js', { SWIFTIPLY_CONCURRENCY: '1' });
  const sockets = await Promise.all(Array.from({ length: 50 }, () => open(stage, '/ws')));
  for (let n = 0; n < 3; n++) assert.equal((await stage.fetch('/')).status, 200);
  const heard = sockets.map((socket) => hear(socket));
  sockets.forEach((socket, n) => socket.send(`${n}`));
  assert.deepEqual(
    (await Promise.all(heard)).map(String),
    sockets.map((_, n) => `${n}`),
  );
  sockets.forEach((socket) => socket.terminate());
});

test('beyond its tunnels a process answers 503, and serves pages on', async (t) => {
  const stage = await Stage.open(t);
  await stage.serve('sockets.js', { SWIFTIPLY_TUNNELS: '1' });
  const first = await open(stage, '/ws');
  const second = new WebSocket(`ws://127.0.0.1:${stage.port}/ws`);
  const [, res] = await within(once(second, 'unexpected-response'), 'a refusal');
  assert.equal(res.statusCode, 503);
  assert.equal(res.headers['retry-after'], '5');
  second.on('error', () => {}).terminate();
  assert.equal((await stage.fetch('/')).status, 200);
  first.close();
  await closed(first);
  (await open(stage, '/ws')).terminate();
});

test('a refusal by hand arrives whole', async (t) => {
  const stage = await Stage.open(t);
  await stage.serve('sockets.js');
  const refused = new WebSocket(`ws://127.0.0.1:${stage.port}/deny`);
  const [, res] = await within(once(refused, 'unexpected-response'), 'a refusal');
  assert.equal(res.statusCode, 401);
  assert.equal(res.headers['x-why'], 'no ticket');
  refused.on('error', () => {}).terminate();
});

test('what comes in one segment with the handshake is not lost, and either side may close first', async (t) => {
  const stage = await Stage.open(t);
  await stage.serve('sockets.js');
  const socket = await raw(stage, `${offer('/raw', 'raw')}at once`);
  assert.match(await within(readUntil(socket, 'at once'), 'an echo'), /^HTTP\/1\.1 101 .*\r\n\r\nat once$/s);
  socket.end('last');
  assert.equal(await within(readUntil(socket, 'never'), 'the end'), 'lastbye');
});

test('a client that does not read holds up the app', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('sockets.js');
  const socket = await raw(stage, offer('/flood', 'flood'));
  socket.pause();
  const [, flooded] = await program.says(/held up at (\d+)/);
  assert.ok(Number(flooded) < 16 << 20, `${flooded} bytes`);
  socket.destroy();
});

test('at the end of a drain sockets end, and the process leaves', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('sockets.js', { SWIFTIPLY_DRAIN_TIMEOUT: '1' });
  const socket = await open(stage, '/ws');
  program.signal('SIGTERM');
  socket.send('still served');
  assert.equal((await hear(socket)).toString(), 'still served');
  assert.equal((await closed(socket))[0], 1006);
  await program.ends();
});

test('the death of the process is seen by its clients', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('sockets.js');
  const socket = await open(stage, '/ws');
  socket.on('error', () => {});
  program.signal('SIGKILL');
  assert.equal((await closed(socket))[0], 1006);
});
