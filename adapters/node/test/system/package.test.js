'use strict';

// The packed tarball in an empty folder: installs offline, without a compiler, and serves.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Stage, PACKAGE } = require('./stage');

test('the tarball installs into an empty folder and serves from there', async (t) => {
  const stage = await Stage.open(t);
  const packed = path.join(stage.folder, 'packed');
  const home = path.join(stage.folder, 'home');
  const empty = path.join(stage.folder, 'empty');
  [packed, home, empty].forEach((folder) => mkdirSync(folder));
  const npm = (cwd, ...args) =>
    execFileSync('npm', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: home, CARGO: '/nonexistent' },
    });
  const [{ filename, files, size }] = JSON.parse(
    npm(PACKAGE, 'pack', '--json', '--ignore-scripts', '--pack-destination', packed),
  );
  const names = files.map(({ path: name }) => name);
  for (const name of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'index.d.ts',
    'index.d.mts',
    'register.mjs',
    'bin/swiftiply-node.js',
  ]) {
    assert.ok(names.includes(name), `${name} is in the package`);
  }
  assert.equal(names.filter((name) => name.endsWith('.node')).length, 1);
  assert.equal(names.filter((name) => name.startsWith('test/')).length, 0);
  assert.ok(size < 20e6);

  writeFileSync(path.join(empty, 'package.json'), '{"name":"empty","private":true}');
  npm(empty, 'install', '--offline', '--no-audit', '--no-fund', path.join(packed, filename));
  const run = (...args) => execFileSync(process.execPath, args, { cwd: empty, encoding: 'utf8' }).trim();
  const { version } = require(path.join(PACKAGE, 'package.json'));
  assert.equal(run('-p', 'require("swiftiply-node").version'), version);
  assert.equal(
    run(
      '--input-type=module',
      '-e',
      'import s, { serve } from "swiftiply-node"; console.log(s.version, typeof serve)',
    ),
    `${version} function`,
  );
  const command = path.join(empty, 'node_modules', '.bin', 'swiftiply-node');
  assert.equal(
    execFileSync(command, ['--version'], { encoding: 'utf8' }).trim(),
    `swiftiply-node ${version}`,
  );

  writeFileSync(
    path.join(empty, 'server.js'),
    'require("http").createServer((q, r) => r.end("from the package")).listen(3000);',
  );
  const running = stage.run(command, ['-n', '1', path.join(empty, 'server.js')]);
  assert.equal((await stage.fetch('/')).body, 'from the package');
  running.signal('SIGTERM');
  assert.equal((await running.ends()).code, 0);
});

test('the library serves without the preload', async (t) => {
  const stage = await Stage.open(t);
  const program = stage.run(process.execPath, [
    '-e',
    `
    const { serve, createServer } = require(${JSON.stringify(PACKAGE)});
    const app = require('express')();
    app.get('/', (req, res) => res.send('served'));
    const server = serve(app, { label: 'v1', concurrency: 3 });
    server.on('listening', () => console.log('listening'));
    process.on('SIGUSR2', () => server.close(() => console.log('closed')));
  `,
  ]);
  await program.says(/^listening$/m);
  await stage.proxy.says(/came with 3 slots/);
  assert.equal((await stage.fetch('/')).body, 'served');
  program.signal('SIGUSR2');
  await program.says(/^closed$/m);
  assert.equal((await program.ends()).code, 0, 'nothing keeps the process alive');
});
