'use strict';

const path = require('node:path');
const session = require('cookie-session');
const express = require('express');
const books = require('./routes/books');
const { makeToken, checkToken } = require('./token');
const { dataFolder, secretKey } = require('./data');

const app = express();
app.set('view engine', 'ejs');
app.set('views', path.join(__dirname, 'views'));
app.disable('x-powered-by');

app.use(express.static(path.join(__dirname, 'public')));
app.use(express.urlencoded({ extended: false, limit: '20kb' }));
app.use(session({ name: 'reading', keys: [secretKey(dataFolder())], sameSite: 'lax', httpOnly: true }));
app.use(makeToken, checkToken, flash);
app.use('/', books);

app.use((req, res) => res.status(404).render('message', { title: 'Not here', text: 'There is no such page.' }));

// Four parameters make it the handler of errors.
app.use((error, req, res, next) => {
  if (res.headersSent) return next(error);
  const status = error.status || 500;
  if (status >= 500) console.error(error);
  const text = status < 500 ? error.message : 'It has been noted in the log.';
  return res.status(status).render('message', { title: status < 500 ? 'Refused' : 'Something broke', text });
});

module.exports = app;

// A message for the next page that is shown.
function flash(req, res, next) {
  req.flash = (text) => { req.session.notice = text; };
  res.locals.takeNotice = () => {
    const text = req.session.notice;
    delete req.session.notice;
    return text;
  };
  next();
}
