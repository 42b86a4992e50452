//! The driver for languages whose threads run the app.
//!
//! - this file: what a binding sees;
//! - [`shared`]: what threads, exchanges and the keeper do with the connector, and what must hold in between;
//! - [`waiters`]: who waits, who leads, who has to be woken;
//! - [`pace`]: when one thread does many requests, and when each gets its own;
//! - [`work`]: how much of its time a thread has waited;
//! - [`keeper`]: the native thread behind them.

mod keeper;
mod pace;
mod shared;
#[cfg(test)]
mod tests;
mod waiters;
mod work;

use std::sync::Arc;

use crate::connector::Connector;
use crate::driver::{Waited, Want};
use crate::engine::{Engine, State};
use crate::wait::Patience;
use crate::{Error, Notice, Options, Request, Status, Wait};
pub(crate) use shared::Threads;
use waiters::Waiters;
pub(crate) use work::Work;

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
        let threads = Arc::new(Threads::new(engine));
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
        let attempt = |state: &mut State<Waiters>| match Threads::come(state) {
            true => Some(Awaited::Request),
            false => state.connector.has_ended().then_some(Awaited::Ended),
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
        let attempt = |state: &mut State<Waiters>| match threads.take_ready(state, true) {
            Some(request) => Some(Take::Request(request)),
            None => state.connector.has_ended().then_some(Take::Ended),
        };
        match threads.wait_for(Want::Request, &patience, attempt) {
            Ok(take) => take,
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
        let attempt = |state: &mut State<Waiters>| match state.connector.notices.pop() {
            Some(notice) => Some(Some(notice)),
            None => state.connector.has_ended().then_some(None),
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
