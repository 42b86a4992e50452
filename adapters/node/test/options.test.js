'use strict';

const assert = require('node:assert/strict');
const { writeFileSync, mkdtempSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { read } = require('../lib/command');
const { optionsFrom, processesFrom, isSwitchedOff } = require('../lib/options');

test('without anything said, the defaults', () => {
  assert.deepEqual(optionsFrom({}, {}), {
    connect: ['127.0.0.1:30000'],
    key: undefined,
    concurrency: 100,
    tunnels: 10_000,
    label: '',
    drainTimeoutSeconds: 30,
    logLevel: 'info',
  });
});

test('every option has its variable, and what is given comes first', () => {
  const env = {
    SWIFTIPLY: '1, 127.0.0.1:30001',
    SWIFTIPLY_KEY: 'k',
    SWIFTIPLY_CONCURRENCY: '5',
    SWIFTIPLY_TUNNELS: '0',
    SWIFTIPLY_LABEL: 'v2',
    SWIFTIPLY_DRAIN_TIMEOUT: '7',
    SWIFTIPLY_LOG_LEVEL: 'debug',
  };
  assert.deepEqual(optionsFrom({}, env), {
    connect: ['127.0.0.1:30000', '127.0.0.1:30001'],
    key: Buffer.from('k'),
    concurrency: 5,
    tunnels: 0,
    label: 'v2',
    drainTimeoutSeconds: 7,
    logLevel: 'debug',
  });
  const given = {
    connect: 'unix:/x',
    key: 'mine',
    concurrency: 6,
    tunnels: 7,
    label: 'v3',
    drainTimeout: 0,
    logLevel: 'warn',
  };
  assert.deepEqual(optionsFrom(given, env), {
    connect: ['unix:/x'],
    key: Buffer.from('mine'),
    concurrency: 6,
    tunnels: 7,
    label: 'v3',
    drainTimeoutSeconds: 0,
    logLevel: 'warn',
  });
});

test('a key file is read without its line end', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'swiftiply-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'key');
  writeFileSync(file, 'secret\n');
  assert.equal(optionsFrom({ keyFile: file }, {}).key.toString(), 'secret');
  assert.equal(optionsFrom({}, { SWIFTIPLY_KEY_FILE: file }).key.toString(), 'secret');
  assert.equal(
    optionsFrom({}, { SWIFTIPLY_KEY_FILE: file, SWIFTIPLY_KEY: 'direct' }).key.toString(),
    'direct',
  );
  writeFileSync(file, '\n');
  assert.throws(() => optionsFrom({ keyFile: file }, {}), /is empty: put the site's key/);
  assert.throws(() => optionsFrom({ keyFile: `${file}.none` }, {}), /cannot be read \(ENOENT\)/);
});

test('an option that cannot be is named, with what can', () => {
  assert.throws(
    () => optionsFrom({ concurrency: 'many' }, {}),
    /concurrency is "many": give a whole number from 1 to 16384/,
  );
  assert.throws(() => optionsFrom({ concurrency: 0 }, {}), /concurrency is 0/);
  assert.throws(() => optionsFrom({ logLevel: 'loud' }, {}), /give one of error, warn, info, debug/);
  assert.throws(() => processesFrom('0', {}), /processes is "0"/);
});

test('how many processes', () => {
  assert.equal(processesFrom(undefined, {}), 1);
  assert.equal(processesFrom(undefined, { WEB_CONCURRENCY: '3' }), 3);
  assert.equal(processesFrom(undefined, { WEB_CONCURRENCY: '3', SWIFTIPLY_WORKERS: '4' }), 4);
  assert.equal(processesFrom('5', { WEB_CONCURRENCY: '3' }), 5);
  assert.ok(processesFrom('auto', {}) >= 1);
});

test('SWIFTIPLY=0 switches off', () => {
  assert.equal(isSwitchedOff({}), false);
  assert.equal(isSwitchedOff({ SWIFTIPLY: '1' }), false);
  assert.equal(isSwitchedOff({ SWIFTIPLY: '0' }), true);
  assert.equal(isSwitchedOff({ SWIFTIPLY: 'off' }), true);
});

test("what follows the script is the script's", () => {
  const script = __filename;
  const call = read(['-n', '2', '--connect', '1', '-c', ':30001', script, '-n', '9', '--flag', 'x']);
  assert.equal(call.script, script);
  assert.deepEqual(call.args, ['-n', '9', '--flag', 'x']);
  assert.equal(call.processes, 2);
  assert.equal(call.env.SWIFTIPLY, '127.0.0.1:30000,:30001');
});

test('a wrong command line is one sentence', () => {
  assert.throws(() => read(['--nope', 'x.js']), {
    name: 'OptionError',
    message: /Unknown option '--nope'; see swiftiply-node --help/,
  });
  assert.throws(() => read([]), /no script is named/);
  assert.throws(() => read(['no-such-file.js']), /there is no script no-such-file\.js/);
  assert.throws(() => read(['--connect', 'nowhere', __filename]), /`nowhere` has no port/);
  assert.match(read(['--help']).print, /Usage: swiftiply-node/);
  assert.match(read(['--version']).print, /^swiftiply-node \d+\.\d+\.\d+\n$/);
});
