'use strict';

const http = require('node:http');
const { version } = require('./package.json');
const { RefusedError } = require('./lib/backend');
const { dial } = require('./lib/dial');
const { define, cutAlso } = require('./lib/listen');
const { OptionError } = require('./lib/options');

/**
 * Node's `http.createServer`, but `listen` makes the server a backend of the proxy. Its port is only what `address()`
 * then answers.
 */
function createServer(...args) {
  const app = typeof args[args.length - 1] === 'function' ? args.pop() : undefined;
  const given = args[0] ?? {};
  return becomeBackend(http.createServer(given, app), given);
}

/**
 * Puts an app into service: a request listener (Express, Connect), a Koa app, a Fastify instance, or an `http.Server`.
 * Returns the `http.Server`; its `'listening'` says that the proxy has taken it.
 */
function serve(app, given = {}) {
  if (typeof app?.ready === 'function' && app.server instanceof http.Server) {
    const server = becomeBackend(app.server, given);
    app.ready().then(
      () => server.listen(0),
      (err) => server.emit('error', err),
    );
    return server;
  }
  return serverOf(app, given).listen(0);
}

function serverOf(app, given) {
  if (
    typeof app?.emit === 'function' &&
    typeof app.listen === 'function' &&
    typeof app.setTimeout === 'function'
  ) {
    return becomeBackend(app, given);
  }
  if (typeof app === 'function') return becomeBackend(http.createServer(app), given);
  if (typeof app?.callback === 'function') return becomeBackend(http.createServer(app.callback()), given);
  throw new TypeError('serve takes a request listener, a Koa or Fastify app, or an http.Server');
}

/** For Fastify: `fastify({ serverFactory })`. Options of the server that Fastify knows are kept. */
function serverFactory(listener, given) {
  const server = createServer(given.http ?? {}, listener);
  if (given.keepAliveTimeout !== undefined) server.keepAliveTimeout = given.keepAliveTimeout;
  if (given.requestTimeout !== undefined) server.requestTimeout = given.requestTimeout;
  if (given.connectionTimeout > 0) server.setTimeout(given.connectionTimeout);
  return server;
}

function becomeBackend(server, given) {
  define(server, 'listen', (...args) => dial(server, args, given));
  cutAlso(server);
  return server;
}

module.exports = { createServer, serve, serverFactory, version, OptionError, RefusedError };
