'use strict';

const { createReadStream } = require('node:fs');
const { Readable } = require('node:stream');

const options = process.env.FACTORY ? { serverFactory: require('../../..').serverFactory } : {};
const app = require('fastify')(options);
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (req, body, done) => {
  done(null, Object.fromEntries(new URLSearchParams(body)));
});
app.get('/', (req, reply) => reply.type('text/html').send('<h1>home</h1>'));
app.get('/who', async (req) => ({
  ip: req.ip,
  protocol: req.protocol,
  secure: req.protocol === 'https',
  host: req.hostname,
  query: req.query,
}));
app.post('/form', (req, reply) => reply.header('set-cookie', `name=${req.body.name}`).redirect('/', 303));
app.post('/json', (req, reply) => reply.code(201).send(req.body));
app.get('/throw', () => {
  throw new Error('the app broke');
});
app.get('/stream', (req, reply) => reply.send(Readable.from(['piece 0\n', 'piece 1\n', 'piece 2\n'])));
app.get('/file', (req, reply) => reply.send(createReadStream(__filename)));
app.get('/etag', (req, reply) => {
  if (req.headers['if-none-match']) return reply.code(304).send();
  return reply.header('etag', '"cached"').send('cached');
});
// As the documentation says it: on localhost Fastify opens one server for IPv4 and one for IPv6.
app.listen({ port: 3000 }, (err) => {
  if (err) throw err;
  console.log('listening');
});
