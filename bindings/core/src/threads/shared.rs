//! What threads, exchanges and the keeper do with the connector.
//!
//! Whoever has changed something settles it before he lets go of the lock for good, so that at every moment when
//! nobody holds the lock these hold:
//!
//! 1. *Output.* What is written is being sent, or waits for its socket, or is held because a request is ready and the
//!    app is brisk. A thread that is about to wait, and a reply that ends with nothing ready, leave nothing held.
//! 2. *Requests.* For each request that is ready a thread is on its way, or none that could be is parked; if the app
//!    only computes, one thread that is on its way or runs the app is enough for all of them.
//! 3. *Links.* A thread watches them or is on its way to, or none that could is parked; if the app only computes, one
//!    that runs the app is enough.
//! 4. *Waits.* Who waits for something that is there has been called.
//! 5. *The keeper.* Where 1 to 3 rest on what a thread that runs the app will do next, or where all threads run it,
//!    the keeper ticks, and does it if that thread does not. It goes by the state alone, so that no call to it can
//!    come too early, and it decides on its sleep under the lock.
//!
//! A thread is *on its way* from its call (or its own look at the links) until it has tried to take.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Take;
use super::waiters::{After, Calls, Waiters};
use super::work::Work;
use crate::connector::{Connector, Dial};
use crate::dial::Dialler;
use crate::driver::{Driver, Forked, Waited, Want};
use crate::engine::{Engine, Guard, State};
use crate::handle::{Begun, Handle};
use crate::pump::{self, Bell};
use crate::wait::{Patience, WakeWaiter};
use crate::{Error, ReplyError, Request};

/// The connector as its exchanges, its waiting threads and its keeper see it.
pub(crate) struct Threads {
    pub(super) engine: Engine<Waiters>,
}

thread_local! {
    /// This thread is on its way to take, and counted as such.
    static COMES: Cell<bool> = const { Cell::new(false) };
}

impl Threads {
    pub(super) fn new(engine: Engine<Waiters>) -> Self {
        Self { engine }
    }

    /// Runs `work` on the connector; then sends what it wrote and wakes whom it concerns.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        let mut state = self.engine.lock()?;
        let before = state.connector.said();
        let done = work(&mut state.connector);
        // What is held stays so if there is nothing to add.
        let keeps = state.own.pace.holds() && state.connector.said() == before;
        if keeps {
            self.call(state, After::Change)
        } else {
            self.settle(state, After::Change)?
        }
        Ok(done)
    }

    /// Runs `work`, which may give the client the last that it gets of the exchange at `place`, which the app began then.
    pub(crate) fn reply<T>(
        &self,
        place: usize,
        begun: Begun,
        work: impl FnOnce(&mut Connector) -> Result<T, ReplyError>,
    ) -> Result<Result<T, ReplyError>, Forked> {
        let mut state = self.engine.lock()?;
        let State { connector, own, .. } = &mut *state;
        let done = work(connector);
        let is_held = done.is_ok() && connector.reply_is_whole(place) && {
            let now = Instant::now();
            if connector.reply_has_ended(place) {
                let took = now.saturating_duration_since(begun.at);
                let done = begun.work.and_then(|work| Some(work.until(Work::so_far()?, took)));
                own.pace.ended(done, now);
            }
            own.pace.hold(connector.ready(), now)
        };
        if is_held {
            self.call(state, After::Change)
        } else {
            self.settle(state, After::Change)?
        }
        Ok(done)
    }

    /// The app holds nothing of an exchange any more.
    pub(crate) fn forget(&self, place: usize) -> Result<(), Forked> {
        let mut state = self.engine.lock()?;
        let was_over = state.connector.is_over(place);
        state.connector.forget(place);
        if was_over { Ok(()) } else { self.settle(state, After::Change) }
    }

    /// Waits for it.
    pub(crate) fn wait(self: &Arc<Self>, want: Want, patience: &Patience<'_>) -> Waited {
        match self.wait_for(want, patience, |state| state.connector.is_ready(want).then_some(())) {
            Ok(()) => Waited::Ready,
            Err(waited) => waited,
        }
    }

    pub(super) fn try_take(self: &Arc<Self>) -> Result<Take, Forked> {
        let mut state = self.engine.lock()?;
        let was_woken = COMES.replace(false);
        if was_woken {
            state.own.has_come();
        }
        let before = state.connector.said();
        let Some(request) = self.take_ready(&mut state, was_woken) else {
            return Ok(if state.connector.has_ended() { Take::Ended } else { Take::Nothing });
        };
        // What must not run twice is told to have started before the app sees it.
        let tells = state.connector.said() != before;
        if tells {
            self.settle(state, After::Change)?
        } else {
            self.call(state, After::Change)
        }
        Ok(Take::Request(request))
    }

    /// Takes a request. The caller settles before the app sees it.
    pub(super) fn take_ready(
        self: &Arc<Self>,
        state: &mut State<Waiters>,
        was_woken: bool,
    ) -> Option<Request> {
        let taken = state.connector.take()?;
        let now = Instant::now();
        let asks = state.own.pace.took(was_woken, now);
        let begun = Begun { at: now, work: if asks { Work::so_far() } else { None } };
        Some(Handle::hand_over(Driver::Threads(Arc::clone(self)), taken, begun))
    }

    /// Finds out whether a request is ready that no other thread is on its way to. If so, this one is from now on.
    pub(super) fn come(state: &mut State<Waiters>) -> bool {
        // One that never came counted once, and does not twice.
        if COMES.replace(false) {
            state.own.has_come();
        }
        let comes = state.own.come(state.connector.ready());
        if comes {
            COMES.set(true);
            state.own.pace.came(Instant::now());
        }
        comes
    }

    /// The thread that moves bytes for connections that the app was handed; there is none before the first of them.
    pub(crate) fn pump(&self) -> Result<Arc<Bell>, Error> {
        let mut state = self.engine.lock().map_err(|Forked| Error::Forked)?;
        if let Some(pump) = &state.own.pump {
            return Ok(Arc::clone(pump));
        }
        let pump = pump::start()?;
        state.own.pump = Some(Arc::clone(&pump));
        Ok(pump)
    }

    pub(super) fn stop(&self) {
        if let Ok(state) = self.engine.lock()
            && let Some(pump) = &state.own.pump
        {
            pump.close();
        }
        // In the child of a fork the links are the parent's, and go on.
        let _ = self.engine.stop().and_then(|state| self.settle(state, After::Change));
    }

    /// Tries until there is something to give, and waits in between: leading if nobody does, else parked.
    pub(super) fn wait_for<T>(
        self: &Arc<Self>,
        want: Want,
        patience: &Patience<'_>,
        mut attempt: impl FnMut(&mut State<Waiters>) -> Option<T>,
    ) -> Result<T, Waited> {
        let mut state = self.engine.lock()?;
        if let Some(got) = attempt(&mut state) {
            self.settle(state, After::Change)?;
            return Ok(got);
        }
        let id = state.own.enter(want);
        if let Some(interrupt) = patience.interrupt {
            let this: Weak<Self> = Arc::downgrade(self);
            interrupt.register(this, id);
        }
        let outcome = loop {
            if let Some(got) = attempt(&mut state) {
                break Ok(got);
            }
            let left = patience.left();
            if patience.is_interrupted() {
                break Err(Waited::Interrupted);
            }
            if left == Some(Duration::ZERO) {
                break Err(Waited::TimedOut);
            }
            state = self.wait_once(state, id, left)?;
        };
        if let Some(interrupt) = patience.interrupt {
            interrupt.unregister();
        }
        state.own.leave(id);
        // Who leaves for a request comes back for the next; who leaves for anything else may not.
        let takes = outcome.is_ok() && want == Want::Request;
        self.settle(state, if takes { After::Change } else { After::Look })?;
        outcome
    }

    /// One wait of a waiter. What it comes back for may be there, or not.
    fn wait_once<'a>(
        &'a self,
        state: Guard<'a, Waiters>,
        id: u64,
        left: Option<Duration>,
    ) -> Result<Guard<'a, Waiters>, Forked> {
        let mut state = self.send_all(state)?;
        let calls = calls(&mut state, After::Turn(id));
        if !calls.is_empty() {
            // It may take long until the next chance; and while the lock is free, anything may happen.
            drop(state);
            self.ring(calls);
            return self.engine.lock();
        }
        if state.own.lead(id) {
            drop(state);
            self.engine.read_links(left)?;
            let mut state = self.engine.lock()?;
            state.own.keeper.has_seen_look = true;
            return Ok(state);
        }
        // A parked thread is called by another one, and a child of a fork has no other.
        self.engine.check_process()?;
        let bell = state.own.park(id);
        state = match left {
            Some(left) => bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => bell.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.own.wake(id);
        Ok(state)
    }

    /// After anything has changed: what was written is sent, and then those are woken whom it concerns.
    pub(super) fn settle(&self, state: Guard<'_, Waiters>, after: After) -> Result<(), Forked> {
        let state = self.send_all(state)?;
        self.call(state, after);
        Ok(())
    }

    /// Sends what is queued, held or not.
    pub(super) fn send_all<'a>(&'a self, state: Guard<'a, Waiters>) -> Result<Guard<'a, Waiters>, Forked> {
        let mut state = self.engine.send_queued(state)?;
        state.own.pace.sent();
        Ok(state)
    }

    /// Wakes whom it concerns.
    pub(super) fn call(&self, mut state: Guard<'_, Waiters>, after: After) {
        let calls = calls(&mut state, after);
        drop(state);
        self.ring(calls);
    }

    fn ring(&self, calls: Calls) {
        if calls.poke {
            self.engine.poke();
        }
        calls.ring();
    }
}

fn calls(state: &mut Guard<'_, Waiters>, after: After) -> Calls {
    let State { connector, sockets, own: waiters } = &mut **state;
    waiters.settle(connector, sockets, after)
}

impl WakeWaiter for Threads {
    fn wake_waiter(&self, waiter: u64) {
        if let Ok(mut state) = self.engine.lock() {
            let calls = state.own.call_one(waiter);
            drop(state);
            self.ring(calls);
        }
    }
}

impl Dialler for Threads {
    fn dialled(&self, dial: &Dial, outcome: Result<OwnedFd, String>) {
        let state = self.engine.dialled(dial, outcome);
        // A child of a fork has no dialling threads.
        let _ = state.and_then(|state| self.settle(state, After::Look));
    }
}

impl From<Forked> for Waited {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}
