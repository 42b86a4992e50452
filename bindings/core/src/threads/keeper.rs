//! The keeper: the one native thread of a [`ThreadConnector`](crate::ThreadConnector). It dials, keeps the time, and
//! looks at the links while no thread of the app does, because all of them run the app. It is never on a request's
//! way.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Threads;
use crate::dial::dial;
use crate::driver::Forked;
use crate::limits::{KEEPER_TICK, KEEPER_TICKS_FOR};

/// Runs until all is over.
pub(crate) fn keep(threads: &Arc<Threads>) {
    let mut ticks_until = Instant::now();
    while let Ok(false) = tend(threads) {
        match watch(threads) {
            Ok(true) => ticks_until = Instant::now() + KEEPER_TICKS_FOR,
            Ok(false) => {}
            Err(Forked) => return,
        }
        rest(threads, ticks_until);
    }
}

/// Does what the time has brought, and dials. Returns whether all is over.
fn tend(threads: &Arc<Threads>) -> Result<bool, Forked> {
    let mut state = threads.engine.lock()?;
    let now = Instant::now();
    state.connector.tick(now);
    let dials: Vec<_> = std::iter::from_fn(|| state.connector.next_dial(now)).collect();
    let has_ended = state.connector.has_ended();
    threads.settle(state)?;
    for due in dials {
        dial(Arc::downgrade(threads), due);
    }
    Ok(has_ended)
}

/// Reads the links if nobody else does. Returns whether that was so. It waits only for a socket that has to take more
/// before the app's output can leave, and then at most a tick.
fn watch(threads: &Threads) -> Result<bool, Forked> {
    let mut state = threads.engine.lock()?;
    if !state.own.is_unwatched() || !state.connector.has_links() {
        return Ok(false);
    }
    let patience = if state.sockets.is_some_blocked() { KEEPER_TICK } else { Duration::ZERO };
    state = threads.look(state, patience)?;
    threads.settle(state)?;
    Ok(true)
}

/// Sleeps until something is due.
fn rest(threads: &Threads, ticks_until: Instant) {
    let Ok(mut state) = threads.engine.lock() else { return };
    let now = Instant::now();
    let has_ended = state.connector.has_ended();
    let due = state.connector.deadline(now);
    state.own.keeper.is_ticking = now < ticks_until;
    if state.own.is_unwatched() && state.sockets.is_some_blocked() {
        // Watching is a rest, too: it waits for the socket.
        return;
    }
    let bell = Arc::clone(&state.own.keeper.bell);
    match state.own.keeper.fall_asleep(due, now) {
        _ if has_ended => {}
        Some(Duration::ZERO) => {}
        Some(sleep) => drop(bell.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner)),
        None => drop(bell.wait(state).unwrap_or_else(PoisonError::into_inner)),
    }
}
