//! How the threads share the work: the policy alone. No lock, no thread, no clock: the time is a value.
//!
//! Threads of Ruby and of Python do not compute in parallel. So where the app only computes, it is best that one
//! thread does all requests that come: another one that is woken can but wait for the language's lock, and when it gets
//! that in the middle of a call, this call waits in turn. Where the app waits for something, every request needs a
//! thread of its own at once. And where it is so fast that sending a reply is a good part of its time, above all if that
//! wakes the proxy on the same processor, a reply had best leave together with the next. What decides is how long calls
//! computed lately, and how long they waited:
//!
//! |                                          | brisk             | computes          | waits        |
//! |------------------------------------------|-------------------|-------------------|--------------|
//! | a reply ends while requests are ready    | held for the next | leaves            | leaves       |
//! | requests are read by who takes one       | that thread's     | that thread's     | wake threads |
//! | nobody watches the links                 | until it is back  | until it is back  | wake one     |
//!
//! The bet that an app computes may be lost. The keeper looks every [`TICK`] while anything depends on it; if no call
//! has begun or ended since its last look, and for twice the time that calls computed lately, it wakes one thread. If
//! that one gets to take a request before the other is back, the bet is lost: what lay there has waited in vain for a
//! tick or two, so the app counts as one that waits for a while, which is longer each time that this happens soon again.
//! If the other is back first, nothing was lost: it computed, or its language collected garbage, and no other could have
//! run.
//!
//! [`TICK`]: crate::limits::TICK

use std::time::{Duration, Instant};

use super::work::Done;
use crate::limits::{
    BRISK_MAX, COMPUTED_MAX, HOLD_MAX, STUCK_AFTER_MIN, WAIT_MAX, WAITED_MAX, WAITING_CALLS_MAX,
    WAITING_CALLS_MIN,
};

/// One call in so many is asked what it did, because the question costs system calls; and over how many answers the
/// averages are, more or less.
const ASKS_EVERY: u32 = 16;
const ANSWERS: u32 = 4;
/// A bet that is lost within so many times the calls that the last loss cost is lost soon again.
const SOON: u32 = 4;

#[derive(Debug)]
pub(crate) struct Pace {
    /// How long calls of the app computed lately, and how long they waited.
    computed: Duration,
    waited: Duration,
    /// Calls until one is asked.
    asks_in: u32,
    /// Calls of the app for which it counts as one that waits still, whatever was measured; and how many these were at
    /// first.
    waiting_calls: u32,
    waiting_calls_full: u32,
    /// Calls since then.
    calls_since: u32,
    /// A thread was woken because of a call that takes long.
    is_in_doubt: bool,
    /// When a thread was last on its way to a request, took one, or ended a reply; and what that was when the keeper
    /// looked last.
    moved_at: Option<Instant>,
    seen_moved_at: Option<Instant>,
    /// When the oldest of the replies ended that are held.
    held_since: Option<Instant>,
}

impl Default for Pace {
    /// Nothing is known of the app, and its first calls are often slow: nothing is bet before one was not.
    fn default() -> Self {
        Self {
            computed: BRISK_MAX,
            waited: WAIT_MAX,
            asks_in: 0,
            waiting_calls: 0,
            waiting_calls_full: WAITING_CALLS_MIN,
            calls_since: 0,
            is_in_doubt: false,
            moved_at: None,
            seen_moved_at: None,
            held_since: None,
        }
    }
}

impl Pace {
    /// Whether the app only computed lately, so that one thread had best do all requests.
    pub(crate) fn computes(&self) -> bool {
        self.waiting_calls == 0 && self.waited < WAIT_MAX
    }

    /// Whether it was so fast besides that a reply had best leave together with the next.
    pub(crate) fn is_brisk(&self) -> bool {
        self.computes() && self.computed < BRISK_MAX
    }

    /// A thread is on its way to a request.
    pub(crate) fn came(&mut self, now: Instant) {
        self.moved_at = Some(now);
    }

    /// A thread has taken a request: one that was woken, or one that had run the app. Returns whether this call is to
    /// be asked what it does.
    pub(crate) fn took(&mut self, was_woken: bool, now: Instant) -> bool {
        self.moved_at = Some(now);
        if std::mem::take(&mut self.is_in_doubt) && was_woken {
            self.lose();
        }
        let asks = self.asks_in == 0;
        self.asks_in = if asks { ASKS_EVERY - 1 } else { self.asks_in - 1 };
        asks
    }

    /// A reply has ended; this is what its call of the app did, if it was asked.
    pub(crate) fn ended(&mut self, done: Option<Done>, now: Instant) {
        self.moved_at = Some(now);
        self.is_in_doubt = false;
        match self.waiting_calls {
            0 => self.calls_since = self.calls_since.saturating_add(1),
            _ => self.waiting_calls -= 1,
        }
        if let Some(done) = done {
            self.computed = average(self.computed, done.computed.min(COMPUTED_MAX));
            self.waited = average(self.waited, done.waited.min(WAITED_MAX));
        }
    }

    /// There is nothing more to come of a reply that the client has not. Returns whether that is held, for the thread
    /// that will take one of the requests that are ready.
    pub(crate) fn hold(&mut self, ready: usize, now: Instant) -> bool {
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

    /// Whether no thread has come, begun or ended a call of the app for so long, and since the keeper looked last, that
    /// one must be unusual. Time alone proves little: others may have had the processor.
    pub(crate) fn is_stuck(&mut self, now: Instant) -> bool {
        if std::mem::replace(&mut self.seen_moved_at, self.moved_at) != self.moved_at {
            return false;
        }
        let after = STUCK_AFTER_MIN.max(2 * self.computed);
        self.moved_at.is_none_or(|at| now.saturating_duration_since(at) >= after)
    }

    /// A thread is woken because one that runs the app takes long. If the app is known to wait, there was no bet.
    pub(crate) fn doubt(&mut self) {
        self.is_in_doubt = self.computes();
    }

    fn lose(&mut self) {
        let is_soon = self.calls_since < SOON * self.waiting_calls_full;
        self.waiting_calls_full =
            if is_soon { WAITING_CALLS_MAX.min(2 * self.waiting_calls_full) } else { WAITING_CALLS_MIN };
        self.waiting_calls = self.waiting_calls_full;
        self.calls_since = 0;
    }
}

fn average(before: Duration, answer: Duration) -> Duration {
    (before * (ANSWERS - 1) + answer) / ANSWERS
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
        asked: u32,
    }

    impl Scene {
        fn new() -> Self {
            Self { pace: Pace::default(), now: Instant::now(), asked: 0 }
        }

        /// Of an app whose calls are fast.
        fn brisk() -> Self {
            let mut scene = Self::new();
            scene.calls(ASKS_EVERY * 10, FAST, Duration::ZERO);
            assert!(scene.pace.is_brisk());
            scene
        }

        /// One call of the app, which computes. Returns whether its reply is held, with so many requests ready.
        fn call(&mut self, takes: Duration, ready: usize) -> bool {
            self.call_that_waits(takes, Duration::ZERO, ready)
        }

        fn call_that_waits(&mut self, takes: Duration, waits: Duration, ready: usize) -> bool {
            let began = self.now;
            let asks = self.pace.took(false, began);
            self.asked += u32::from(asks);
            self.now += takes;
            self.pace.ended(asks.then_some(Done { computed: takes - waits, waited: waits }), self.now);
            self.pace.hold(ready, self.now)
        }

        fn calls(&mut self, count: u32, take: Duration, wait: Duration) {
            for _ in 0..count {
                self.call_that_waits(take, wait, 0);
            }
        }

        /// A bet that is lost: another thread takes a request while a call lasts.
        fn lose(&mut self) {
            self.pace.took(false, self.now);
            self.pace.doubt();
            self.pace.took(true, self.now);
        }

        /// How many calls that compute it takes until the app counts as one that does.
        fn calls_until_it_computes(&mut self) -> u32 {
            let mut calls = 0;
            while !self.pace.computes() {
                self.call(FAST, 0);
                calls += 1;
            }
            calls
        }
    }

    #[test]
    fn nothing_is_bet_on_an_app_before_it_has_proved_to_compute() {
        let mut scene = Scene::new();
        assert!(!scene.pace.computes());
        scene.call_that_waits(LONG, LONG, 3);
        assert!(!scene.pace.computes());
        assert!(scene.calls_until_it_computes() > 0);
    }

    #[test]
    fn replies_of_an_app_that_computes_long_leave_at_once_and_one_thread_does_all() {
        let mut scene = Scene::new();
        for _ in 0..100 {
            assert!(!scene.call(BRISK_MAX * 2, 3));
        }
        assert!(scene.pace.computes() && !scene.pace.is_brisk());
    }

    #[test]
    fn one_long_call_that_is_asked_ends_holding_and_some_fast_ones_bring_it_back() {
        for long in [Duration::from_millis(2), LONG, LONG * 1000] {
            let mut scene = Scene::brisk();
            assert!(!scene.call(long, 3), "its reply leaves");
            assert!(!scene.pace.is_brisk());
            let calls = (0..1000).take_while(|_| !scene.call(FAST, 1)).count();
            assert!((1..20 * ASKS_EVERY as usize).contains(&calls), "{calls}");
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
    fn an_app_is_stuck_when_it_neither_begins_nor_ends_a_call_from_one_look_to_the_next() {
        let mut scene = Scene::brisk();
        assert!(!scene.pace.is_stuck(scene.now));
        assert!(!scene.pace.is_stuck(scene.now), "a look soon after is none");
        assert!(scene.pace.is_stuck(scene.now + STUCK_AFTER_MIN));
        scene.now += STUCK_AFTER_MIN;
        scene.pace.took(false, scene.now);
        assert!(!scene.pace.is_stuck(scene.now + STUCK_AFTER_MIN), "it has moved since the last look");
        assert!(scene.pace.is_stuck(scene.now + STUCK_AFTER_MIN));
        scene.pace.came(scene.now + STUCK_AFTER_MIN);
        assert!(
            !scene.pace.is_stuck(scene.now + STUCK_AFTER_MIN * 2),
            "after a pause it has only just begun"
        );
    }

    #[test]
    fn a_call_is_long_by_what_calls_computed_lately_and_within_a_limit() {
        let mut scene = Scene::new();
        let usual = Duration::from_micros(800);
        scene.calls(200, usual, Duration::ZERO);
        assert!(!scene.pace.is_stuck(scene.now), "the first look");
        assert!(!scene.pace.is_stuck(scene.now + usual * 3 / 2));
        assert!(scene.pace.is_stuck(scene.now + usual * 2));
        scene.calls(200, LONG, Duration::ZERO);
        assert!(!scene.pace.is_stuck(scene.now), "the first look");
        assert!(scene.pace.is_stuck(scene.now + COMPUTED_MAX * 2));
    }

    #[test]
    fn an_app_that_waits_gets_its_threads_however_short_it_waits() {
        let mut scene = Scene::brisk();
        scene.asked = 0;
        scene.calls(ASKS_EVERY * 10, FAST * 3, WAIT_MAX * 2);
        assert!(!scene.pace.computes());
        scene.calls(ASKS_EVERY * 10, FAST, Duration::ZERO);
        assert!(scene.pace.is_brisk());
        assert_eq!(scene.asked, 20);
    }

    #[test]
    fn a_long_wait_is_forgotten_when_a_dozen_calls_that_were_asked_did_not_wait() {
        let mut scene = Scene::brisk();
        scene.calls(ASKS_EVERY, LONG, LONG);
        assert!(!scene.pace.computes());
        assert!(scene.calls_until_it_computes() <= 12 * ASKS_EVERY);
    }

    #[test]
    fn a_bet_is_lost_when_the_thread_that_was_woken_is_first() {
        let mut scene = Scene::brisk();
        scene.lose();
        assert!(!scene.pace.computes());
        assert!(scene.calls_until_it_computes() >= WAITING_CALLS_MIN);
    }

    #[test]
    fn a_bet_is_not_lost_when_the_thread_that_took_long_is_first() {
        let mut scene = Scene::brisk();
        scene.pace.doubt();
        scene.call(FAST, 1);
        scene.pace.took(true, scene.now);
        assert!(scene.pace.computes(), "its reply had ended");
        scene.pace.doubt();
        scene.pace.took(false, scene.now);
        scene.pace.took(true, scene.now);
        assert!(scene.pace.computes(), "it had taken the next one");
    }

    #[test]
    fn an_app_that_waits_loses_no_bets() {
        let mut scene = Scene::brisk();
        scene.calls(ASKS_EVERY, LONG, LONG);
        scene.lose();
        assert!(scene.calls_until_it_computes() < WAITING_CALLS_MIN);
    }

    #[test]
    fn bets_that_are_lost_soon_again_are_made_more_and_more_rarely() {
        let mut scene = Scene::brisk();
        let mut calls = Vec::new();
        for _ in 0..12 {
            scene.lose();
            calls.push(scene.calls_until_it_computes());
        }
        assert!(calls.windows(2).all(|pair| pair[1] == WAITING_CALLS_MAX.min(2 * pair[0])), "{calls:?}");
        for _ in 0..SOON * WAITING_CALLS_MAX {
            scene.call(FAST, 1);
        }
        scene.lose();
        assert_eq!(scene.calls_until_it_computes(), WAITING_CALLS_MIN, "that was long ago");
    }
}
