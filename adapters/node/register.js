'use strict';

// `node --import swiftiply-node/register server.js`, or `--require`: the program's `listen` dials the proxy.
require('./lib/listen').install();
require('./lib/supervised').leaveWithSupervisor();
