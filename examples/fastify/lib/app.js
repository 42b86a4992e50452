import path from 'node:path';
import cookie from '@fastify/cookie';
import csrfProtection from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import fastifyStatic from '@fastify/static';
import view from '@fastify/view';
import ejs from 'ejs';
import fastify from 'fastify';
import { secretKey } from './data.js';
import pages from './pages.js';

const root = path.join(import.meta.dirname, '..');
const COOKIE = { path: '/', httpOnly: true, sameSite: 'lax', signed: true };

export async function buildApp(options) {
  const app = fastify(options);
  await app.register(cookie, { secret: secretKey() });
  await app.register(csrfProtection, { cookieOpts: COOKIE, getToken: (request) => request.body?._csrf });
  await app.register(formbody);
  await app.register(fastifyStatic, { root: path.join(root, 'public'), prefix: '/static/' });
  await app.register(view, { engine: { ejs }, root: path.join(root, 'views') });

  // What the browser keeps for us, signed: the last place, and a message for the next page.
  app.decorateReply('remember', function remember(name, text) {
    return this.setCookie(name, text, COOKIE);
  });
  app.decorateRequest('recall', function recall(name) {
    const { valid, value } = this.unsignCookie(this.cookies[name] ?? '');
    return valid ? value : '';
  });

  app.setNotFoundHandler((request, reply) => reply.code(404).view('message.ejs', {
    title: 'Not here', text: 'There is no such page.',
  }));
  app.setErrorHandler((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error(error);
    return reply.code(status).view('message.ejs', status < 500
      ? { title: 'Refused', text: error.message }
      : { title: 'Something broke', text: 'It has been noted in the log.' });
  });

  await app.register(pages);
  return app;
}
