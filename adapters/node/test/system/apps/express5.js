'use strict';

module.exports = build(require('express'));
if (require.main === module) module.exports.listen(process.env.PORT || 3000, () => console.log('listening'));

function build(express) {
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.use(express.json());
  app.get('/', (req, res) => res.send('<h1>home</h1>'));
  app.get('/who', (req, res) =>
    res.json({
      ip: req.ip,
      protocol: req.protocol,
      secure: req.secure,
      host: req.hostname,
      query: req.query,
    }),
  );
  app.post('/form', (req, res) => res.cookie('name', req.body.name).redirect(303, '/'));
  app.post('/json', (req, res) => res.status(201).json(req.body));
  app.get('/throw', () => {
    throw new Error('the app broke');
  });
  app.get('/stream', async (req, res) => {
    for (let n = 0; n < 3; n++) {
      res.write(`piece ${n}\n`);
      await new Promise(setImmediate);
    }
    res.end();
  });
  app.get('/file', (req, res) => res.sendFile(__filename));
  app.get('/etag', (req, res) => res.send('cached'));
  return app;
}

module.exports.build = build;
