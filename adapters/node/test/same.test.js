'use strict';

// An app sees and gives the same behind the proxy as it does alone: each case runs both ways and is compared.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Readable, finished, pipeline } = require('node:stream');
const http = require('node:http');
const { alone } = require('./alone');
const { FakeProxy } = require('./fake');

/** What belongs to a connection and not to the message, or to the clock. */
const NOT_COMPARED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date']);

/** @type {[string, (log: (line: any) => void) => import('node:http').RequestListener, object?][]} */
const cases = [
  ['a body in one piece', () => (req, res) => res.end('hello')],
  ['no body at all', () => (req, res) => res.end()],
  ['a Buffer as body', () => (req, res) => res.end(Buffer.from([0xff, 0x00, 0x80]))],
  ['utf-8 text', () => (req, res) => res.end('grüße, 世界')],
  ['latin1 text', () => (req, res) => res.end('gr\u00fc\u00dfe', 'latin1')],
  ['base64 text', () => (req, res) => res.end('aGVsbG8=', 'base64')],
  [
    'hex pieces',
    () => (req, res) => {
      res.write('6865', 'hex');
      res.end('6c6c6f', 'hex');
    },
  ],
  [
    'pieces of a length that is not known',
    () => (req, res) => {
      res.write('one ');
      res.write('two ');
      res.end('three');
    },
  ],
  [
    'pieces of a known length',
    () => (req, res) => {
      res.setHeader('Content-Length', 9);
      res.write('one ');
      setImmediate(() => res.end('three'));
    },
  ],
  [
    'empty pieces',
    () => (req, res) => {
      res.write('');
      res.write('a');
      res.write('');
      setImmediate(() => res.end(''));
    },
  ],
  [
    'pieces that are corked together',
    () => (req, res) => {
      res.write('a');
      setImmediate(() => {
        res.cork();
        res.write('b');
        res.write(Buffer.from('c'));
        res.write('\u00e9');
        res.uncork();
        setImmediate(() => res.end('d'));
      });
    },
  ],
  [
    'a head that is flushed first',
    () => (req, res) => {
      res.flushHeaders();
      setImmediate(() => res.end('late'));
    },
  ],
  [
    'a transfer coding that the app names itself',
    () => (req, res) => {
      res.setHeader('Transfer-Encoding', 'chunked');
      res.write('a');
      res.end('b');
    },
  ],
  [
    'a status and its reason',
    () => (req, res) => {
      res.writeHead(418, 'Short and Stout');
      res.end();
    },
  ],
  [
    'writeHead with headers',
    () => (req, res) => {
      res.writeHead(201, { 'X-A': 'a', 'Set-Cookie': ['x=1', 'y=2'] });
      res.end('made');
    },
  ],
  [
    'writeHead with a flat array',
    () => (req, res) => {
      res.writeHead(200, ['X-A', 'a', 'X-A', 'b']);
      res.end();
    },
  ],
  [
    'writeHead over setHeader',
    () => (req, res) => {
      res.setHeader('X-A', 'old');
      res.setHeader('X-B', 'kept');
      res.writeHead(200, 'Fine', { 'x-a': 'new' }).end('ok');
    },
  ],
  [
    'headers of many values',
    () => (req, res) => {
      res.setHeader('Vary', ['accept', 'cookie']);
      res.appendHeader('Vary', 'origin');
      res.removeHeader('x-none');
      res.end();
    },
  ],
  [
    'a header in latin1',
    () => (req, res) => {
      res.setHeader('X-Name', 'caf\u00e9');
      res.end(Buffer.from('x'));
    },
  ],
  [
    'a header in latin1 over text',
    () => (req, res) => {
      res.setHeader('X-Name', 'caf\u00e9');
      res.end('text');
    },
  ],
  ['HEAD keeps the length and drops the body', () => (req, res) => res.end('hello'), { method: 'HEAD' }],
  [
    '204 has no body',
    () => (req, res) => {
      res.statusCode = 204;
      res.end('dropped');
    },
  ],
  [
    '304 has no body',
    () => (req, res) => {
      res.writeHead(304, { ETag: '"x"' });
      res.end('dropped');
    },
  ],
  [
    'trailers',
    () => (req, res) => {
      res.writeHead(200, { Trailer: 'X-Sum, X-More' });
      res.write('data');
      res.addTrailers({ 'X-Sum': 'abc', 'X-More': '1' });
      res.end();
    },
  ],
  [
    'early hints',
    () => (req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }, () => res.end('page'));
    },
  ],
  [
    '100-continue by itself',
    () => (req, res) => {
      req.pipe(res);
    },
    {
      method: 'POST',
      body: 'upload',
      headers: { expect: '100-continue', 'content-length': '6' },
    },
  ],
  [
    'what a request looks like',
    (log) => (req, res) => {
      log([
        req.method,
        req.url,
        req.httpVersion,
        req.httpVersionMajor,
        req.headers['x-a'],
        req.headers.cookie,
      ]);
      log([req.headersDistinct['x-a'], req.complete, req.upgrade, req.aborted, req.readable, req.destroyed]);
      log([req.socket.encrypted, req.socket === req.connection, req.socket.readable, req.socket.writable]);
      res.end();
    },
    { path: '/a%20b?c=d&e', headers: { 'X-A': ['1', '2'], Cookie: ['a=1', 'b=2'] } },
  ],
  [
    'a body that is read',
    (log) => (req, res) => {
      req.setEncoding('utf8');
      req.on('data', (data) => log(['data', data]));
      req.on('end', () => {
        log(['end', req.complete, req.readableEnded]);
        res.end('read');
      });
    },
    { method: 'POST', body: 'hello body', headers: { 'content-length': '10' } },
  ],
  [
    'a body that is iterated',
    (log) => async (req, res) => {
      for await (const chunk of req) log(chunk.toString());
      res.end('done');
    },
    { method: 'PUT', body: 'abc', headers: { 'content-length': '3' } },
  ],
  [
    'a body that is echoed by pipe',
    () => (req, res) => {
      req.pipe(res);
    },
    {
      method: 'POST',
      body: 'x'.repeat(100_000),
      headers: { 'content-length': '100000' },
    },
  ],
  [
    'a body that is not read',
    (log) => (req, res) => {
      req.on('end', () => log('end'));
      req.on('close', () => log('close'));
      res.end('no thanks');
    },
    { method: 'POST', body: 'hello', headers: { 'content-length': '5' } },
  ],
  [
    'pipeline into the response',
    (log) => (req, res) => {
      pipeline(Readable.from(['a', 'b', 'c']), res, (err) => log(['pipeline', err ?? null]));
    },
  ],
  [
    'the events of a response',
    (log) => (req, res) => {
      for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => log(event));
      finished(res, (err) => log(['finished', err ?? null]));
      log([res.headersSent, res.writableEnded, res.finished, res.writableFinished]);
      res.write('a', () => log('written'));
      res.end('b', () => log('ended'));
      log([res.headersSent, res.writableEnded, res.finished, res.socket !== null]);
    },
  ],
  [
    'the events of a request',
    (log) => (req, res) => {
      for (const event of ['end', 'close', 'aborted']) req.on(event, () => log(event));
      req.resume();
      res.end();
    },
  ],
  [
    'back-pressure and drain',
    (log) => (req, res) => {
      log(res.write('x'.repeat(10)));
      log(res.write('x'.repeat(res.writableHighWaterMark)));
      log([res.writableNeedDrain, res.writableLength > 0]);
      res.once('drain', () => {
        log(['drain', res.writableNeedDrain, res.writableLength]);
        res.end();
      });
    },
  ],
  [
    'errors of headers that were sent',
    (log) => (req, res) => {
      res.write('x');
      for (const wrong of [() => res.setHeader('a', 'b'), () => res.removeHeader('a')]) {
        try {
          wrong();
        } catch (err) {
          log(err.code);
        }
      }
      res.end();
    },
  ],
  [
    'errors of headers that cannot be',
    (log) => (req, res) => {
      for (const [name, value] of [
        ['a b', 'x'],
        ['a', 'x\r\ny'],
        ['a', undefined],
      ]) {
        try {
          res.setHeader(name, value);
        } catch (err) {
          log(err.code);
        }
      }
      try {
        res.writeHead(99);
      } catch (err) {
        log(err.code);
      }
      res.end();
    },
  ],
  [
    'writing after the end',
    (log) => (req, res) => {
      res.on('error', (err) => log(['error', err.code]));
      res.end('x');
      res.write('y', (err) => log(['written', err.code]));
      res.end('z', (err) => log(['ended', err.code]));
    },
  ],
  [
    'a prototype that a framework sets',
    (log) => (req, res) => {
      Object.setPrototypeOf(
        req,
        Object.create(http.IncomingMessage.prototype, {
          path: {
            get() {
              return this.url;
            },
          },
        }),
      );
      Object.setPrototypeOf(
        res,
        Object.create(http.ServerResponse.prototype, {
          json: {
            value(value) {
              this.setHeader('Content-Type', 'application/json');
              this.end(JSON.stringify(value));
            },
          },
        }),
      );
      log(req.path);
      res.json({ a: 1 });
    },
    { path: '/framework' },
  ],
  [
    'end and write that a middleware replaces',
    () => (req, res) => {
      const { write, end } = res;
      res.write = function (chunk, ...rest) {
        return write.call(this, String(chunk).toUpperCase(), ...rest);
      };
      res.end = function (chunk, ...rest) {
        if (chunk) this.write(chunk);
        return end.call(this, ...rest);
      };
      res.write('a');
      res.end('b');
    },
  ],
];

for (const [name, appOf, request] of cases) {
  test(`behind the proxy as alone: ${name}`, async () => {
    const expected = await record(appOf, (app) => alone(app, request));
    const actual = await record(appOf, (app) => behind(app, request));
    assert.deepEqual(actual, expected);
  });
}

async function record(appOf, run) {
  const lines = [];
  const { headers, ...rest } = await run(appOf((line) => lines.push(line)));
  await new Promise((resolve) => {
    setTimeout(resolve, 1);
  });
  return { lines, ...rest, headers: headers.filter(([name]) => !NOT_COMPARED.has(name.toLowerCase())) };
}

async function behind(app, request) {
  const proxy = new FakeProxy();
  await proxy.server(app);
  const { status, reason, headers, body, trailers, informs, isWhole } = await proxy.request(request).reply;
  return {
    status,
    reason,
    headers,
    body,
    trailers: trailerObject(trailers),
    informs: informs.map((text) => Number(text.slice(9, 12))),
    isWhole,
  };
}

function trailerObject(text) {
  const lines = text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => line.split(': '));
  return Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]));
}
