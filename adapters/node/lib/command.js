'use strict';

const { existsSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { version } = require('../package.json');
const { connectorOptions } = require('./backend');
const { Log } = require('./log');
const native = require('./native');
const { OptionError, optionsFrom, processesFrom } = require('./options');
const { Supervisor } = require('./supervisor');

/** What shells and other programs expect of a command that was called wrongly. */
const EXIT_USAGE = 2;

const USAGE = `Usage: swiftiply-node [options] SCRIPT [arguments of the script]

Runs SCRIPT, whose http server becomes a backend of the Swiftiply proxy instead of opening its port.

  -c, --connect ADDR       where the proxy listens for backends: host:port, a port, or unix:/path;
                           give it again for each further proxy   (SWIFTIPLY, 127.0.0.1:30000)
  -n, --processes N        processes to run, or "auto": one per CPU
                                                     (SWIFTIPLY_WORKERS or WEB_CONCURRENCY, 1)
      --concurrency N      requests that one process has in hand at once (SWIFTIPLY_CONCURRENCY, 100)
      --tunnels N          upgraded connections (WebSockets) of one process, beside its requests; the next
                           is answered 503                              (SWIFTIPLY_TUNNELS, 10000)
      --key-file FILE      a file with the site's key                    (SWIFTIPLY_KEY_FILE)
                           the key itself is taken only from SWIFTIPLY_KEY
      --label TEXT         what this release is called in the proxy's status   (SWIFTIPLY_LABEL)
      --drain-timeout SEC  time to finish what has begun after SIGTERM (SWIFTIPLY_DRAIN_TIMEOUT, 30)
      --log-level LEVEL    error, warn, info or debug                  (SWIFTIPLY_LOG_LEVEL, info)
      --version            print the version
  -h, --help               print this

SIGTERM drains and ends; SIGINT (Ctrl-C) ends at once. A process that dies is replaced.
`;

const OPTIONS = {
  connect: { type: 'string', short: 'c', multiple: true },
  processes: { type: 'string', short: 'n' },
  concurrency: { type: 'string' },
  tunnels: { type: 'string' },
  'key-file': { type: 'string' },
  label: { type: 'string' },
  'drain-timeout': { type: 'string' },
  'log-level': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

/** @param {string[]} argv without the names of node and of the command */
function main(argv) {
  let call;
  try {
    call = read(argv);
  } catch (err) {
    if (!(err instanceof OptionError)) throw err;
    process.stderr.write(`swiftiply-node: ${err.message}\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  if (call.print !== undefined) {
    process.stdout.write(call.print);
    return;
  }
  new Supervisor(call).start();
}

/** What the command line asks for; everything that can be checked before a process is started is checked here. */
function read(argv) {
  const { values, script, rest } = split(argv);
  if (values.help) return { print: USAGE };
  if (values.version) return { print: `swiftiply-node ${version}\n` };
  const given = {
    connect: values.connect,
    concurrency: values.concurrency,
    tunnels: values.tunnels,
    keyFile: values['key-file'],
    label: values.label,
    drainTimeout: values['drain-timeout'],
    logLevel: values['log-level'],
  };
  const options = optionsFrom(given);
  checkNatively(options);
  const processes = processesFrom(values.processes);
  if (script === undefined) throw new OptionError('no script is named: swiftiply-node [options] server.js');
  return {
    script: scriptFile(script),
    args: rest,
    processes,
    drainTimeoutSeconds: options.drainTimeoutSeconds,
    log: new Log(options.logLevel),
    env: environment(given, options),
  };
}

/** Addresses and the key are read by the native side. */
function checkNatively(options) {
  try {
    native.load().checkOptions(connectorOptions(options));
  } catch (err) {
    throw err.code === 'SWIFTIPLY_BAD_OPTION' ? new OptionError(err.message) : err;
  }
}

/** Options stand before the script; what follows it is the script's own. */
function split(argv) {
  const { tokens } = parseArgs({
    args: argv,
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const first = tokens.find(({ kind }) => kind === 'positional');
  const end = first === undefined ? argv.length : first.index;
  try {
    const { values } = parseArgs({ args: argv.slice(0, end), options: OPTIONS });
    return { values, script: argv[end], rest: argv.slice(end + 1) };
  } catch (err) {
    throw new OptionError(`${err.message.replace(/\. To specify.*$/s, '')}; see swiftiply-node --help`);
  }
}

function scriptFile(script) {
  const file = path.resolve(script);
  try {
    // As `node SCRIPT` finds it: with or without its ending, or a folder with an index.
    return createRequire(path.join(process.cwd(), 'x.js')).resolve(file);
  } catch {
    throw new OptionError(existsSync(file) ? `${script} is not a script` : `there is no script ${script}`);
  }
}

/** What the processes are told; they read it as if the user had set it. */
function environment(given, options) {
  const env = {
    SWIFTIPLY: options.connect.join(','),
    SWIFTIPLY_CONCURRENCY: String(options.concurrency),
    SWIFTIPLY_TUNNELS: String(options.tunnels),
    SWIFTIPLY_DRAIN_TIMEOUT: String(options.drainTimeoutSeconds),
    SWIFTIPLY_LABEL: options.label,
    SWIFTIPLY_LOG_LEVEL: given.logLevel ?? process.env.SWIFTIPLY_LOG_LEVEL ?? 'info',
  };
  if (given.keyFile !== undefined) {
    env.SWIFTIPLY_KEY = '';
    env.SWIFTIPLY_KEY_FILE = path.resolve(given.keyFile);
  }
  return env;
}

module.exports = { main, read };
