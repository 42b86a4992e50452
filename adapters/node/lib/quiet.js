'use strict';

/**
 * Streams that end unheard. Node tells the end and the close of a stream in events, with several ticks for each; where
 * nobody listens, these functions leave the stream in the state that it would have after all that.
 */

/** Whether no code has ever asked for an event of this request, nor read from it. */
function isUnheard(req) {
  return req._eventsCount === 0 && !req._consuming && req.readableFlowing === null && !req.destroyed;
}

/** A whole request that is unheard. */
function endQuietly(req) {
  const state = req._readableState;
  req._dumped = true;
  state.flowing = true;
  state.ended = true;
  state.endEmitted = true;
  closeState(state);
}

/** A socket that nobody listens to. */
function closeQuietly(socket) {
  closeState(socket._readableState);
  closeState(socket._writableState);
}

function closeState(state) {
  state.destroyed = true;
  state.closed = true;
  state.closeEmitted = true;
}

module.exports = { isUnheard, endQuietly, closeQuietly };
