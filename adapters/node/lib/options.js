'use strict';

const { readFileSync } = require('node:fs');
const os = require('node:os');
const { LEVELS } = require('./log');

/** Where the proxy listens for backends when nobody says otherwise: the `outgoing` of its own default site. */
const DEFAULT_ADDRESS = '127.0.0.1:30000';

/**
 * Requests that one process has in hand at once. A Node process waits for its database most of the time, so it can
 * hold many; the rest stays in the proxy's queue, where another process can take it.
 */
const DEFAULT_CONCURRENCY = 100;

/** The most that a link can number (`SLOTS_MAX` of its protocol). */
const CONCURRENCY_MAX = 16_384;

/** Seconds that a process may take to end what it has begun, after SIGTERM. */
const DEFAULT_DRAIN_SECONDS = 30;

/**
 * Upgraded connections that one process keeps at once, beside its requests. An idle WebSocket costs some 10 to 100 KB,
 * most of it in the app, so that this many may cost a gigabyte.
 */
const DEFAULT_TUNNELS = 10_000;

const TUNNELS_MAX = 1_000_000;

const PROCESSES_MAX = 1024;

/** An option that cannot be used as it is: the sentence says which and what to do. */
class OptionError extends Error {
  constructor(message) {
    super(message);
    this.name = 'OptionError';
    this.code = 'SWIFTIPLY_BAD_OPTION';
  }
}

/**
 * What a backend needs to know, from what the caller gave and else from the environment.
 *
 * @param {object} given see `Options` in `index.d.ts`
 * @param {NodeJS.ProcessEnv} env
 */
function optionsFrom(given = {}, env = process.env) {
  return {
    connect: addresses(given.connect ?? env.SWIFTIPLY),
    key: keyFrom(given, env),
    concurrency: number(given.concurrency ?? env.SWIFTIPLY_CONCURRENCY ?? DEFAULT_CONCURRENCY, {
      name: 'concurrency',
      min: 1,
      max: CONCURRENCY_MAX,
    }),
    tunnels: number(given.tunnels ?? env.SWIFTIPLY_TUNNELS ?? DEFAULT_TUNNELS, {
      name: 'tunnels',
      min: 0,
      max: TUNNELS_MAX,
    }),
    label: String(given.label ?? env.SWIFTIPLY_LABEL ?? ''),
    drainTimeoutSeconds: number(given.drainTimeout ?? env.SWIFTIPLY_DRAIN_TIMEOUT ?? DEFAULT_DRAIN_SECONDS, {
      name: 'drain-timeout',
      min: 0,
      max: 86_400,
    }),
    logLevel: oneOf(given.logLevel ?? env.SWIFTIPLY_LOG_LEVEL ?? 'info', LEVELS, 'log-level'),
  };
}

/** How many processes the command starts: `-n`, else SWIFTIPLY_WORKERS, else WEB_CONCURRENCY, else one. */
function processesFrom(given, env = process.env) {
  const wanted = given ?? env.SWIFTIPLY_WORKERS ?? env.WEB_CONCURRENCY ?? 1;
  if (wanted === 'auto') return os.availableParallelism();
  return number(wanted, { name: 'processes', min: 1, max: PROCESSES_MAX });
}

/** SWIFTIPLY=1 means the default address; several are divided by commas. */
function addresses(wanted) {
  if (wanted === undefined || wanted === '') return [DEFAULT_ADDRESS];
  const list = (Array.isArray(wanted) ? wanted : String(wanted).split(',')).map((one) => String(one).trim());
  return list
    .filter((one) => one !== '')
    .map((one) => (one === '1' || one === 'true' ? DEFAULT_ADDRESS : one));
}

/** Whether the environment switches Swiftiply off, so that a preloaded program listens as it always did. */
function isSwitchedOff(env = process.env) {
  return ['0', 'off', 'false', 'no'].includes((env.SWIFTIPLY ?? '').toLowerCase());
}

function keyFrom(given, env) {
  if (given.key !== undefined) return Buffer.from(given.key);
  const file = given.keyFile ?? (env.SWIFTIPLY_KEY ? undefined : env.SWIFTIPLY_KEY_FILE);
  if (file !== undefined && file !== '') return keyInFile(file);
  return env.SWIFTIPLY_KEY ? Buffer.from(env.SWIFTIPLY_KEY) : undefined;
}

function keyInFile(file) {
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch (err) {
    throw new OptionError(
      `the key file ${file} cannot be read (${err.code}): name a file that this user may read`,
    );
  }
  const text = bytes.toString('latin1').replace(/\r?\n$/, '');
  if (text === '')
    throw new OptionError(`the key file ${file} is empty: put the site's key in it, on one line`);
  return Buffer.from(text, 'latin1');
}

function number(value, { name, min, max }) {
  const n = typeof value === 'number' ? value : /^\d+$/.test(String(value)) ? Number(value) : NaN;
  if (Number.isInteger(n) && n >= min && n <= max) return n;
  throw new OptionError(`${name} is ${JSON.stringify(value)}: give a whole number from ${min} to ${max}`);
}

function oneOf(value, allowed, name) {
  if (allowed.includes(value)) return value;
  throw new OptionError(`${name} is ${JSON.stringify(value)}: give one of ${allowed.join(', ')}`);
}

module.exports = { optionsFrom, processesFrom, isSwitchedOff, OptionError, DEFAULT_ADDRESS };
