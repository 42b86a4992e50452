//! How the threads share the work: the policy alone. No lock, no thread, no clock: the time is a value.
//!
//! Threads of Ruby and of Python do not run in parallel, so where the app takes little time it is best that one thread
//! does many requests: waking another one costs more than a request, and so does a system call for each reply. Where
//! the app takes long, above all where it waits for something, every request needs a thread of its own at once.
//! What decides is how long the app took lately:
//!
//! |                                          | brisk                           | slow         |
//! |------------------------------------------|---------------------------------|--------------|
//! | a reply ends while requests are ready    | held: it leaves with the next   | leaves       |
//! | requests are read by who takes one       | the others wait for that thread | wake threads |
//! | nobody watches the links                 | until that thread comes back    | wake one     |
//!
//! A bet on a brisk app is lost when a call takes long. Then the keeper, who looks every [`TICK`] while anything
//! depends on a bet, finds no request taken for [`STUCK_AFTER`], and does what the slow policy had done; and the
//! policy is slow until the app has proved to be brisk again.

use std::time::{Duration, Instant};

use crate::limits::{APP_TIME_MAX, BRISK_MAX, HOLD_MAX, STUCK_AFTER};

/// How many calls of the app the average is over, more or less.
const AVERAGE_OVER: u32 = 16;

#[derive(Debug)]
pub(crate) struct Pace {
    /// How long the app took lately.
    average: Duration,
    /// When a request was last taken.
    taken_at: Option<Instant>,
    /// When the oldest of the replies ended that are held.
    held_since: Option<Instant>,
}

impl Default for Pace {
    /// Nothing is known of the app, and its first calls are often slow: it is not taken to be brisk before one was.
    fn default() -> Self {
        Self { average: BRISK_MAX, taken_at: None, held_since: None }
    }
}

impl Pace {
    /// Whether the app was so fast lately that one thread had best do many requests.
    pub(crate) fn is_brisk(&self) -> bool {
        self.average < BRISK_MAX
    }

    /// A thread has taken a request.
    pub(crate) fn took(&mut self, now: Instant) {
        self.taken_at = Some(now);
    }

    /// A reply has ended whose request was taken then. Returns whether it is held, for the thread that will take one
    /// of the requests that are ready.
    pub(crate) fn ended(&mut self, taken_at: Instant, ready: usize, now: Instant) -> bool {
        self.learn(now.saturating_duration_since(taken_at));
        let holds = ready > 0 && self.is_brisk() && !self.has_held_long(now);
        if holds {
            self.held_since.get_or_insert(now);
        }
        holds
    }

    /// All output has left, as far as the sockets take it.
    pub(crate) fn sent(&mut self) {
        self.held_since = None;
    }

    /// Whether replies are held.
    pub(crate) fn holds(&self) -> bool {
        self.held_since.is_some()
    }

    /// Whether they have been for so long that they must leave.
    pub(crate) fn has_held_long(&self, now: Instant) -> bool {
        self.held_since.is_some_and(|since| now.saturating_duration_since(since) >= HOLD_MAX)
    }

    /// Whether the threads that run the app have not taken anything for so long that one of its calls must be slow.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.taken_at.is_none_or(|at| now.saturating_duration_since(at) >= STUCK_AFTER)
    }

    /// Requests lie there while the app takes long.
    pub(crate) fn overran(&mut self) {
        self.average = self.average.max(BRISK_MAX);
    }

    /// One call cannot hide many others: beyond its limit, its length does not matter.
    fn learn(&mut self, app_time: Duration) {
        self.average = (self.average * (AVERAGE_OVER - 1) + app_time.min(APP_TIME_MAX)) / AVERAGE_OVER;
    }
}
