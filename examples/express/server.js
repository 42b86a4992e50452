'use strict';

const app = require('./app');

const server = app.listen(process.env.PORT || 3000, process.env.HOST || '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`reading list on http://${address}:${port}`);
});
