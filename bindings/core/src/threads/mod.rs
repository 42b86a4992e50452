//! The driver for languages whose threads run the app.

mod keeper;
#[cfg(test)]
mod tests;
mod waiters;

use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use crate::connector::{Connector, Dial, Taken};
use crate::dial::Dialler;
use crate::driver::{Driver, Forked, Waited, Want};
use crate::engine::{Engine, Guard, State};
use crate::handle::Handle;
use crate::wait::{Patience, WakeWaiter};
use crate::{Error, Notice, Options, Request, Status, Wait};
use waiters::{Calls, Leader, Waiters};

/// A connector for threads: each takes a request, runs the app, replies, and takes the next. Clones are the same
/// connector. When the last one is dropped, it is stopped.
#[derive(Clone)]
pub struct ThreadConnector {
    owner: Arc<Owner>,
}

/// What there was to take.
#[derive(Debug, Clone)]
pub enum Take {
    /// A request. The app has started it, as far as anybody can tell.
    Request(Request),
    /// The time passed, or the call does not wait.
    Nothing,
    /// The wait's interrupt was raised.
    Interrupted,
    /// All is over, after [`drain`](ThreadConnector::drain) or [`stop`](ThreadConnector::stop): every link is closed,
    /// and the process may exit.
    Ended,
    /// The connector cannot be used here: [`Error::Forked`].
    Failed(Error),
}

/// How a wait for a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// There was one, for [`try_take`](ThreadConnector::try_take); another thread may be faster.
    Request,
    /// The time passed.
    Nothing,
    /// The wait's interrupt was raised.
    Interrupted,
    /// As [`Take::Ended`].
    Ended,
    /// As [`Take::Failed`].
    Failed(Error),
}

impl ThreadConnector {
    /// Starts to serve. Returns at once: proxies are dialled in the background, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::BadOption`], or [`Error::System`] when this process may not have what it needs.
    pub fn start(options: Options) -> Result<Self, Error> {
        let engine = Engine::new(options, Waiters::default())?;
        let threads = Arc::new(Threads { engine });
        let kept = Arc::clone(&threads);
        std::thread::Builder::new()
            .name("swiftiply-keep".into())
            .spawn(move || keeper::keep(&kept))
            .map_err(|error| Error::System { what: "thread", said: error.to_string() })?;
        Ok(Self { owner: Arc::new(Owner { threads }) })
    }

    /// Takes a request if one is there, without waiting. Call it first, while holding the language's own lock; when it
    /// gives [`Take::Nothing`], call [`await_request`](Self::await_request) without that lock, and then this again.
    pub fn try_take(&self) -> Take {
        self.threads().try_take().unwrap_or(Take::Failed(Error::Forked))
    }

    /// Waits until there is a request to take, and leaves it there. For languages with a lock of their own: wait without
    /// that lock, and take while holding it. So a request is taken by a thread that can run the app at once, and the
    /// time that the app needs is known.
    pub fn await_request(&self, wait: &Wait) -> Awaited {
        let patience = Patience::begin(wait);
        let attempt = |connector: &mut Connector| match connector.ready() {
            0 => connector.has_ended().then_some(Awaited::Ended),
            _ => Some(Awaited::Request),
        };
        match self.threads().wait_for(Want::Request, &patience, attempt) {
            Ok(awaited) => awaited,
            Err(Waited::Interrupted) => Awaited::Interrupted,
            Err(Waited::Forked) => Awaited::Failed(Error::Forked),
            Err(Waited::TimedOut | Waited::Ready) => Awaited::Nothing,
        }
    }

    /// Takes a request, and waits for one.
    pub fn take(&self, wait: &Wait) -> Take {
        let patience = Patience::begin(wait);
        let threads = self.threads();
        let attempt = |connector: &mut Connector| match connector.take() {
            Some(taken) => Some(Some(taken)),
            None => connector.has_ended().then_some(None),
        };
        match threads.wait_for(Want::Request, &patience, attempt) {
            Ok(Some(taken)) => Take::Request(threads.hand_over(taken)),
            Ok(None) => Take::Ended,
            Err(Waited::Interrupted) => Take::Interrupted,
            Err(Waited::Forked) => Take::Failed(Error::Forked),
            Err(Waited::TimedOut | Waited::Ready) => Take::Nothing,
        }
    }

    /// Asks for the end: the proxies send nothing new, what has begun is finished, and then every link is closed.
    /// [`Take::Ended`] and a notice of [`NoticeKind::Drained`](crate::NoticeKind::Drained) tell when. Returns at
    /// once.
    pub fn drain(&self) {
        self.run(Connector::drain);
    }

    /// Ends at once: requests that no thread has taken are given back, others are reset, every link is closed, and
    /// every wait ends.
    pub fn stop(&self) {
        self.threads().stop();
    }

    /// Changes how many requests can run at once, at most 16384; with 0 nothing new comes.
    pub fn set_slots(&self, slots: u16) {
        self.run(|connector| connector.set_slots(slots));
    }

    /// The next line for the log; waits for one. `None` when the time passed, the interrupt was raised, or all is
    /// over ([`Status::has_ended`]) and every line was taken.
    pub fn next_notice(&self, wait: &Wait) -> Option<Notice> {
        let patience = Patience::begin(wait);
        let attempt = |connector: &mut Connector| match connector.notices.pop() {
            Some(notice) => Some(Some(notice)),
            None => connector.has_ended().then_some(None),
        };
        self.threads().wait_for(Want::Notice, &patience, attempt).ok().flatten()
    }

    /// How it is doing. In the child of a fork it has ended.
    pub fn status(&self) -> Status {
        self.threads().run(|connector| connector.status()).unwrap_or(Status::FORKED)
    }

    fn run(&self, work: impl FnOnce(&mut Connector)) {
        // In the child of a fork there is nothing to do, and `take` says why.
        let _ = self.threads().run(work);
    }

    fn threads(&self) -> &Arc<Threads> {
        &self.owner.threads
    }
}

impl std::fmt::Debug for ThreadConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ThreadConnector({:?})", self.status())
    }
}

/// What all clones share; its end is the connector's.
struct Owner {
    threads: Arc<Threads>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.threads.stop();
    }
}

/// The connector as its exchanges, its waiting threads and its keeper see it.
pub(crate) struct Threads {
    engine: Engine<Waiters>,
}

impl Threads {
    /// Runs `work` on the connector; then sends what was written and wakes whom it concerns.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        self.engine.check_process()?;
        let mut state = self.engine.lock()?;
        let done = work(&mut state.connector);
        self.settle(state)?;
        Ok(done)
    }

    /// Waits for it.
    pub(crate) fn wait(self: &Arc<Self>, want: Want, patience: &Patience<'_>) -> Waited {
        match self.wait_for(want, patience, |connector| connector.is_ready(want).then_some(())) {
            Ok(()) => Waited::Ready,
            Err(waited) => waited,
        }
    }

    fn try_take(self: &Arc<Self>) -> Result<Take, Forked> {
        self.engine.check_process()?;
        let mut state = self.engine.lock()?;
        if state.connector.ready() == 0 && state.own.leader == Leader::Nobody && !state.connector.has_ended()
        {
            state = self.look(state, Duration::ZERO)?;
        }
        let Some(taken) = state.connector.take() else {
            let ended = state.connector.has_ended();
            self.settle(state)?;
            return Ok(if ended { Take::Ended } else { Take::Nothing });
        };
        self.settle(state)?;
        Ok(Take::Request(self.hand_over(taken)))
    }

    /// Reads the links as one who does not stay.
    fn look<'a>(
        &'a self,
        mut state: Guard<'a, Waiters>,
        patience: Duration,
    ) -> Result<Guard<'a, Waiters>, Forked> {
        state.own.leader = Leader::Visitor;
        drop(state);
        let read = self.engine.read_links(Some(patience));
        let mut state = self.engine.lock()?;
        state.own.leader = Leader::Nobody;
        read.map(|()| state)
    }

    fn hand_over(self: &Arc<Self>, taken: Taken) -> Request {
        let Taken { place, key, head, flags } = taken;
        let driver = Driver::Threads(Arc::clone(self));
        Request { handle: Arc::new(Handle { driver, place, key, head, flags }) }
    }

    fn stop(&self) {
        // In the child of a fork the links are the parent's, and go on.
        let _ = self.engine.stop().and_then(|state| self.settle(state));
    }

    /// Tries until there is something to give, and waits in between: leading if nobody does, else parked.
    fn wait_for<T>(
        self: &Arc<Self>,
        want: Want,
        patience: &Patience<'_>,
        attempt: impl Fn(&mut Connector) -> Option<T>,
    ) -> Result<T, Waited> {
        self.engine.check_process()?;
        let mut state = self.engine.lock()?;
        if let Some(got) = attempt(&mut state.connector) {
            self.settle(state)?;
            return Ok(got);
        }
        let id = state.own.enter(want);
        if let Some(interrupt) = patience.interrupt {
            let this: Weak<Self> = Arc::downgrade(self);
            interrupt.register(this, id);
        }
        let outcome = loop {
            if let Some(got) = attempt(&mut state.connector) {
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
        self.settle(state)?;
        outcome
    }

    /// One wait of a waiter. What it comes back for may be there, or not.
    fn wait_once<'a>(
        &'a self,
        state: Guard<'a, Waiters>,
        id: u64,
        left: Option<Duration>,
    ) -> Result<Guard<'a, Waiters>, Forked> {
        let mut state = self.engine.send_queued(state)?;
        let calls = settle(&mut state, Some(id));
        if !calls.is_empty() {
            // It may take long until the next chance; and while the lock is free, anything may happen.
            drop(state);
            self.ring(calls);
            return self.engine.lock();
        }
        if state.own.lead(id) {
            drop(state);
            self.engine.read_links(left)?;
            return self.engine.lock();
        }
        let bell = state.own.park(id);
        state = match left {
            Some(left) => bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => bell.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.own.wake(id);
        Ok(state)
    }

    /// After anything has changed: what was written is sent, and then those are woken whom it concerns.
    fn settle(&self, state: Guard<'_, Waiters>) -> Result<(), Forked> {
        let mut state = self.engine.send_queued(state)?;
        let calls = settle(&mut state, None);
        drop(state);
        self.ring(calls);
        Ok(())
    }

    fn ring(&self, calls: Calls) {
        if calls.poke {
            self.engine.poke();
        }
        calls.ring();
    }
}

fn settle(state: &mut Guard<'_, Waiters>, own: Option<u64>) -> Calls {
    let State { connector, sockets, own: waiters } = &mut **state;
    waiters.settle(connector, sockets, own)
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
        let _ = state.and_then(|state| self.settle(state));
    }
}

impl From<Forked> for Waited {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}
