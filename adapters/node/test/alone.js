'use strict';

const { once } = require('node:events');
const http = require('node:http');

/**
 * What an app's server answers without Swiftiply: Node's own sockets and parser, on a port of this machine. The tests
 * compare with it, so that they promise Node's behaviour and not our idea of it.
 */
async function alone(listener, { method = 'GET', path = '/', headers = {}, body = null } = {}) {
  const server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const informs = [];
  const req = http.request({
    port: server.address().port,
    host: '127.0.0.1',
    agent: false,
    method,
    path,
    headers,
  });
  req.on('information', ({ statusCode }) => informs.push(statusCode));
  req.on('continue', () => informs.push(100));
  if (headers.expect) req.flushHeaders();
  else req.end(body ?? undefined);
  req.on('continue', () => req.end(body));
  const [res] = await once(req, 'response');
  const chunks = [];
  let isWhole = true;
  try {
    for await (const chunk of res) chunks.push(chunk);
  } catch {
    isWhole = false;
  }
  server.close();
  server.closeAllConnections();
  return {
    status: res.statusCode,
    reason: res.statusMessage,
    headers: pairs(res.rawHeaders),
    body: Buffer.concat(chunks).toString(),
    trailers: res.trailers,
    informs: informs.filter((status, at) => informs.indexOf(status) === at),
    isWhole,
  };
}

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n], flat[2 * n + 1]]);
}

module.exports = { alone };
