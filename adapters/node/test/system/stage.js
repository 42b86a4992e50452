'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const ROOT = path.join(__dirname, '..', '..', '..', '..');
const PROXY = process.env.SWIFTIPLY_BIN || path.join(ROOT, 'target', 'debug', 'swiftiply');
const PACKAGE = path.join(__dirname, '..', '..');
const REGISTER = pathToFileURL(path.join(PACKAGE, 'register.mjs')).href;
const COMMAND = path.join(PACKAGE, 'bin', 'swiftiply-node.js');

/** Milliseconds after which a test gives up waiting for something that must happen. */
const PATIENCE_MS = 20_000;

/** The real proxy in a folder of its own, and the programs that a test runs behind it. All ends with the test. */
class Stage {
  /** @param {import('node:test').TestContext} t */
  static async open(t, { key, hold = '10' } = {}) {
    if (!existsSync(PROXY))
      throw new Error(
        `there is no proxy at ${PROXY}: build it with cargo build, or name it in SWIFTIPLY_BIN`,
      );
    const stage = new Stage();
    t.after(() => stage.close());
    stage.folder = mkdtempSync(path.join(os.tmpdir(), 'swiftiply-node-'));
    stage.address = `unix:${path.join(stage.folder, 'link.sock')}`;
    stage.port = await freePort();
    const site = [
      'cluster_address: 127.0.0.1',
      `cluster_port: ${stage.port}`,
      `timeout: ${hold}`,
      'map:',
      '  - incoming: app.test',
      `    outgoing: ${stage.address}`,
      '    default: true',
      ...(key ? [`    key: ${key}`] : []),
    ];
    writeFileSync(path.join(stage.folder, 'swiftiply.yml'), `${site.join('\n')}\n`);
    await stage.startProxy();
    return stage;
  }

  constructor() {
    this.programs = [];
  }

  async startProxy() {
    this.proxy = this.run(PROXY, ['-c', path.join(this.folder, 'swiftiply.yml')]);
    await this.proxy.says(/clients connect to/);
  }

  async stopProxy() {
    this.proxy.signal('SIGTERM');
    await this.proxy.ends();
  }

  app(name) {
    return path.join(__dirname, 'apps', name);
  }

  /** `node --import swiftiply-node/register NAME`, in service. */
  async serve(name, env) {
    const program = this.preload(name, env);
    await program.says(/^listening$/m);
    return program;
  }

  preload(name, env) {
    return this.run(process.execPath, ['--import', REGISTER, this.app(name)], env);
  }

  /** `swiftiply-node ARGUMENTS`. */
  command(args, env) {
    return this.run(process.execPath, [COMMAND, ...args], env);
  }

  run(file, args, env = {}) {
    const clean = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(SWIFTIPLY|NODE_TEST|PORT$)/.test(name)),
    );
    const child = spawn(file, args, {
      env: { ...clean, SWIFTIPLY: this.address, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const program = new Program(child);
    this.programs.push(program);
    return program;
  }

  /** A request to the proxy; the reply's body is read whole unless `stream` is set. */
  async fetch(target, { method = 'GET', headers = {}, body, stream = false, informs = [] } = {}) {
    const req = http.request({
      host: '127.0.0.1',
      port: this.port,
      path: target,
      method,
      agent: false,
      headers: { host: 'app.test', ...headers },
    });
    req.on('information', (info) => informs.push(info));
    if (body !== undefined && typeof body.pipe === 'function') body.pipe(req);
    else req.end(body);
    const [res] = await within(once(req, 'response'), `a reply to ${method} ${target}`);
    // From here on a cut is told by the reply, and by the request once more.
    req.on('error', () => {});
    if (stream) return res;
    const chunks = [];
    for await (const chunk of res) chunks.push(chunk);
    return {
      status: res.statusCode,
      headers: res.headers,
      body: Buffer.concat(chunks).toString(),
      trailers: res.trailers,
    };
  }

  async events() {
    return JSON.parse((await this.fetch('/events')).body);
  }

  /** Asks again until the app has seen what a test waits for: the app has no other way to tell. */
  async eventsUntil(wanted) {
    const seen = [];
    await until(async () => {
      seen.push(...(await this.events()));
      return seen.some(([name]) => name === wanted);
    }, `the app's event ${wanted}`);
    return seen;
  }

  async close() {
    await Promise.all(this.programs.map((program) => program.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One child process, all that it has said, and its end. */
class Program {
  constructor(child) {
    this.child = child;
    this.pid = child.pid;
    this.output = '';
    this.listeners = new Set();
    this.exit = new Promise((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        this.output += data;
        this.listeners.forEach((listener) => listener());
      });
    }
    this.exit.then(() => {
      this.hasExited = true;
      this.listeners.forEach((listener) => listener());
    });
  }

  /** Waits for output that matches, and gives the match. */
  says(pattern) {
    const heard = new Promise((resolve, reject) => {
      const listen = () => {
        const match = pattern.exec(this.output);
        if (match === null && !this.hasExited) return;
        this.listeners.delete(listen);
        if (match !== null) resolve(match);
        else reject(new Error(`the program ended without saying ${pattern}:\n${this.output}`));
      };
      this.listeners.add(listen);
      listen();
    });
    return within(heard, () => `${pattern} in the output:\n${this.output}`);
  }

  signal(name) {
    this.child.kill(name);
  }

  ends() {
    return within(this.exit, () => `the end of a program that said:\n${this.output}`);
  }

  async kill() {
    if (!this.hasExited) this.child.kill('SIGKILL');
    await this.exit;
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited too long for ${typeof what === 'function' ? what() : what}`)),
      PATIENCE_MS,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Tries until it is true; each try is a round trip, so this does not spin. */
async function until(condition, what) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

module.exports = { Stage, until, within, isRunning, PACKAGE };
