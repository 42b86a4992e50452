'use strict';

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { backendOf, dial, nodeListen } = require('./dial');
const { Log } = require('./log');
const { isSwitchedOff } = require('./options');

const kInstalled = Symbol.for('swiftiply.listen.installed');

/**
 * From now on `listen` of the app's server dials. Once per process, whatever loads this and however often: CommonJS
 * and ES modules share the prototypes.
 */
function install() {
  if (http.Server.prototype[kInstalled] || isSwitchedOff()) return;
  http.Server.prototype[kInstalled] = true;
  for (const Server of [http.Server, https.Server]) {
    define(Server.prototype, 'listen', listen);
    cutAlso(Server.prototype);
  }
}

function listen(...args) {
  if (shallDial(this, args)) return dial(this, args);
  tellWhy(args);
  return nodeListen.apply(this, args);
}

/** A program whose PORT is not the one that it listens on would else wait in silence for requests. */
function tellWhy(args, env = process.env) {
  const port = tcpPort(args);
  const name = ['SWIFTIPLY_LISTEN', 'SWIFTIPLY_PORT', 'PORT'].find((each) => env[each]);
  if (port === undefined || name === undefined) return;
  new Log(env.SWIFTIPLY_LOG_LEVEL || 'info').info(
    `port ${port} is opened as usual: ${name}=${env[name]} names the server that the proxy serves`,
  );
}

/** `closeAllConnections` of this server (or of all, given a prototype) also cuts what came over the link. */
function cutAlso(target) {
  const { closeAllConnections } = target;
  define(target, 'closeAllConnections', function closeAll() {
    backendOf(this)?.cutAll();
    closeAllConnections.call(this);
  });
}

/** A method like Node's own: not enumerable, and others may wrap it again. */
function define(target, name, value) {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/** The port that the first dialled server asked for. */
let firstPort;

/**
 * Only the app's main server dials; those for metrics, hot reload or an inspector go on to bind their own ports, and
 * so does whatever listens on a path or a handle. `SWIFTIPLY_LISTEN` says which it is: `all`, `first`, or a port.
 * Without it, the one whose port is `SWIFTIPLY_PORT` or `PORT`; without these, the first.
 */
function shallDial(server, args, env = process.env) {
  const port = tcpPort(args);
  if (port === undefined) return false;
  const rule = env.SWIFTIPLY_LISTEN || env.SWIFTIPLY_PORT || env.PORT || 'first';
  if (rule === 'all') return true;
  if (rule !== 'first' && Number.isInteger(Number(rule))) return port === Number(rule);
  firstPort ??= { server, port };
  return firstPort.server === server || (firstPort.port === port && port !== 0);
}

/** The TCP port that these arguments of `listen` ask for, or `undefined` when they ask for something else. */
function tcpPort(args) {
  const [wanted] = net._normalizeArgs(args);
  if (wanted.fd !== undefined || wanted._handle || wanted.handle || wanted.path) return undefined;
  if (
    args.length === 0 ||
    typeof args[0] === 'function' ||
    wanted.port === undefined ||
    wanted.port === null
  ) {
    return args.length === 0 || typeof args[0] !== 'object' || args[0] === null || 'port' in args[0]
      ? 0
      : undefined;
  }
  const port = Number(wanted.port);
  return Number.isInteger(port) && port >= 0 && port < 65_536 ? port : undefined;
}

module.exports = { install, shallDial, define, cutAlso };
