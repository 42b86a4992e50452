'use strict';

// The app of README.md over Node's http.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const { setTimeout: pause } = require('node:timers/promises');
const { Readable } = require('node:stream');

const PIECE = Buffer.from(Array.from({ length: 65536 }, (_, n) => n % 256));
const TEXT = { 'content-type': 'text/plain' };
const BYTES = { 'content-type': 'application/octet-stream' };

const PATHS = {
  '/hello': (req, res) => answer(res, 'hello'),
  '/pid': (req, res) => answer(res, String(process.pid)),
  '/headers': (req, res) => answer(res, JSON.stringify({ ...req.headers, peer: req.socket.remoteAddress })),
  '/echo': (req, res) => req.pipe(res.writeHead(200, BYTES)),
  '/sink': async (req, res) => {
    note('sink');
    const digest = createHash('sha256');
    let count = 0;
    try {
      for await (const piece of req) {
        digest.update(piece);
        count += piece.length;
      }
    } catch (error) {
      note('cut');
      throw error;
    }
    answer(res, `${count} ${digest.digest('hex')}`);
  },
  '/refuse': (req, res) => answer(res, 'refused', 413),
  '/big': (req, res, query) => Readable.from(pieces(Number(query.get('bytes')))).pipe(res.writeHead(200, BYTES)),
  '/status': (req, res, query) => res.writeHead(Number(query.get('code')), TEXT).end('a body'),
  '/hints': (req, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    answer(res, 'hello');
  },
  '/slow': async (req, res, query) => {
    note('slow');
    await pause(Number(query.get('ms')));
    answer(res, 'hello');
  },
  '/block': (req, res, query) => {
    note('slow');
    const until = performance.now() + Number(query.get('ms'));
    while (performance.now() < until);
    answer(res, 'hello');
  },
  '/raise': () => { throw new Error("the app's own mistake"); },
  '/raise-midway': async (req, res) => {
    await new Promise((done) => res.writeHead(200, TEXT).write('begun', done));
    throw new Error("the app's late mistake");
  },
  '/exit': () => process.exit(3),
  '/disconnect': (req, res) => {
    res.writeHead(200, TEXT).write('more ');
    res.on('close', () => note('left'));
  },
  '/count': async (req, res, query) => {
    add(`begun ${query.get('id')}\n`);
    await pause(Number(query.get('ms')));
    add(`ended ${query.get('id')}\n`);
    answer(res, 'hello');
  },
};

http.createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://app');
  return PATHS[pathname](req, res, searchParams);
}).listen(3000);

function answer(res, body, status = 200) {
  res.writeHead(status, { ...TEXT, 'content-length': Buffer.byteLength(body) }).end(body);
}

function* pieces(left) {
  for (; left > 0; left -= PIECE.length) yield PIECE.subarray(0, left);
}

function note(word) {
  fs.writeSync(1, `${word}\n`);
}

function add(line) {
  fs.appendFileSync(process.env.COUNTED, line);
}
