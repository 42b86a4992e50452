import { buildApp } from './lib/app.js';

const app = await buildApp({ logger: { level: process.env.LOG_LEVEL || 'info' } });

await app.listen({ port: Number(process.env.PORT || 3000), host: process.env.HOST || '127.0.0.1' });

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => app.close().then(() => process.exit(0)));
}
