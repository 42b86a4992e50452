'use strict';

const path = require('node:path');
// Node 20 has no SQLite of its own, and the usual bindings compile or download at install. libsql's library comes as an npm
// package per platform, and takes the real SQLite file locks that two processes need.
const Database = require('libsql');
const { dataFolder } = require('./data');

// How long processes wait for each other's locks.
const BUSY_MS = 5000;

const database = new Database(path.join(dataFolder(), 'books.sqlite3'), { timeout: BUSY_MS });
database.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS books (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, author TEXT NOT NULL, is_read INTEGER NOT NULL DEFAULT 0
  );
`);

const insert = database.prepare('INSERT INTO books (title, author) VALUES (?, ?)');
const mark = database.prepare('UPDATE books SET is_read = ? WHERE id = ?');
const one = database.prepare('SELECT id, title, author, is_read FROM books WHERE id = ?');
const newest = database.prepare('SELECT id, title, author, is_read FROM books ORDER BY is_read, id DESC LIMIT ?');
const following = database.prepare('SELECT id, title, author, is_read FROM books WHERE id > ? ORDER BY id LIMIT 1');

const book = ({ id, title, author, is_read: read }) => ({ id, title, author, read: read === 1 });

exports.add = (title, author) => { insert.run(title, author); };
exports.find = (id) => { const row = one.get(id); return row && book(row); };
exports.setRead = (id, read) => { mark.run(read ? 1 : 0, id); };
exports.list = (limit = 100) => newest.all(limit).map(book);

// Every book, read as it is asked for.
exports.each = function* each() {
  let row = following.get(0);
  while (row) {
    yield book(row);
    row = following.get(row.id);
  }
};
