'use strict';

// The command, its processes, and how each of them comes and goes.

const assert = require('node:assert/strict');
const { writeFileSync } = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { Stage, isRunning, until } = require('./stage');

/** The pids that answer, as many as there should be. */
async function pids(stage, count, except = []) {
  const seen = new Set();
  await until(async () => {
    // At once, so that every process gets one.
    const replies = await Promise.all(
      Array.from({ length: 2 * count }, () => stage.fetch('/').catch(() => undefined)),
    );
    for (const reply of replies) {
      const pid = Number(/^pid (\d+)/.exec(reply?.body ?? '')?.[1]);
      if (pid && !except.includes(pid)) seen.add(pid);
    }
    return seen.size >= count;
  }, `${count} processes`);
  return [...seen];
}

test('-n processes serve, and one that dies is replaced', async (t) => {
  const stage = await Stage.open(t);
  const command = stage.command(['-n', '2', stage.app('plain.js')]);
  const before = await pids(stage, 2);
  process.kill(before[0], 'SIGKILL');
  await command.says(new RegExp(`process ${before[0]} was ended by SIGKILL; another is started now`));
  const after = await pids(stage, 2, [before[0]]);
  assert.ok(after.includes(before[1]));
  command.signal('SIGTERM');
  assert.deepEqual(await command.ends(), { code: 0, signal: null });
  assert.deepEqual(after.filter(isRunning), []);
});

/** Until the proxy gives this app nothing new. */
function hasNoBackend(stage) {
  return until(async () => (await stage.fetch('/')).status === 503, 'the drain');
}

test('SIGTERM drains: what had begun is finished, then the command exits 0', async (t) => {
  const stage = await Stage.open(t, { hold: '1' });
  const command = stage.command([stage.app('plain.js')]);
  const [pid] = await pids(stage, 1);
  const begun = await stage.fetch('/wait', { stream: true });
  command.signal('SIGTERM');
  await hasNoBackend(stage);
  process.kill(pid, 'SIGUSR2');
  assert.equal((await begun.toArray()).join(''), 'waited');
  assert.deepEqual(await command.ends(), { code: 0, signal: null });
});

test('SIGTERM drains under --import too', async (t) => {
  const stage = await Stage.open(t, { hold: '1' });
  const program = await stage.serve('plain.js');
  const begun = await stage.fetch('/wait', { stream: true });
  program.signal('SIGTERM');
  await hasNoBackend(stage);
  program.signal('SIGUSR2');
  assert.equal((await begun.toArray()).join(''), 'waited');
  assert.deepEqual(await program.ends(), { code: 0, signal: null });
});

test('a drain that takes too long is cut', async (t) => {
  const stage = await Stage.open(t);
  const program = await stage.serve('plain.js', { SWIFTIPLY_DRAIN_TIMEOUT: '0' });
  const begun = await stage.fetch('/wait', { stream: true });
  program.signal('SIGTERM');
  await assert.rejects(begun.toArray(), { code: 'ECONNRESET' });
  assert.equal((await program.ends()).code, 0);
  assert.match(program.output, /requests cut because they were not done after 0 s of draining: 1/);
});

test('Ctrl-C ends the command and its processes at once', async (t) => {
  const stage = await Stage.open(t);
  const command = stage.command(['-n', '2', stage.app('plain.js')]);
  const running = await pids(stage, 2);
  const begun = await stage.fetch('/wait', { stream: true });
  // A terminal signals all processes of the foreground.
  command.signal('SIGINT');
  running.forEach((pid) => {
    if (isRunning(pid)) process.kill(pid, 'SIGINT');
  });
  assert.equal((await command.ends()).code, 0);
  assert.deepEqual(running.filter(isRunning), []);
  await assert.rejects(begun.toArray(), { code: 'ECONNRESET' });
});

test('processes do not outlive a command that is killed', async (t) => {
  const stage = await Stage.open(t);
  const command = stage.command([stage.app('plain.js')]);
  const [pid] = await pids(stage, 1);
  command.signal('SIGKILL');
  await command.ends();
  await until(async () => {
    await new Promise(setImmediate);
    return !isRunning(pid);
  }, 'the process to leave');
});

test('a wrong key is one sentence and a non-zero exit code', async (t) => {
  const stage = await Stage.open(t, { key: 'right' });
  const keyFile = path.join(stage.folder, 'key');
  writeFileSync(keyFile, 'wrong\n');
  const command = stage.command(['-n', '3', '--key-file', keyFile, stage.app('plain.js')]);
  assert.equal((await command.ends()).code, 1);
  const complaints = command.output.split('\n').filter((line) => line !== '');
  assert.equal(complaints.length, 1, command.output);
  assert.match(complaints[0], /key/);

  const program = stage.preload('plain.js', { SWIFTIPLY_KEY: 'wrong too' });
  assert.equal((await program.ends()).code, 1);
  assert.match(program.output, /key/);
  assert.doesNotMatch(program.output, /\n\s+at /);
});

test('the right key serves', async (t) => {
  const stage = await Stage.open(t, { key: 'right' });
  const keyFile = path.join(stage.folder, 'key');
  writeFileSync(keyFile, 'right\n');
  stage.command(['--key-file', keyFile, stage.app('plain.js')]);
  assert.match((await stage.fetch('/')).body, /^pid/);
});

test('a script that throws ends the command with its error', async (t) => {
  const stage = await Stage.open(t);
  const command = stage.command(['-n', '3', stage.app('throws.js')]);
  assert.equal((await command.ends()).code, 1);
  assert.equal(command.output.match(/Error: this app cannot start/g).length, 1);
  assert.match(command.output, /throws\.js ended with exit code 1 before it called listen/);
});

test('a script without a server ends the command and says so', async (t) => {
  const stage = await Stage.open(t);
  const command = stage.command([stage.app('nothing.js')]);
  assert.equal((await command.ends()).code, 1);
  assert.match(command.output, /nothing\.js ended without calling listen/);
});

test('a script that asks to be a module gets its arguments, and ES modules work', async (t) => {
  const stage = await Stage.open(t);
  stage.command(['--log-level', 'error', stage.app('module.mjs'), '-n', '7']);
  assert.equal((await stage.fetch('/')).status, 200);
});

test('a backend that comes late is waited for', async (t) => {
  const stage = await Stage.open(t);
  const waiting = stage.fetch('/');
  await stage.serve('plain.js');
  assert.match((await waiting).body, /^pid/);
});

test('a backend waits for a proxy that comes late, or again', async (t) => {
  const stage = await Stage.open(t);
  await stage.stopProxy();
  const program = stage.preload('plain.js');
  await program.says(/does not answer/);
  await stage.startProxy();
  await program.says(/^listening$/m);
  const { body } = await stage.fetch('/');
  await stage.stopProxy();
  await stage.startProxy();
  assert.equal((await stage.fetch('/')).body, body, 'the same process serves again');
});

test('SWIFTIPLY=0 leaves the program as it is', async (t) => {
  const stage = await Stage.open(t);
  const program = stage.preload('plain.js', { SWIFTIPLY: '0', APP_PORT: '0' });
  await program.says(/^listening$/m);
  assert.doesNotMatch(program.output, /serving the proxy/);
});

test('PORT names the server that dials; another is opened, and that is said', async (t) => {
  const stage = await Stage.open(t);
  const program = stage.preload('plain.js', { PORT: '1', APP_PORT: '0' });
  await program.says(/port 0 is opened as usual: PORT=1 names the server that the proxy serves/);
  await program.says(/^listening$/m);
});

test('a second server of the program opens its own port', async (t) => {
  const stage = await Stage.open(t);
  const program = stage.run(process.execPath, [
    '--import',
    require('node:url').pathToFileURL(path.join(__dirname, '..', '..', 'register.mjs')).href,
    '-e',
    `
    const http = require('node:http');
    http.createServer((req, res) => res.end('app')).listen(3000, () => {
      const metrics = http.createServer((req, res) => res.end('metrics'));
      metrics.listen(0, '127.0.0.1', () => console.log('metrics on ' + metrics.address().port));
    });`,
  ]);
  const [, port] = await program.says(/metrics on (\d+)/);
  assert.equal((await stage.fetch('/')).body, 'app');
  const [res] = await require('node:events').once(http.get(`http://127.0.0.1:${port}/`), 'response');
  assert.equal((await res.toArray()).join(''), 'metrics');
});
