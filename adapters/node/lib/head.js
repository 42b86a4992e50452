'use strict';

/**
 * A request's head. It comes from the native side as one text of latin-1, because making one string there and cutting
 * it here costs a third of making each string there. No head holds a NUL, so that ends its parts:
 *
 *     method NUL target NUL peer-address NUL peer-port NUL local-address NUL local-port NUL version scheme headers
 *
 * Addresses and ports are empty where the client has none (a Unix socket). Version is `0` or `1`, of HTTP/1; scheme is
 * `s` for https, else `-`. Each header is the number of its name, as one character, and `value NUL`; a name that has
 * no number is written out: `LITERAL name NUL value NUL`.
 */
class Head {
  /**
   * @param {string} text
   * @param {string[]} names of headers by their numbers
   */
  constructor(text, names) {
    const methodEnd = text.indexOf('\0');
    const targetEnd = text.indexOf('\0', methodEnd + 1);
    const peerEnd = text.indexOf('\0', text.indexOf('\0', targetEnd + 1) + 1);
    const localEnd = text.indexOf('\0', text.indexOf('\0', peerEnd + 1) + 1);
    this.method = text.slice(0, methodEnd);
    this.target = text.slice(methodEnd + 1, targetEnd);
    this.versionMinor = text.charCodeAt(localEnd + 1) - 48;
    this.isHttps = text.charCodeAt(localEnd + 2) === 115;
    /** Few apps ask for the addresses, so only those who do pay for cutting them: see `endpointsOf`. */
    this.endpoints = text.slice(targetEnd + 1, localEnd);
    /** Names and values in turn. */
    this.rawHeaders = headersFrom(text, localEnd + 3, names);
  }
}

function headersFrom(text, at, names) {
  const rawHeaders = [];
  while (at < text.length) {
    const number = text.charCodeAt(at++);
    let name = names[number];
    if (number === LITERAL) {
      const nameEnd = text.indexOf('\0', at);
      name = text.slice(at, nameEnd);
      at = nameEnd + 1;
    }
    const end = text.indexOf('\0', at);
    rawHeaders.push(name, text.slice(at, end));
    at = end + 1;
  }
  return rawHeaders;
}

/** Stands before a name that has no number. */
const LITERAL = 0x80;

/** What a socket tells of its two ends. */
function endpointsOf(endpoints) {
  const [remoteAddress, remotePort, localAddress, localPort] = endpoints.split('\0');
  return {
    remoteAddress: remoteAddress || undefined,
    remotePort: remotePort === '' ? undefined : +remotePort,
    localAddress: localAddress || undefined,
    localPort: localPort === '' ? undefined : +localPort,
  };
}

module.exports = { Head, LITERAL, endpointsOf };
