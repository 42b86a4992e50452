//! How the threads share the work: the policy alone. No lock, no thread, no clock: the time is a value.
//!
//! Threads of Ruby and of Python do not run in parallel, so where the app takes little time it is best that one thread
//! does many requests: waking another one costs more than a request, and so does a system call for each reply. Where
//! the app takes long, above all where it waits for something, every request needs a thread of its own at once.
//! What decides is how long the app took lately, and how much of that its thread did not use the processor: while a
//! thread waits, another one could run.
//!
//! |                                          | brisk                           | slow         |
//! |------------------------------------------|---------------------------------|--------------|
//! | a reply ends while requests are ready    | held: it leaves with the next   | leaves       |
//! | requests are read by who takes one       | the others wait for that thread | wake threads |
//! | nobody watches the links                 | until that thread comes back    | wake one     |
//!
//! A bet on a brisk app may be lost, when a call waits for something. The keeper looks every [`TICK`] while anything
//! depends on a bet; if it finds that no call has begun or ended for [`STUCK_AFTER`], it wakes one thread. If that one
//! gets to take a request before the other is back, the bet is lost: what lay there has waited in vain for up to a
//! tick, so the policy is slow for a while, which is longer each time that this happens soon again. If the other is
//! back first, nothing was lost: it computed, or its language collected garbage, and no other could have run.
//!
//! [`TICK`]: crate::limits::TICK

use std::time::{Duration, Instant};

use crate::limits::{
    APP_TIME_MAX, BRISK_MAX, BRISK_WAIT_MAX, HOLD_MAX, SLOW_CALLS_MAX, SLOW_CALLS_MIN, STUCK_AFTER,
};

/// How many calls of the app the average is over, more or less.
const AVERAGE_OVER: u64 = 16;
/// One call in so many is asked how long it waited, because the question costs a system call; and over how many answers
/// the average is.
const ASKS_EVERY: u32 = 16;
const ANSWERS: u64 = 4;
/// A bet that is lost within so many times the calls that the last loss cost is lost soon again.
const SOON: u32 = 4;

#[derive(Debug)]
pub(crate) struct Pace {
    /// How long the app took lately. A plain number, because it is worked on for every request.
    average_ns: u64,
    /// How much of it the app's threads waited.
    waited_ns: u64,
    /// Calls until one is asked.
    asks_in: u32,
    /// Calls of the app for which it counts as slow still, whatever the average; and how many these were at first.
    slow_calls: u32,
    slow_calls_full: u32,
    /// Calls since then.
    calls_since: u32,
    /// A thread was woken because of a call that takes long.
    is_in_doubt: bool,
    /// When a thread was last on its way to a request, took one, or ended a reply.
    moved_at: Option<Instant>,
    /// When the oldest of the replies ended that are held.
    held_since: Option<Instant>,
}

impl Default for Pace {
    /// Nothing is known of the app, and its first calls are often slow: it is not taken to be brisk before one was.
    fn default() -> Self {
        Self {
            average_ns: nanos(BRISK_MAX),
            waited_ns: 0,
            asks_in: 0,
            slow_calls: 0,
            slow_calls_full: SLOW_CALLS_MIN,
            calls_since: 0,
            is_in_doubt: false,
            moved_at: None,
            held_since: None,
        }
    }
}

impl Pace {
    /// Whether the app was so fast lately that one thread had best do many requests.
    pub(crate) fn is_brisk(&self) -> bool {
        self.slow_calls == 0 && self.average_ns < nanos(BRISK_MAX) && self.waited_ns < nanos(BRISK_WAIT_MAX)
    }

    /// A thread is on its way to a request.
    pub(crate) fn came(&mut self, now: Instant) {
        self.moved_at = Some(now);
    }

    /// A thread has taken a request: one that was woken, or one that had run the app. Returns whether this call is to
    /// be asked how long it waits.
    pub(crate) fn took(&mut self, was_woken: bool, now: Instant) -> bool {
        self.moved_at = Some(now);
        if std::mem::take(&mut self.is_in_doubt) && was_woken {
            self.lose();
        }
        let asks = self.asks_in == 0;
        self.asks_in = if asks { ASKS_EVERY - 1 } else { self.asks_in - 1 };
        asks
    }

    /// A reply has ended whose request was taken then, and which has waited so long if it was asked. Returns whether
    /// it is held, for the thread that will take one of the requests that are ready.
    pub(crate) fn ended(
        &mut self,
        taken_at: Instant,
        waited: Option<Duration>,
        ready: usize,
        now: Instant,
    ) -> bool {
        self.moved_at = Some(now);
        self.learn(now.saturating_duration_since(taken_at));
        if let Some(waited) = waited {
            let waited_ns = nanos(waited.min(STUCK_AFTER));
            self.waited_ns = (self.waited_ns * (ANSWERS - 1) + waited_ns) / ANSWERS;
        }
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

    /// Whether no thread has come, begun or ended a call of the app for so long that one must be slow.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.moved_at.is_none_or(|at| now.saturating_duration_since(at) >= STUCK_AFTER)
    }

    /// A thread is woken because one that runs the app takes long. If the app is known to be slow, there was no bet.
    pub(crate) fn doubt(&mut self) {
        self.is_in_doubt = self.is_brisk();
    }

    fn lose(&mut self) {
        let is_soon = self.calls_since < SOON * self.slow_calls_full;
        self.slow_calls_full =
            if is_soon { SLOW_CALLS_MAX.min(2 * self.slow_calls_full) } else { SLOW_CALLS_MIN };
        self.slow_calls = self.slow_calls_full;
        self.calls_since = 0;
    }

    /// One call cannot hide many others: beyond its limit, its length does not matter.
    fn learn(&mut self, app_time: Duration) {
        self.is_in_doubt = false;
        match self.slow_calls {
            0 => self.calls_since = self.calls_since.saturating_add(1),
            _ => self.slow_calls -= 1,
        }
        let app_time_ns = nanos(app_time.min(APP_TIME_MAX));
        self.average_ns = (self.average_ns * (AVERAGE_OVER - 1) + app_time_ns) / AVERAGE_OVER;
    }
}

const fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_micros(20);
    const LONG: Duration = Duration::from_millis(30);

    /// A pace, and the time.
    struct Scene {
        pace: Pace,
        now: Instant,
    }

    impl Scene {
        /// Of an app whose calls are fast.
        fn brisk() -> Self {
            let mut scene = Self { pace: Pace::default(), now: Instant::now() };
            scene.call(FAST, 0);
            assert!(scene.pace.is_brisk());
            scene
        }

        /// One call of the app. Returns whether its reply is held, with so many requests ready.
        fn call(&mut self, takes: Duration, ready: usize) -> bool {
            let began = self.now;
            self.pace.took(false, began);
            self.now += takes;
            self.pace.ended(began, None, ready, self.now)
        }

        /// A bet that is lost: another thread takes a request while a call lasts.
        fn lose(&mut self) {
            self.pace.took(false, self.now);
            self.pace.doubt();
            self.pace.took(true, self.now);
        }

        /// How many fast calls it takes until the policy is brisk.
        fn calls_until_brisk(&mut self) -> u32 {
            let mut calls = 0;
            while !self.pace.is_brisk() {
                self.call(FAST, 0);
                calls += 1;
            }
            calls
        }
    }

    #[test]
    fn an_app_is_slow_until_it_has_proved_to_be_fast() {
        let mut scene = Scene { pace: Pace::default(), now: Instant::now() };
        assert!(!scene.pace.is_brisk());
        assert!(!scene.call(BRISK_MAX * 2, 3));
        assert!(!scene.pace.is_brisk());
        assert!(scene.calls_until_brisk() > 0);
    }

    #[test]
    fn one_long_call_makes_an_app_slow_and_no_longer_than_a_few_fast_ones_last() {
        for long in [Duration::from_millis(2), LONG, LONG * 1000] {
            let mut scene = Scene::brisk();
            assert!(!scene.call(long, 3), "its reply leaves");
            assert!(!scene.pace.is_brisk());
            assert!(u64::from(scene.calls_until_brisk()) < AVERAGE_OVER);
        }
    }

    #[test]
    fn a_reply_is_held_only_for_one_that_is_ready() {
        let mut scene = Scene::brisk();
        assert!(!scene.call(FAST, 0));
        assert!(!scene.pace.holds());
        assert!(scene.call(FAST, 1));
        assert!(scene.pace.holds());
        scene.pace.sent();
        assert!(!scene.pace.holds());
    }

    #[test]
    fn no_reply_is_held_for_longer_than_its_limit() {
        let mut scene = Scene::brisk();
        assert!(scene.call(FAST, 9));
        let held_since = scene.now;
        while scene.call(FAST, 9) {
            assert!(scene.now - held_since < HOLD_MAX);
        }
        assert!(scene.pace.has_held_long(scene.now), "the keeper would send them, too");
        scene.pace.sent();
        assert!(scene.call(FAST, 9), "the next one is a first one again");
        assert!(!scene.pace.has_held_long(scene.now));
    }

    #[test]
    fn an_app_is_stuck_when_it_neither_begins_nor_ends_a_call() {
        let mut scene = Scene::brisk();
        assert!(!scene.pace.is_stuck(scene.now));
        assert!(scene.pace.is_stuck(scene.now + STUCK_AFTER));
        scene.now += STUCK_AFTER;
        scene.pace.took(false, scene.now);
        assert!(!scene.pace.is_stuck(scene.now));
        scene.now += STUCK_AFTER;
        scene.pace.came(scene.now);
        assert!(!scene.pace.is_stuck(scene.now), "after a pause it has only just begun");
    }

    #[test]
    fn an_app_that_waits_is_slow_however_short_it_waits() {
        let mut scene = Scene::brisk();
        let mut asked = 0;
        let mut call = |scene: &mut Scene, waits: Duration| {
            let began = scene.now;
            let asks = scene.pace.took(false, began);
            asked += u32::from(asks);
            scene.now += FAST + waits;
            scene.pace.ended(began, asks.then_some(waits), 0, scene.now);
        };
        for _ in 0..ASKS_EVERY * 10 {
            call(&mut scene, BRISK_WAIT_MAX * 2);
        }
        assert!(!scene.pace.is_brisk());
        for _ in 0..ASKS_EVERY * 10 {
            call(&mut scene, Duration::ZERO);
        }
        assert!(scene.pace.is_brisk());
        assert_eq!(asked, 20);
    }

    #[test]
    fn a_bet_is_lost_when_the_thread_that_was_woken_is_first() {
        let mut scene = Scene::brisk();
        scene.lose();
        assert!(!scene.pace.is_brisk());
        assert!(scene.calls_until_brisk() >= SLOW_CALLS_MIN);
    }

    #[test]
    fn a_bet_is_not_lost_when_the_thread_that_took_long_is_first() {
        let mut scene = Scene::brisk();
        scene.pace.doubt();
        scene.call(FAST, 1);
        scene.pace.took(true, scene.now);
        assert!(scene.pace.is_brisk(), "its reply had ended");
        scene.pace.doubt();
        scene.pace.took(false, scene.now);
        scene.pace.took(true, scene.now);
        assert!(scene.pace.is_brisk(), "it had taken the next one");
    }

    #[test]
    fn a_slow_app_loses_no_bets() {
        let mut scene = Scene::brisk();
        scene.call(LONG, 0);
        scene.lose();
        assert!(u64::from(scene.calls_until_brisk()) < AVERAGE_OVER);
    }

    #[test]
    fn bets_that_are_lost_soon_again_are_made_more_and_more_rarely() {
        let mut scene = Scene::brisk();
        let mut slow_calls = Vec::new();
        for _ in 0..12 {
            scene.lose();
            slow_calls.push(scene.calls_until_brisk());
        }
        assert!(
            slow_calls.windows(2).all(|pair| pair[1] == SLOW_CALLS_MAX.min(2 * pair[0])),
            "{slow_calls:?}"
        );
        for _ in 0..SOON * SLOW_CALLS_MAX {
            scene.call(FAST, 1);
        }
        scene.lose();
        assert_eq!(scene.calls_until_brisk(), SLOW_CALLS_MIN, "that was long ago");
    }
}
