'use strict';

const http = require('node:http');

const HEADERS = { 'Content-Type': 'text/plain', 'Content-Length': '13' };

const server = http.createServer((request, response) => {
  response.writeHead(200, HEADERS);
  response.end('Hello, World!');
});
// A path, or a port of this machine.
const place = process.env.LISTEN;
server.listen(place.startsWith('/') ? { path: place } : { host: '127.0.0.1', port: Number(place) });
