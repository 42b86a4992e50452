'use strict';

const http = require('node:http');

const events = [];
const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');

const routes = {
  '/': (req, res) => res.end(`pid ${process.pid}`),
  '/events': (req, res) => res.end(JSON.stringify(events.splice(0))),
  '/throw': () => {
    throw new Error('the app broke');
  },
  '/reject': async () => {
    throw new Error('the app broke later');
  },
  '/crash': () => {
    setImmediate(() => process.kill(process.pid, 'SIGKILL'));
  },
  '/echo': (req, res) => {
    req.pipe(res);
  },
  '/count': async (req, res) => {
    let bytes = 0;
    for await (const chunk of req) bytes += chunk.length;
    res.end(String(bytes));
  },
  '/memory': (req, res) => res.end(String(process.memoryUsage().rss)),
  '/megabytes': async (req, res) => {
    const count = Number(new URL(req.url, 'http://x').searchParams.get('n'));
    for (let n = 0; n < count; n++) {
      if (!res.write(MEGABYTE))
        await new Promise((resolve) => {
          res.once('drain', resolve);
        });
    }
    res.end();
  },
  '/endless': (req, res) => {
    let bytes = 0;
    const more = () => {
      while (res.write(MEGABYTE)) bytes += MEGABYTE.length;
      bytes += MEGABYTE.length;
      events.push(['written', bytes]);
    };
    res.on('drain', more);
    res.on('close', () => events.push(['close', res.writableFinished]));
    req.on('aborted', () => events.push(['aborted']));
    more();
  },
  '/upload': (req, res) => {
    req.on('data', () => {});
    req.on('aborted', () => events.push(['aborted', req.complete]));
    req.on('error', (err) => events.push(['error', err.code]));
    res.on('close', () => events.push(['close', res.writableFinished]));
    res.writeHead(200).flushHeaders();
  },
  '/wait': (req, res) => {
    process.once('SIGUSR2', () => res.end('waited'));
    res.flushHeaders();
  },
  '/hints': (req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
    res.end('hinted');
  },
  '/trailers': (req, res) => {
    res.writeHead(200, { Trailer: 'X-Sum' });
    res.write('data');
    res.addTrailers({ 'X-Sum': 'abc' });
    res.end();
  },
  '/empty': (req, res) => {
    res.writeHead(204).end();
  },
  '/short': (req, res) => {
    res.writeHead(200, { 'Content-Length': 10 });
    if (req.url !== '/short?begun') return res.end('short');
    process.once('SIGUSR2', () => res.end());
    return res.write('short');
  },
  '/long': (req, res) => {
    res.writeHead(200, { 'Content-Length': 3 });
    res.write('123');
    res.end('45');
  },
  '/exit': (req, res) => {
    res.end('last words', () => process.exit(0));
  },
};

http
  .createServer((req, res) => {
    const route = routes[req.url.replace(/\?.*/, '')];
    return route ? route(req, res) : res.writeHead(404).end();
  })
  .listen(process.env.APP_PORT || 3000, () => console.log('listening'));
