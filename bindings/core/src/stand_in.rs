//! The stand-in: a thread that keeps the links while the event loop is stuck in the app's own code.
//!
//! A handler that computes for seconds blocks its loop, and with it the answers to pings: the proxy would take the
//! process for dead and run its requests elsewhere. So one thread looks in now and then. While the loop turns it does
//! nothing; when the loop has left something unread for a whole look, it reads the links, answers pings and sends
//! what is queued. What it read is there for the loop's next turn.

use std::sync::Weak;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::driver::Forked;
use crate::event_loop::Loop;
use crate::limits::STAND_IN_LOOKS_EVERY;

/// Looks in until the connector is gone, or over.
pub(crate) fn keep(event_loop: &Weak<Loop>) {
    let mut unread_since = None;
    while let Some(event_loop) = event_loop.upgrade()
        && let Ok(false) = event_loop.has_ended()
    {
        let now = Instant::now();
        let turned = event_loop.last_turn();
        let is_stuck = unread_since.is_some_and(|since| turned.is_none_or(|turned| turned < since));
        if !has_something(&event_loop) {
            unread_since = None;
        } else if is_stuck {
            if let Err(Forked) = event_loop.stand_in() {
                return;
            }
        } else {
            unread_since = Some(now);
        }
        drop(event_loop);
        std::thread::sleep(STAND_IN_LOOKS_EVERY);
    }
}

/// Whether the loop's descriptor is readable.
fn has_something(event_loop: &Loop) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(event_loop.descriptor(), PollFlags::IN)];
    poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}
