'use strict';

// The same app in each framework, written without Swiftiply in mind, behind the real proxy.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Stage } = require('./stage');

const apps = [
  ['Express 5', 'express5.js'],
  ['Express 4', 'express4.js'],
  ['Koa', 'koa.js'],
  ['Fastify', 'fastify.js'],
  ['Fastify with our serverFactory', 'fastify.js', { FACTORY: '1' }],
  ['an ES module', 'module.mjs'],
];

for (const [name, file, env] of apps) {
  test(`${name} is served unmodified`, async (t) => {
    const stage = await Stage.open(t);
    await stage.serve(file, env);

    const home = await stage.fetch('/');
    assert.deepEqual([home.status, home.body], [200, '<h1>home</h1>']);
    assert.match(home.headers['content-type'], /^text\/html/);

    const who = JSON.parse((await stage.fetch('/who?a=1&b=2')).body);
    assert.deepEqual(who, {
      ip: '127.0.0.1',
      protocol: 'http',
      secure: false,
      host: 'app.test',
      query: { a: '1', b: '2' },
    });

    const form = await stage.fetch('/form', {
      method: 'POST',
      body: 'name=Ada',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '8' },
    });
    assert.equal(form.status, 303);
    assert.equal(form.headers.location, '/');
    assert.match(form.headers['set-cookie'][0], /^name=Ada/);

    const chunked = await stage.fetch('/json', {
      method: 'POST',
      body: '{"a":[1,2]}',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    });
    assert.deepEqual([chunked.status, chunked.body], [201, '{"a":[1,2]}']);

    assert.equal((await stage.fetch('/throw')).status, 500);
    assert.equal((await stage.fetch('/none')).status, 404);
    assert.equal((await stage.fetch('/stream')).body, 'piece 0\npiece 1\npiece 2\n');
    assert.match((await stage.fetch('/file')).body, /'use strict';/);
    const head = await stage.fetch('/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
    const { etag } = (await stage.fetch('/etag')).headers;
    assert.equal((await stage.fetch('/etag', { headers: { 'if-none-match': etag } })).status, 304);
  });
}
