'use strict';

const { EventEmitter } = require('node:events');
const { version } = require('../package.json');
const { Classes } = require('./classes');
const { Exchange } = require('./exchange');
const { Log } = require('./log');
const native = require('./native');
const { kExchange } = require('./response');
const { gather, rethrowSoon } = require('./soon');
const { Upgrade } = require('./upgrade');

const { BODY, EVENT, NOTICE } = native;

/** Refused by the proxy: the wrong key, or an address where no site is. */
class RefusedError extends Error {
  constructor(message) {
    super(message);
    this.name = 'RefusedError';
    this.code = 'SWIFTIPLY_REFUSED';
  }
}

/**
 * A server of the app as a backend of the proxy: the connector that keeps its links, and its exchanges.
 *
 * Emits `'connected'` the first time that a proxy takes it into service, `'refused'` (with a `RefusedError`) when none
 * ever will, and `'ended'` after `drain` when all that had begun is done.
 */
class Backend extends EventEmitter {
  /**
   * @param {import('node:http').Server} server
   * @param {ReturnType<import('./options').optionsFrom>} options
   * @param {{ Connector: new (...args: any[]) => native.Connector, headerNames: () => string[] }} [library] the native side; tests bring their own
   */
  constructor(server, options, library = native.load()) {
    super();
    this.server = server;
    this.options = options;
    this.classes = new Classes(server);
    this.log = new Log(options.logLevel);
    this.exchanges = new Map();
    this.isConnected = false;
    this.refusals = 0;
    this.isDraining = false;
    this.headerNames = library.headerNames();
    this.connector = new library.Connector(connectorOptions(options), (events) =>
      gather(() => this.turn(events)),
    );
    catchRejections(server, this);
    flushAtExit(this.connector);
  }

  /** Take nothing new, end what has begun, then `'ended'`. */
  drain() {
    if (this.isDraining) return;
    this.isDraining = true;
    this.connector.drain();
  }

  /** Leave at once; what has begun is cut. */
  stop() {
    for (const exchange of this.exchanges.values()) exchange.socket.destroy();
    this.connector.stop();
    this.ended();
  }

  /** Cut every exchange (`server.closeAllConnections`). As in Node, what was upgraded is the app's. */
  cutAll() {
    for (const exchange of this.exchanges.values()) {
      if (!(exchange instanceof Upgrade)) exchange.socket.destroy();
    }
  }

  /** One turn of the loop: all that the links brought. */
  turn(events) {
    for (let at = 0; at < events.length;) {
      const kind = events[at];
      try {
        at = this.take(kind, events, at);
      } catch (err) {
        at += EVENT_FIELDS[kind];
        rethrowSoon(err);
      }
    }
  }

  take(kind, events, at) {
    switch (kind) {
      case EVENT.REQUEST:
        this.begin(events[at + 1], events[at + 2], events[at + 3], events[at + 4]);
        break;
      case EVENT.NOTICE:
        this.notice(events[at + 1], events[at + 2], events[at + 3]);
        break;
      case EVENT.ENDED:
        this.ended();
        break;
      default: {
        const exchange = this.exchanges.get(events[at + 1]);
        if (exchange !== undefined) exchange.runInAsyncScope(REPORTS[kind], null, exchange);
      }
    }
    return at + EVENT_FIELDS[kind];
  }

  begin(id, head, bodyKind, body) {
    this.classes.follow();
    // Without a listener an offer is no more than a header, as in Node.
    const isUpgrade = bodyKind === BODY.UPGRADE && this.server.listenerCount('upgrade') > 0;
    const exchange = isUpgrade ? new Upgrade(this, id, head) : new Exchange(this, id, head);
    this.exchanges.set(id, exchange);
    this.server._connections++;
    exchange.runInAsyncScope(exchange.begin, exchange, bodyKind, body);
  }

  /** This exchange is over. */
  over(exchange) {
    this.exchanges.delete(exchange.id);
    this.server._connections--;
    this.server._emitCloseIfDrained();
  }

  notice(level, kind, text) {
    // One proxy of several may refuse; when all have, nobody is left to serve.
    if (kind === NOTICE.REFUSED && ++this.refusals === this.options.connect.length && !this.isConnected) {
      this.emit('refused', new RefusedError(text));
      return;
    }
    this.log.line(level, text);
    if (kind === NOTICE.CONNECTED && !this.isConnected) {
      this.isConnected = true;
      this.emit('connected');
    }
  }

  ended() {
    connectors.delete(this.connector);
    this.connector.unref();
    this.emit('ended');
  }
}

const connectors = new Set();
let isFlushingAtExit = false;

/** `process.exit` right behind a reply must not lose it: what was given to the link leaves first. */
function flushAtExit(connector) {
  if (!isFlushingAtExit) process.once('exit', () => connectors.forEach((each) => each.flush()));
  isFlushingAtExit = true;
  connectors.add(connector);
}

/** The same options as the native side takes them. */
function connectorOptions(options) {
  return {
    connect: options.connect,
    key: options.key,
    slots: options.concurrency,
    tunnels: options.tunnels,
    label: options.label,
    language: `node ${process.versions.node}`,
    adapter: `swiftiply-node ${version}`,
  };
}

/** How many places of a turn's array each event fills. */
const EVENT_FIELDS = {
  [EVENT.REQUEST]: 5,
  [EVENT.READABLE]: 2,
  [EVENT.WRITABLE]: 2,
  [EVENT.DISCONNECTED]: 2,
  [EVENT.NOTICE]: 4,
  [EVENT.ENDED]: 1,
};

const REPORTS = {
  [EVENT.READABLE]: (exchange) => exchange.onReadable(),
  [EVENT.WRITABLE]: (exchange) => exchange.onWritable(),
  [EVENT.DISCONNECTED]: (exchange) => exchange.onDisconnected(),
};

const REQUEST_EVENTS = new Set(['request', 'checkContinue', 'checkExpectation']);
const kCapture = Object.getOwnPropertySymbols(new EventEmitter()).find(
  ({ description }) => description === 'kCapture',
);

/**
 * An `async` listener that rejects is an exception of the app like any other: a 500, and the process lives on. Node
 * has this built in, as the `captureRejections` option of emitters; here it is on, and the log has the error.
 */
function catchRejections(server, backend) {
  const before = server[EventEmitter.captureRejectionSymbol];
  server[kCapture] = true;
  server[EventEmitter.captureRejectionSymbol] = function onRejection(err, event, ...args) {
    const exchange = event === 'upgrade' ? args[1].exchange : REQUEST_EVENTS.has(event) && args[1][kExchange];
    if (exchange && exchange.backend === backend) exchange.appFailed(err);
    else before.call(this, err, event, ...args);
  };
}

module.exports = { Backend, RefusedError, connectorOptions };
