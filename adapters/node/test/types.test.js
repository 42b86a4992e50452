'use strict';

const { spawnSync } = require('node:child_process');
const assert = require('node:assert/strict');
const { test } = require('node:test');

test('the types accept what works and refuse what does not, for CommonJS and ES modules', () => {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', `${__dirname}/types`], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
});
