'use strict';

// Requests and replies through the real proxy and link: sizes, speeds, and ends of all kinds.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const { Stage } = require('./stage');

const MEGABYTE = 1024 * 1024;

async function plain(t) {
  const stage = await Stage.open(t);
  const program = await stage.serve('plain.js');
  return { stage, program };
}

test('what the app is sent comes back byte for byte', async (t) => {
  const { stage } = await plain(t);
  for (const size of [1, 1000, 70_000, 3 * MEGABYTE]) {
    const body = randomBytes(size).toString('hex');
    const known = await stage.fetch('/echo', {
      method: 'POST',
      body,
      headers: { 'content-length': body.length },
    });
    assert.equal(known.body, body);
    const chunked = await stage.fetch('/echo', {
      method: 'POST',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    });
    assert.equal(chunked.body, body);
  }
});

test("200 MB each way leave the app's memory flat", async (t) => {
  const { stage } = await plain(t);
  const count = 200;
  const before = Number((await stage.fetch('/memory')).body);
  const download = await stage.fetch(`/megabytes?n=${count}`, { stream: true });
  let bytes = 0;
  for await (const chunk of download) bytes += chunk.length;
  assert.equal(bytes, count * MEGABYTE);
  const piece = Buffer.alloc(MEGABYTE);
  const body = Readable.from(
    (function* pieces() {
      for (let n = 0; n < count; n++) yield piece;
    })(),
  );
  const upload = await stage.fetch('/count', {
    method: 'POST',
    body,
    headers: { 'content-length': count * MEGABYTE },
  });
  assert.equal(upload.body, String(count * MEGABYTE));
  const after = Number((await stage.fetch('/memory')).body);
  assert.ok(after - before < 80 * MEGABYTE, `grew by ${(after - before) / MEGABYTE} MB`);
});

test('a client that does not read stops the app, and its leaving is told', async (t) => {
  const { stage } = await plain(t);
  const res = await stage.fetch('/endless', { stream: true });
  res.pause();
  const first = await stage.eventsUntil('written');
  // Nothing more is taken once the buffers between are full, however often we look.
  let last = first.at(-1);
  for (let looks = 0, same = 0; same < 20 && looks < 2000; looks++) {
    const events = await stage.events();
    same = events.length === 0 ? same + 1 : 0;
    last = events.at(-1) ?? last;
  }
  assert.ok(
    last[1] < 30 * MEGABYTE,
    `the app could write ${last[1] / MEGABYTE} MB to a client that reads nothing`,
  );
  res.destroy();
  const events = await stage.eventsUntil('close');
  assert.deepEqual(
    events.filter(([name]) => name !== 'written'),
    [['aborted'], ['close', false]],
  );
});

test('an upload that breaks off is aborted, never complete', async (t) => {
  const { stage } = await plain(t);
  const req = http.request({
    port: stage.port,
    host: '127.0.0.1',
    path: '/upload',
    method: 'POST',
    headers: { host: 'app.test', 'content-length': 10 * MEGABYTE },
  });
  req.on('error', () => {});
  // More than the proxy keeps before it gives the request a slot.
  req.write(Buffer.alloc(MEGABYTE));
  await once(req, 'response');
  req.destroy();
  const events = await stage.eventsUntil('close');
  assert.deepEqual(
    events.find(([name]) => name === 'aborted'),
    ['aborted', false],
  );
  assert.deepEqual(
    events.find(([name]) => name === 'error'),
    ['error', 'ECONNRESET'],
  );
});

test('an exception is a 500 in the log, and the process lives on', async (t) => {
  const { stage, program } = await plain(t);
  const pid = (await stage.fetch('/')).body;
  assert.equal((await stage.fetch('/throw')).status, 500);
  assert.equal((await stage.fetch('/reject')).status, 500);
  await program.says(/GET \/throw: Error: the app broke\n\s+at /);
  await program.says(/GET \/reject: Error: the app broke later\n\s+at /);
  assert.equal((await stage.fetch('/')).body, pid);
});

test('early hints, 100-continue, trailers and empty replies pass', async (t) => {
  const { stage } = await plain(t);
  const informs = [];
  assert.equal((await stage.fetch('/hints', { informs })).body, 'hinted');
  assert.deepEqual(
    informs.map(({ statusCode, headers }) => [statusCode, headers.link]),
    [[103, '</a.css>; rel=preload; as=style']],
  );
  assert.deepEqual(
    { ...(await stage.fetch('/trailers', { headers: { te: 'trailers' } })).trailers },
    { 'x-sum': 'abc' },
  );
  assert.equal((await stage.fetch('/empty')).status, 204);

  const req = http.request({
    port: stage.port,
    host: '127.0.0.1',
    path: '/echo',
    method: 'POST',
    headers: { host: 'app.test', expect: '100-continue', 'content-length': 5 },
  });
  req.flushHeaders();
  await once(req, 'continue');
  req.end('later');
  const [res] = await once(req, 'response');
  assert.equal((await res.toArray()).join(''), 'later');
});

test('a reply shorter than its Content-Length is cut, a longer one is cut to it; the log has both', async (t) => {
  const { stage, program } = await plain(t);
  assert.equal((await stage.fetch('/short')).status, 502, 'nothing of it had left');
  await program.says(/GET \/short: .*Content-Length/);
  const begun = await stage.fetch('/short?begun', { stream: true });
  program.signal('SIGUSR2');
  await assert.rejects(begun.toArray(), { code: 'ECONNRESET' });
  assert.equal((await stage.fetch('/long')).body, '123');
  await program.says(/GET \/long: .*Content-Length/);
});

test('a reply that is followed by process.exit arrives', async (t) => {
  const { stage, program } = await plain(t);
  assert.equal((await stage.fetch('/exit')).body, 'last words');
  assert.equal((await program.ends()).code, 0);
});

test('an upgrade that nobody takes is an ordinary request', async (t) => {
  const { stage } = await plain(t);
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  assert.match((await stage.fetch('/', { headers })).body, /^pid/);
});
