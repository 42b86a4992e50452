import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import * as readings from './readings.js';

// Between two looks for readings that other processes stored.
const LOOK_MS = 250;
const SHOWN_MAX = 50;

const READING = {
  type: 'object',
  required: ['place', 'celsius'],
  properties: {
    place: { type: 'string', minLength: 1, maxLength: 60 },
    celsius: { type: 'number', minimum: -90, maximum: 60 },
  },
};

export default async function pages(app) {
  // Without this, closing would wait for everybody who looks at the page.
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  app.get('/', (request, reply) => {
    const notice = request.recall('notice');
    if (notice) reply.clearCookie('notice', { path: '/' });
    return page(request, reply, { notice });
  });

  app.post('/readings', {
    schema: { body: READING }, attachValidation: true, preHandler: app.csrfProtection,
  }, (request, reply) => {
    if (request.validationError) {
      return page(request, reply.code(422), { error: 'A place and a temperature from −90 to 60 °C, please.' });
    }
    const { place, celsius } = request.body;
    readings.add(place, celsius);
    return reply.remember('place', place).remember('notice', `${celsius} °C in ${place} is noted.`).redirect('/', 303);
  });

  app.get('/readings.json', () => readings.newest(SHOWN_MAX));

  // Server-sent events: each reading as it comes, whichever process it came to. A browser that lost us says where it was.
  app.get('/events', (request, reply) => {
    const seen = Number(request.headers['last-event-id'] ?? readings.lastId());
    return reply.header('cache-control', 'no-store').type('text/event-stream').send(Readable.from(newReadings(seen, closing.signal)));
  });
}

function page(request, reply, { notice = '', error = '' }) {
  return reply.view('index.ejs', {
    notice, error, token: reply.generateCsrf(), place: request.body?.place ?? request.recall('place'),
    readings: readings.newest(SHOWN_MAX),
  });
}

async function* newReadings(seen, signal) {
  yield ': open\n\n';
  while (!signal.aborted) {
    for (const reading of readings.after(seen)) {
      seen = reading.id;
      yield `id: ${seen}\ndata: ${JSON.stringify(reading)}\n\n`;
    }
    await pause(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
