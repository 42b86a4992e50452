'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');

/**
 * What the compiled connector offers; `test/fake.js` offers the same without a proxy.
 *
 * @typedef {object} Connector
 * @property {(id: number, head: string, utf8: boolean, body: string|Uint8Array|null, latin1: boolean) => number} send
 *   a whole reply, its head as Node renders it: how many bytes of the body the window took; if not all, the rest goes
 *   on with `write` and `finish`
 * @property {(id: number, head: string, utf8: boolean) => void} start the head alone; it leaves with this turn
 * @property {(id: number, data: Uint8Array) => number} write how many bytes the window took; if not all, `WRITABLE`
 *   follows
 * @property {(id: number, trailers: string) => void} finish the end, with trailers as `Name: value` lines
 * @property {(id: number, head: string) => void} inform an informational reply, as text
 * @property {(id: number, reason: string) => void} abort cut visibly, or 502 if nothing was sent
 * @property {(id: number, bytesMax: number) => Buffer|null|undefined} read body, `null` at its end, `undefined` when
 *   there is none yet and `READABLE` follows; throws when the rest never comes
 * @property {(id: number) => string[]} trailers of the request, after its end: names and values in turn
 * @property {(id: number) => boolean} claimTunnel have one of the process's tunnels until the exchange is over
 * @property {(id: number, data: Uint8Array) => number} writeRaw what an app writes on a socket, a head of HTTP/1 first: how
 *   many bytes were taken; if not all, `WRITABLE` follows
 * @property {(id: number) => boolean} isTunnel whether that head was a 101, so that `read` gives what the client says
 * @property {(id: number) => void} finishRaw the socket is closed
 * @property {() => void} drain take nothing new; `ENDED` follows when all is done
 * @property {() => void} stop leave at once; no event follows
 * @property {() => void} flush write out now what this turn of the loop gathered
 * @property {(slots: number) => void} setSlots
 * @property {() => void} ref keep the process alive
 * @property {() => void} unref
 *
 * Beside it the library has `headerNames()`, the names of headers by the numbers that heads have for them (`head.js`),
 * and `checkOptions`.
 */

/**
 * What the connector reports, a turn of the loop at a time, as one flat array:
 * `REQUEST, id, head, bodyKind, body` (see `head.js` and `BODY`), `READABLE, id`, `WRITABLE, id`, `DISCONNECTED, id`,
 * `NOTICE, level, kind, text`, `ENDED`.
 */
const EVENT = Object.freeze({ REQUEST: 0, READABLE: 1, WRITABLE: 2, DISCONNECTED: 3, NOTICE: 4, ENDED: 5 });

/**
 * How a request's body travels: there is none, all of it came with the head, or it is read piece by piece; or there is
 * none, and the client offers to upgrade.
 */
const BODY = Object.freeze({ NONE: 0, HERE: 1, LATER: 2, UPGRADE: 3 });

/** The kinds of notice that the adapter acts on; all others are only lines for the log. */
const NOTICE = Object.freeze({ OTHER: 0, CONNECTED: 1, REFUSED: 2 });

/** The compiled library for this platform, from inside the package. */
function load() {
  const file = path.join(__dirname, '..', 'native', `swiftiply-node.${platform()}.node`);
  if (!existsSync(file)) {
    throw new Error(
      `swiftiply-node has no library for ${platform()} (looked for ${file}): ` +
        'install a package that was built on such a machine with `adapters/node/package`',
    );
  }
  return require(file);
}

function platform() {
  return `${process.platform}-${process.arch}`;
}

module.exports = { load, platform, EVENT, BODY, NOTICE };
