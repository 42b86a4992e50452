'use strict';

/** Functions and what each is called with, in turn. */
let waiting = [];
let isGathering = false;

/** Runs `work()`. What it asks for with `soon` shares one tick behind all others that it asks for. */
function gather(work) {
  isGathering = true;
  try {
    work();
  } finally {
    isGathering = false;
    if (waiting.length > 0) process.nextTick(callAll);
  }
}

/**
 * Calls `work(subject)` when the running code has ended, as `process.nextTick` does, but with one tick for all exchanges
 * of a turn instead of several for each. A shared tick is nobody's async context: who calls an app's code from there
 * enters the right one first.
 */
function soon(work, subject) {
  if (isGathering) waiting.push(work, subject);
  else process.nextTick(work, subject);
}

function callAll() {
  const all = waiting;
  waiting = [];
  gather(() => {
    for (let at = 0; at < all.length; at += 2) {
      try {
        all[at](all[at + 1]);
      } catch (err) {
        rethrowSoon(err);
      }
    }
  });
}

/** What a listener of the app throws is Node's to report, but must not cost other exchanges their turn. */
function rethrowSoon(err) {
  process.nextTick(rethrow, err);
}

function rethrow(err) {
  throw err;
}

module.exports = { gather, soon, rethrowSoon };
