'use strict';

// Express is the bench's own, not this folder's.
const express = require(require.resolve('express', { paths: [process.env.EXPRESS_FROM] }));

const app = express();
app.get('/', (request, response) => response.type('text').send('Hello, World!'));
// A path, or a port of this machine.
const place = process.env.LISTEN;
app.listen(place.startsWith('/') ? { path: place } : { host: '127.0.0.1', port: Number(place) });
