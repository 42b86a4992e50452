'use strict';

// What requests and responses are made by.

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');
const express = require('express');
const { Classes } = require('../lib/classes');
const { FakeProxy } = require('./fake');

/** Whether what is made next has these very prototypes. */
function assertPrototypes(classes, [ofRequest, ofResponse]) {
  classes.follow();
  const req = new classes.Request();
  const res = new classes.Response({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
  assert.equal(Object.getPrototypeOf(req), ofRequest);
  assert.equal(Object.getPrototypeOf(res), ofResponse);
}

const NODES_OWN = [http.IncomingMessage.prototype, http.ServerResponse.prototype];

for (const major of [4, 5]) {
  test(`an app of Express ${major} finds the prototypes there that it would set`, () => {
    const app = require(major === 4 ? 'express4' : 'express')();
    const classes = new Classes(http.createServer(app));
    assertPrototypes(classes, [app.request, app.response]);
  });
}

test("with a listener of another kind, before or beside an app of Express, the objects are Node's own", () => {
  const app = express();
  const server = http.createServer((req, res) => app(req, res));
  const classes = new Classes(server);
  assertPrototypes(classes, NODES_OWN);
  server.removeAllListeners('request');
  assertPrototypes(classes, NODES_OWN);
  server.on('request', app);
  assertPrototypes(classes, [app.request, app.response]);
  server.on('request', () => {});
  assertPrototypes(classes, NODES_OWN);
});

test('an app that gets other prototypes later is followed', () => {
  const app = express();
  const classes = new Classes(http.createServer(app));
  classes.follow();
  app.request = Object.create(app.request);
  assertPrototypes(classes, [app.request, app.response]);
});

test("classes of the server's own options stay, whatever the app is", () => {
  class Request extends http.IncomingMessage {}
  const app = express();
  const classes = new Classes(http.createServer({ IncomingMessage: Request }, app));
  assertPrototypes(classes, [Request.prototype, http.ServerResponse.prototype]);
});

test('an app of Express inside another has its own prototypes, and gives them back', async () => {
  const [outer, inner] = [express(), express()];
  const seen = [];
  inner.use((req, res, next) => {
    seen.push([Object.getPrototypeOf(req) === inner.request, Object.getPrototypeOf(res) === inner.response]);
    next();
  });
  outer.use(inner);
  outer.use((req, res) => {
    seen.push([Object.getPrototypeOf(req) === outer.request, Object.getPrototypeOf(res) === outer.response]);
    res.json({ ip: req.ip, query: req.query });
  });
  const proxy = new FakeProxy();
  await proxy.server(outer);
  for (let n = 0; n < 2; n++) {
    const { status, body } = await proxy.request({ path: '/?a=1' }).reply;
    assert.deepEqual([status, body], [200, '{"ip":"203.0.113.9","query":{"a":"1"}}']);
  }
  assert.deepEqual(seen, [
    [true, true],
    [true, true],
    [true, true],
    [true, true],
  ]);
});
