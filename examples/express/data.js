'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

// Where the database and the key live.
function dataFolder() {
  const folder = process.env.DATA_DIR || path.join(__dirname, 'tmp');
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

// The key that signs sessions: SECRET_KEY, or one made once per data folder, so that every process has the same.
function secretKey(folder) {
  if (process.env.SECRET_KEY) return process.env.SECRET_KEY;
  const file = path.join(folder, 'secret_key');
  if (!fs.existsSync(file)) {
    // Written whole under another name and then linked: of processes that start together one wins, none reads half.
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, crypto.randomBytes(32).toString('hex'), { mode: 0o600 });
    try {
      fs.linkSync(draft, file);
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    fs.unlinkSync(draft);
  }
  return fs.readFileSync(file, 'utf8');
}

module.exports = { dataFolder, secretKey };
