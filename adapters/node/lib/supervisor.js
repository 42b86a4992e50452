'use strict';

const { fork } = require('node:child_process');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { SUPERVISED } = require('./supervised');

/** Milliseconds before a dead process is replaced: at once the first time, then twice as long each time. */
const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 30_000;

/** Milliseconds in service after which a process counts as healthy, and its next death as the first. */
const HEALTHY_AFTER_MS = 10_000;

/** Milliseconds that a process may take to die of SIGINT, or after its drain time is over, before SIGKILL. */
const KILL_AFTER_MS = 5_000;

const REGISTER = pathToFileURL(path.join(__dirname, '..', 'register.mjs')).href;

/**
 * Keeps the processes of one command running.
 *
 * The first process starts alone; when its script has come as far as `listen`, the others follow. So a script that
 * cannot start says so once, and ends the command. Later, a process that dies is replaced.
 */
class Supervisor {
  /**
   * @param {{ script: string, args: string[], processes: number, drainTimeoutSeconds: number, env: object,
   *   log: import('./log').Log }} call see `command.js`
   */
  constructor(call) {
    this.call = call;
    this.log = call.log;
    this.workers = new Set();
    this.hasLoaded = false;
    this.isLeaving = false;
    this.exitCode = 0;
  }

  start() {
    process.on('SIGTERM', () => this.leave('SIGTERM'));
    process.on('SIGINT', () => this.leave('SIGINT'));
    process.on('SIGHUP', () => this.leave('SIGTERM'));
    this.startWorker(0);
  }

  /** @param {number} deaths how often the process in this place has died in a row */
  startWorker(deaths) {
    const { script, args, env } = this.call;
    const child = fork(script, args, {
      execArgv: [...process.execArgv, '--import', REGISTER],
      env: { ...process.env, ...env, [SUPERVISED]: String(process.pid) },
    });
    const worker = { child, deaths, readyAt: undefined, refusal: undefined };
    this.workers.add(worker);
    child.on('message', (message) => this.hear(worker, message));
    child.on('error', (err) => this.log.error(`process ${child.pid ?? 'new'}: ${err.message}`));
    child.on('exit', (code, signal) => {
      // Its last words may still be in the channel.
      if (child.connected) child.once('disconnect', () => this.died(worker, code, signal));
      else this.died(worker, code, signal);
    });
  }

  hear(worker, message) {
    const news = message?.swiftiply;
    if (news === undefined) return;
    if (news.state === 'loaded') this.loaded();
    if (news.state === 'ready') worker.readyAt = Date.now();
    if (news.state === 'refused') worker.refusal = news.reason;
  }

  /** The script works: now the other processes. */
  loaded() {
    if (this.hasLoaded) return;
    this.hasLoaded = true;
    for (let n = 1; n < this.call.processes; n++) this.startWorker(0);
  }

  died(worker, code, signal) {
    this.workers.delete(worker);
    if (this.isLeaving) this.leaveIfLast();
    else if (worker.refusal !== undefined) this.giveUp(worker.refusal);
    else if (!this.hasLoaded) this.giveUp(startFailure(this.call.script, code, signal), code);
    else this.replace(worker, code, signal);
  }

  replace(worker, code, signal) {
    const wasHealthy = worker.readyAt !== undefined && Date.now() - worker.readyAt >= HEALTHY_AFTER_MS;
    const deaths = wasHealthy ? 1 : worker.deaths + 1;
    const waitMs = deaths === 1 ? 0 : Math.min(BACK_OFF_FIRST_MS * 2 ** (deaths - 2), BACK_OFF_MAX_MS);
    const when = waitMs === 0 ? 'now' : `in ${waitMs / 1000} s`;
    this.log.warn(`process ${worker.child.pid} ${fate(code, signal)}; another is started ${when}`);
    setTimeout(() => {
      if (!this.isLeaving) this.startWorker(deaths);
    }, waitMs);
  }

  /** Nothing can be served: the reason, once, and an exit code that says so. */
  giveUp(reason, code = 1) {
    this.log.error(reason);
    this.exitCode = code || 1;
    this.leave('SIGINT');
  }

  /** SIGTERM: drain, then leave. SIGINT, or any second signal: at once. */
  leave(signal) {
    const isSecond = this.isLeaving;
    this.isLeaving = true;
    if (isSecond) {
      this.kill('SIGKILL');
      return;
    }
    this.kill(signal);
    const graceMs = signal === 'SIGTERM' ? this.call.drainTimeoutSeconds * 1000 : 0;
    setTimeout(() => this.kill('SIGKILL'), graceMs + KILL_AFTER_MS).unref();
    this.leaveIfLast();
  }

  leaveIfLast() {
    if (this.workers.size === 0) process.exit(this.exitCode);
  }

  kill(signal) {
    for (const { child } of this.workers) child.kill(signal);
  }
}

function startFailure(script, code, signal) {
  if (code === 0)
    return `${script} ended without calling listen on an http server: there is nothing to serve`;
  return `${script} ${fate(code, signal)} before it called listen`;
}

function fate(code, signal) {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

module.exports = { Supervisor };
