//! The keeper: the one native thread of a [`ThreadConnector`](crate::ThreadConnector). It dials and keeps the time; and
//! while requests are served it looks now and then whether a call of the app takes so long that something is left
//! lying: output that is held, requests that are ready, links that nobody watches. It is never on a request's way.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Threads;
use super::waiters::{After, Leader, Waiters};
use crate::dial::dial;
use crate::driver::Forked;
use crate::engine::Guard;
use crate::limits::TICK;

/// Runs until all is over.
pub(crate) fn keep(threads: &Arc<Threads>) {
    while let Ok(false) = tend(threads) {
        if let Err(Forked) = help_out(threads) {
            return;
        }
        rest(threads);
    }
}

/// Does what the time has brought, and dials. Returns whether all is over.
fn tend(threads: &Arc<Threads>) -> Result<bool, Forked> {
    let now = Instant::now();
    let (dials, has_ended) = threads.run(|connector| {
        connector.tick(now);
        let dials: Vec<_> = std::iter::from_fn(|| connector.next_dial(now)).collect();
        (dials, connector.has_ended())
    })?;
    for due in dials {
        dial(Arc::downgrade(threads), due);
    }
    Ok(has_ended)
}

/// Does what threads would have done that run the app for too long: sends what they hold, calls others for the
/// requests and the links, and reads the links itself if there is no other.
fn help_out(threads: &Threads) -> Result<(), Forked> {
    let mut state = threads.engine.lock()?;
    let now = Instant::now();
    if state.own.pace.has_held_long(now) {
        state = threads.send_all(state)?;
    }
    let is_stuck = state.own.pace.is_stuck(now);
    let has_seen_look = std::mem::take(&mut state.own.keeper.has_seen_look);
    let is_unwatched = state.connector.has_links() && state.own.is_unwatched();
    // Who computes comes back to the links; where all threads wait for something else, nobody does.
    let is_forgotten = is_stuck || (!has_seen_look && !state.own.pace.computes());
    let is_left = is_unwatched && (is_forgotten || state.sockets.is_some_blocked());
    let lies = is_stuck && state.connector.ready() > 0;
    if !is_left && !lies {
        threads.call(state, After::Change);
        return Ok(());
    }
    if is_stuck {
        state.own.nothing_moves();
    }
    if is_left && !state.own.has_follower() {
        state = look(threads, state)?;
    }
    threads.settle(state, After::Look)
}

/// Reads the links as one who does not stay. It waits only for a socket that has to take more before the app's output
/// can leave, and then at most a tick.
fn look<'a>(threads: &'a Threads, mut state: Guard<'a, Waiters>) -> Result<Guard<'a, Waiters>, Forked> {
    let patience = if state.sockets.is_some_blocked() { TICK } else { Duration::ZERO };
    state.own.leader = Leader::Visitor;
    drop(state);
    let read = threads.engine.read_links(Some(patience));
    let mut state = threads.engine.lock()?;
    state.own.leader = Leader::Nobody;
    read.map(|()| state)
}

/// Sleeps until something is due.
fn rest(threads: &Threads) {
    let Ok(mut state) = threads.engine.lock() else { return };
    let now = Instant::now();
    let has_ended = state.connector.has_ended();
    let due = state.connector.deadline(now);
    if state.own.is_unwatched() && state.sockets.is_some_blocked() {
        // Looking is a rest, too: it waits for the socket.
        return;
    }
    let wanted = state.own.ticks_every(&state.connector);
    let bell = Arc::clone(&state.own.keeper.bell);
    match state.own.keeper.fall_asleep(due, wanted, now) {
        _ if has_ended => {}
        Some(Duration::ZERO) => {}
        Some(sleep) => drop(bell.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner)),
        None => drop(bell.wait(state).unwrap_or_else(PoisonError::into_inner)),
    }
}
