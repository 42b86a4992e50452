'use strict';

const { createReadStream } = require('node:fs');
const { Readable } = require('node:stream');
const { text } = require('node:stream/consumers');
const Koa = require('koa');

const app = new Koa();
app.silent = true;
app.use(async (ctx) => {
  const routes = {
    'GET /': () => {
      ctx.type = 'html';
      ctx.body = '<h1>home</h1>';
    },
    'GET /who': () => {
      ctx.body = {
        ip: ctx.ip,
        protocol: ctx.protocol,
        secure: ctx.secure,
        host: ctx.hostname,
        query: ctx.query,
      };
    },
    'POST /form': async () => {
      const form = new URLSearchParams(await text(ctx.req));
      ctx.cookies.set('name', form.get('name'));
      ctx.status = 303;
      ctx.redirect('/');
    },
    'POST /json': async () => {
      ctx.status = 201;
      ctx.body = JSON.parse(await text(ctx.req));
    },
    'GET /throw': () => {
      throw new Error('the app broke');
    },
    'GET /stream': () => {
      ctx.body = Readable.from(['piece 0\n', 'piece 1\n', 'piece 2\n']);
    },
    'GET /file': () => {
      ctx.body = createReadStream(__filename);
    },
    'GET /etag': () => {
      ctx.etag = 'cached';
      ctx.status = 200;
      ctx.body = 'cached';
      if (ctx.fresh) ctx.status = 304;
    },
  };
  await routes[`${ctx.method === 'HEAD' ? 'GET' : ctx.method} ${ctx.path}`]?.();
});
app.listen(3000, () => console.log('listening'));
