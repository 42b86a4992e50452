import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

// Where the database and the key live.
export const folder = process.env.DATA_DIR || path.join(import.meta.dirname, '..', 'tmp');
fs.mkdirSync(folder, { recursive: true });

// The key that signs cookies: SECRET_KEY, or one made once per data folder, so that every process has the same.
export function secretKey() {
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
