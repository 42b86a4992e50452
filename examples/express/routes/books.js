'use strict';

const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const express = require('express');
const books = require('../books');

const router = express.Router();

router.get('/', (req, res) => show(res, {}));

router.post('/books', (req, res) => {
  const title = (req.body.title ?? '').trim();
  const author = (req.body.author ?? '').trim();
  if (!title || !author || title.length > 200 || author.length > 100) {
    res.status(422);
    return show(res, { title, author, error: 'A title and an author, please.' });
  }
  books.add(title, author);
  req.flash(`“${title}” is on the list.`);
  return res.redirect(303, '/');
});

router.post('/books/:id/read', (req, res, next) => {
  const book = books.find(Number(req.params.id));
  if (!book) return next();
  books.setRead(book.id, !book.read);
  req.flash(`“${book.title}” is ${book.read ? 'to be read again' : 'read'}.`);
  return res.redirect(303, '/');
});

router.get('/books.json', (req, res) => res.json(books.list()));

// One line per book, sent as it is read.
router.get('/books.csv', async (req, res) => {
  res.type('text/csv');
  await pipeline(Readable.from(csvLines()), res);
});

module.exports = router;

function show(res, values) {
  res.render('index', { title: '', author: '', error: null, books: books.list(), ...values });
}

function* csvLines() {
  yield 'title,author,read\r\n';
  for (const book of books.each()) yield `${[book.title, book.author, book.read].map(csvField).join(',')}\r\n`;
}

function csvField(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
