'use strict';

/** From the most important to the least; a log prints its own level and what is more important. */
const LEVELS = ['error', 'warn', 'info', 'debug'];

/** Lines on standard error, where a program's own output does not mix with them. */
class Log {
  constructor(level = 'info', write = (line) => process.stderr.write(line)) {
    this.rank = LEVELS.indexOf(level);
    this.write = write;
  }

  error(text) {
    this.line('error', text);
  }
  warn(text) {
    this.line('warn', text);
  }
  info(text) {
    this.line('info', text);
  }
  debug(text) {
    this.line('debug', text);
  }

  line(level, text) {
    if (LEVELS.indexOf(level) > this.rank) return;
    const mark = level === 'info' ? '' : `${level}: `;
    this.write(`swiftiply-node[${process.pid}] ${mark}${text}\n`);
  }
}

module.exports = { Log, LEVELS };
