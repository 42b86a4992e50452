// Compiled, never run: what the declarations must accept and refuse.
import { createServer as plain } from 'node:http';
import swiftiply, {
  createServer,
  serve,
  serverFactory,
  version,
  OptionError,
  RefusedError,
} from 'swiftiply-node';
import type { KoaLike, Options } from 'swiftiply-node';
import express from 'express';

const options: Options = { connect: ['1', 'unix:/run/app.sock'], key: 'k', concurrency: 4, logLevel: 'warn' };
const server = createServer((req, res) => res.end(req.url));
server.listen(0, () => console.log(server.address()));
createServer({ keepAliveTimeout: 1, ...options }, express());
serve(express(), options).on('error', (err) => {
  if (err instanceof RefusedError) console.log(err.code);
});
serve(plain());
declare const koa: KoaLike;
serve(koa);
serverFactory((req, res) => res.end(), {});
const code: 'SWIFTIPLY_BAD_OPTION' = new OptionError('').code;
console.log(version.length, code, swiftiply.version);
// @ts-expect-error: a level that is none
serve(plain(), { logLevel: 'loud' });
// @ts-expect-error: not an app
serve(42);
