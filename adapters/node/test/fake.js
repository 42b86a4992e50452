'use strict';

const http = require('node:http');
const { dial } = require('../lib/dial');
const { LITERAL } = require('../lib/head');
const { EVENT, BODY, NOTICE } = require('../lib/native');

/** The native side has a hundred. */
const HEADER_NAMES = [, 'host', 'cookie'];

function numberOrName(name) {
  const number = HEADER_NAMES.indexOf(name);
  return String.fromCharCode(number > 0 ? number : LITERAL) + (number > 0 ? '' : `${name}\0`);
}

/** A proxy and a native connector in one, in JavaScript: tests speak to an app through it without a link. */
class FakeProxy {
  constructor({ window = Infinity, tunnels = Infinity } = {}) {
    this.window = window;
    this.tunnels = tunnels;
    this.exchanges = new Map();
    this.lastId = 0;
    this.calls = [];
    const proxy = this;
    this.library = {
      headerNames: () => HEADER_NAMES,
      Connector: class {
        constructor(options, turn) {
          proxy.options = options;
          proxy.turn = turn;
          return proxy.connector();
        }
      },
    };
  }

  /** A server that has become a backend and is in service. */
  async server(...args) {
    const server = http.createServer(...args);
    await this.serve(server);
    return server;
  }

  async serve(server) {
    dial(server, [0], { logLevel: 'error' }, this.library);
    this.accept();
    return server;
  }

  accept() {
    this.turn([EVENT.NOTICE, 'debug', NOTICE.CONNECTED, 'in service']);
  }

  refuse(reason) {
    this.turn([EVENT.NOTICE, 'error', NOTICE.REFUSED, reason]);
  }

  connector() {
    const call = (name) => () => {
      this.calls.push(name);
    };
    const of = (id) => this.exchanges.get(id);
    return {
      send: (id, head, utf8, body, latin1) => {
        const bytes =
          typeof body === 'string'
            ? Buffer.from(body, latin1 ? 'latin1' : 'utf8')
            : (body ?? Buffer.alloc(0));
        of(id).head(head, utf8);
        const taken = of(id).write(bytes);
        if (taken === bytes.length) of(id).end('');
        return taken;
      },
      start: (id, head, utf8) => of(id).head(head, utf8),
      write: (id, data) => of(id).write(data),
      finish: (id, trailers) => of(id).end(trailers),
      inform: (id, head) => of(id).inform(head),
      abort: (id, reason) => of(id).abort(reason),
      read: (id, bytesMax) => of(id).read(bytesMax),
      trailers: (id) => of(id).requestTrailers,
      claimTunnel: () => this.tunnels-- > 0,
      writeRaw: (id, data) => of(id).writeRaw(data),
      isTunnel: (id) => of(id).status === 101,
      finishRaw: (id) => of(id).end(''),
      drain: call('drain'),
      stop: call('stop'),
      flush: call('flush'),
      setSlots: call('setSlots'),
      ref: call('ref'),
      unref: call('unref'),
    };
  }

  /** All that had begun is done and the proxies know. */
  ended() {
    this.turn([EVENT.ENDED]);
  }

  /** Sends a request that offers an upgrade. */
  upgrade({ headers = {}, ...more } = {}) {
    const offer = { connection: 'Upgrade', upgrade: 'websocket', ...headers };
    return this.request({ ...more, headers: offer, body: 'upgrade' });
  }

  /** Sends a request; the exchange's `reply` settles when it is over. */
  request({ method = 'GET', path = '/', headers = {}, body = null, version = '1.1', scheme = 'http' } = {}) {
    const exchange = new FakeExchange(this, ++this.lastId);
    this.exchanges.set(exchange.id, exchange);
    const flat = Object.entries({ host: 'example.com', ...headers }).flatMap(([name, value]) =>
      [value].flat().map((one) => `${numberOrName(name)}${one}\0`),
    );
    const flags = `${version === '1.0' ? 0 : 1}${scheme === 'https' ? 's' : '-'}`;
    const parts = [method, path, '203.0.113.9', '4711', '127.0.0.1', '80', flags + flat.join('')];
    const head = parts.join('\0');
    const kinds = { later: BODY.LATER, upgrade: BODY.UPGRADE };
    const kind = body === null ? BODY.NONE : (kinds[body] ?? BODY.HERE);
    // As the native side does: what was handed over with the head has been read.
    if (kind === BODY.NONE || kind === BODY.HERE) exchange.requestPieces.push(null);
    this.turn([EVENT.REQUEST, exchange.id, head, kind, kind === BODY.HERE ? Buffer.from(body) : null]);
    return exchange;
  }
}

class FakeExchange {
  constructor(proxy, id) {
    Object.assign(this, {
      proxy,
      id,
      informs: [],
      chunks: [],
      headers: [],
      requestPieces: [],
      requestTrailers: [],
    });
    this.window = proxy.window;
    this.reply = new Promise((resolve) => {
      this.over = resolve;
    });
  }

  // The proxy's side.

  data(piece) {
    this.requestPieces.push(Buffer.from(piece));
    this.proxy.turn([EVENT.READABLE, this.id]);
  }

  dataEnd(trailers = []) {
    this.requestTrailers = trailers;
    this.requestPieces.push(null);
    this.proxy.turn([EVENT.READABLE, this.id]);
  }

  leave() {
    this.gone = true;
    this.proxy.turn([EVENT.DISCONNECTED, this.id]);
  }

  grant(bytes) {
    this.window += bytes;
    this.proxy.turn([EVENT.WRITABLE, this.id]);
  }

  get body() {
    return Buffer.concat(this.chunks).toString();
  }

  // The connector's side.

  /** A head of HTTP/1 first, whole in one piece; then anything. */
  writeRaw(data) {
    if (this.status !== undefined) return this.write(data);
    if (!data.toString('latin1').startsWith('HTTP/1.1 ')) throw new Error('no reply of HTTP/1');
    const end = data.indexOf('\r\n\r\n') + 4;
    this.head(data.toString('latin1', 0, end), false);
    return end + this.write(data.subarray(end));
  }

  head(text, utf8) {
    const lines = Buffer.from(text, utf8 ? 'utf8' : 'latin1')
      .toString('latin1')
      .split('\r\n');
    const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(lines[0]);
    this.status = Number(status);
    this.reason = reason;
    this.headers = lines.slice(1, -2).map((line) => /^([^:]+): (.*)$/.exec(line).slice(1));
  }

  header(name) {
    return this.headers.find(([known]) => known.toLowerCase() === name)?.[1];
  }

  write(data) {
    const taken = Math.min(data.length, this.window);
    this.window -= taken;
    this.chunks.push(Buffer.from(data.subarray(0, taken)));
    return taken;
  }

  end(trailers) {
    this.trailers = trailers;
    this.isWhole = true;
    this.over(this);
  }

  inform(text) {
    this.informs.push(text);
  }

  abort(reason) {
    this.aborted = reason;
    this.over(this);
  }

  read(bytesMax) {
    if (this.gone) throw new Error('the client left');
    const piece = this.requestPieces.shift();
    if (piece && piece.length > bytesMax) {
      this.requestPieces.unshift(piece.subarray(bytesMax));
      return piece.subarray(0, bytesMax);
    }
    return piece;
  }
}

module.exports = { FakeProxy };
