/// <reference types="node" />
import type { RequestListener, Server, ServerOptions } from 'node:http';

/** How a server becomes a backend. What is not given comes from the environment, then from the default. */
export interface Options {
  /**
   * Where proxies listen for backends: `host:port`, a port on 127.0.0.1, or `unix:/path`; each of a list is dialled.
   * Environment: `SWIFTIPLY` (divided by commas). Default: `127.0.0.1:30000`.
   */
  connect?: string | readonly string[];
  /** The site's key. Environment: `SWIFTIPLY_KEY`. */
  key?: string | Uint8Array;
  /** A file with the site's key, whose final newline does not count. Environment: `SWIFTIPLY_KEY_FILE`. */
  keyFile?: string;
  /** Requests that this process has in hand at once. Environment: `SWIFTIPLY_CONCURRENCY`. Default: 100. */
  concurrency?: number;
  /**
   * Upgraded connections (WebSockets) that this process keeps at once, beside its requests; the next is answered 503.
   * Environment: `SWIFTIPLY_TUNNELS`. Default: 10000.
   */
  tunnels?: number;
  /** What this release is called in the proxy's status. Environment: `SWIFTIPLY_LABEL`. */
  label?: string;
  /** Seconds to finish what has begun after SIGTERM. Environment: `SWIFTIPLY_DRAIN_TIMEOUT`. Default: 30. */
  drainTimeout?: number;
  /** What is told on standard error. Environment: `SWIFTIPLY_LOG_LEVEL`. Default: `info`. */
  logLevel?: 'error' | 'warn' | 'info' | 'debug';
}

/**
 * `http.createServer`, but `listen` makes the server a backend of the proxy instead of opening a port.
 *
 * `'listening'` comes when the proxy has taken it into service; `close` drains.
 */
export function createServer(listener?: RequestListener): Server;
export function createServer(options: ServerOptions & Options, listener?: RequestListener): Server;

/** A Koa app, as far as {@link serve} needs it. */
export interface KoaLike {
  callback(): RequestListener;
}

/** A Fastify instance, as far as {@link serve} needs it. */
export interface FastifyLike {
  readonly server: object;
  ready(): PromiseLike<unknown>;
}

/** Puts an app into service at once. The server emits `'error'` with a {@link RefusedError} if the proxy refuses it. */
export function serve(app: RequestListener | KoaLike | FastifyLike | Server, options?: Options): Server;

/** For Fastify: `fastify({ serverFactory })`. */
export function serverFactory(listener: RequestListener, options: Record<string, any>): Server;

/** The proxy refused this backend and always will: a wrong key, for example. */
export class RefusedError extends Error {
  readonly code: 'SWIFTIPLY_REFUSED';
}

/** An option that cannot be used as it is. */
export class OptionError extends Error {
  readonly code: 'SWIFTIPLY_BAD_OPTION';
}

/** This package's version. */
export const version: string;
