'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { FakeProxy } = require('./fake');

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

/** A server whose upgrades go to `listener`, and one request that offers one. */
async function offered(listener, { proxy = new FakeProxy(), ...request } = {}) {
  const server = await proxy.server();
  server.on('upgrade', listener);
  return { proxy, server, exchange: proxy.upgrade(request) };
}

test('an upgrade gives the listener a request and a socket, and its head becomes the reply', async () => {
  let seen;
  const { exchange } = await offered(
    (req, socket, head) => {
      seen = { req, socket, head };
      socket.write(`${SWITCH}hello`);
    },
    { path: '/chat?a=b', scheme: 'https' },
  );
  const { req, socket, head } = seen;
  assert.equal(req.method, 'GET');
  assert.equal(req.url, '/chat?a=b');
  assert.equal(req.headers.upgrade, 'websocket');
  assert.equal(req.headers.connection, 'Upgrade');
  assert.equal(req.upgrade, true);
  assert.equal(req.socket, socket);
  assert.ok(Buffer.isBuffer(head) && head.length === 0);
  assert.equal(socket.remoteAddress, '203.0.113.9');
  assert.equal(socket.remotePort, 4711);
  assert.equal(socket.encrypted, true);
  assert.equal(socket.setNoDelay().setKeepAlive().ref().unref(), socket);
  assert.equal(exchange.status, 101);
  assert.equal(exchange.header('upgrade'), 'websocket');
  assert.equal(exchange.body, 'hello');
  assert.equal(socket.bytesWritten, SWITCH.length + 5);
});

test('what the client says is read, from its first byte on, and only after the 101', async () => {
  const said = [];
  let socket;
  const { exchange } = await offered((req, given) => {
    socket = given;
    socket.on('data', (piece) => said.push(piece.toString()));
  });
  exchange.data('first');
  await new Promise(setImmediate);
  assert.deepEqual(said, [], 'there is no tunnel yet');
  socket.write(SWITCH);
  await new Promise(setImmediate);
  exchange.data('second');
  await new Promise(setImmediate);
  assert.deepEqual(said, ['first', 'second']);
  assert.equal(socket.bytesRead, 11);
});

test('without a listener it is an ordinary request', async () => {
  const proxy = new FakeProxy();
  await proxy.server((req, res) => res.end(`plain ${req.headers.upgrade}`));
  const exchange = await proxy.upgrade().reply;
  assert.equal(exchange.status, 200);
  assert.equal(exchange.body, 'plain websocket');
});

test('a refusal that is written and destroyed at once arrives whole', async () => {
  const { exchange, server } = await offered((req, socket) => {
    socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n');
    socket.destroy();
  });
  await exchange.reply;
  assert.equal(exchange.status, 401);
  assert.equal(exchange.isWhole, true);
  assert.equal(server._connections, 0);
});

test('without a tunnel left the client is told to come later and no listener is called', async () => {
  const { exchange } = await offered(() => assert.fail('called'), { proxy: new FakeProxy({ tunnels: 0 }) });
  await exchange.reply;
  assert.equal(exchange.status, 503);
  assert.equal(exchange.header('retry-after'), '5');
});

test('an exception in a listener, thrown or rejected, is a 500', async () => {
  for (const listener of [
    () => {
      throw new Error('thrown');
    },
    async () => {
      throw new Error('rejected');
    },
  ]) {
    const { exchange } = await offered(listener);
    await exchange.reply;
    assert.equal(exchange.status, 500);
  }
});

test('an exception after the 101 is a cut', async () => {
  const { exchange } = await offered((req, socket) => {
    socket.write(SWITCH);
    throw new Error('too late');
  });
  await exchange.reply;
  assert.equal(exchange.aborted, 'the app threw');
});

test('what is no HTTP is logged and cut, and the process lives', async () => {
  const { exchange } = await offered((req, socket) => socket.write('hello'));
  await exchange.reply;
  assert.equal(exchange.aborted, 'no reply of HTTP/1');
});

test('a full window holds up the writer until there is room', async () => {
  const proxy = new FakeProxy({ window: 10 });
  let socket;
  const { exchange } = await offered(
    (req, given) => {
      socket = given;
      socket.write(SWITCH);
    },
    { proxy },
  );
  let taken = 0;
  socket.write('x'.repeat(15), () => taken++);
  socket.write('y'.repeat(3), () => taken++);
  assert.equal(socket.write(Buffer.alloc(socket.writableHighWaterMark)), false, 'back-pressure');
  await new Promise(setImmediate);
  assert.equal(taken, 0);
  assert.equal(exchange.body, 'x'.repeat(10));
  const drained = once(socket, 'drain');
  exchange.grant(1 << 20);
  await drained;
  await new Promise(setImmediate);
  assert.equal(taken, 2);
  assert.ok(exchange.body.startsWith(`${'x'.repeat(15)}yyy`));
});

test('the client may say its last and still hear; the app ends the connection', async () => {
  let socket;
  const { exchange, server } = await offered((req, given) => {
    socket = given;
    socket.write(SWITCH);
    socket.resume();
  });
  exchange.requestPieces.push(null);
  exchange.data('');
  await once(socket, 'end');
  assert.equal(socket.writable, true);
  socket.end('one more thing');
  await once(socket, 'close');
  assert.equal(exchange.body, 'one more thing');
  assert.equal(exchange.isWhole, true);
  assert.equal(server._connections, 0);
});

test('a client that leaves closes the socket, without an error that nobody expects', async () => {
  let socket;
  const { exchange } = await offered((req, given) => {
    socket = given;
    socket.write(SWITCH);
  });
  exchange.leave();
  await once(socket, 'close');
  assert.equal(socket.destroyed, true);
  socket.on('error', () => {});
  socket.write('too late');
});

test('a socket in which nothing happens says so, and stays', async () => {
  // As in Node, a socket's timeout keeps no process alive; here there is no connector that would.
  const alive = setInterval(() => {}, 1000);
  const { exchange } = await offered((req, socket) => {
    socket.write(SWITCH);
    socket.setTimeout(5, () => socket.end('timeout'));
  });
  await exchange.reply;
  clearInterval(alive);
  assert.equal(exchange.body, 'timeout');
});

test('closing all connections leaves alone what was upgraded, as in Node', async () => {
  const { exchange, server } = await offered((req, socket) => socket.write(SWITCH));
  server.closeAllConnections();
  assert.equal(exchange.aborted, undefined);
  assert.equal(exchange.isWhole, undefined);
});
