import path from 'node:path';
// Node 20 has no SQLite of its own, and the usual bindings compile or download at install. libsql's library comes as an npm
// package per platform, and takes the real SQLite file locks that two processes need.
import Database from 'libsql';
import { folder } from './data.js';

// How long processes wait for each other's locks.
const BUSY_MS = 5000;

const database = new Database(path.join(folder, 'readings.sqlite3'), { timeout: BUSY_MS });
database.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS readings (
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, celsius REAL NOT NULL,
    read_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
  );
`);

const COLUMNS = 'id, place, celsius, read_at';
const insert = database.prepare('INSERT INTO readings (place, celsius) VALUES (?, ?)');
const newestRows = database.prepare(`SELECT ${COLUMNS} FROM readings ORDER BY id DESC LIMIT ?`);
const rowsAfter = database.prepare(`SELECT ${COLUMNS} FROM readings WHERE id > ? ORDER BY id LIMIT 100`);
const last = database.prepare('SELECT coalesce(max(id), 0) AS id FROM readings');

const reading = ({ id, place, celsius, read_at: readAt }) => ({ id, place, celsius, readAt });

export const add = (place, celsius) => { insert.run(place, celsius); };
export const newest = (limit) => newestRows.all(limit).map(reading);
export const after = (id) => rowsAfter.all(id).map(reading);
export const lastId = () => last.get().id;
