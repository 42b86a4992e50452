//! The driver for languages whose threads run the app.

use std::sync::Arc;

use crate::connector::Connector;
use crate::driver::{Forked, Waited, Want};
use crate::wait::Patience;
use crate::{Error, Notice, Options, Request, Status, Wait};

/// A connector for threads: each takes a request, runs the app, replies, and takes the next. Clones are the same
/// connector. When the last one is dropped, it is stopped.
#[derive(Clone)]
pub struct ThreadConnector {
    threads: Arc<Threads>,
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
    /// All is over, after [`drain`](ThreadConnector::drain) or [`stop`](ThreadConnector::stop): every link is closed, and
    /// the process may exit.
    Ended,
    /// The connector cannot be used here: [`Error::Forked`].
    Failed(Error),
}

impl ThreadConnector {
    /// Starts to serve. Returns at once: proxies are dialled in the background, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::BadOption`], or [`Error::System`] when this process may not have what it needs.
    pub fn start(options: Options) -> Result<Self, Error> {
        todo!("{options:?}")
    }

    /// Takes a request if one is there, without waiting: at most it looks once at the links. Call it first, while holding
    /// the language's own lock; call [`take`](Self::take) without that lock when it gives [`Take::Nothing`].
    pub fn try_take(&self) -> Take {
        todo!()
    }

    /// Takes a request, and waits for one.
    pub fn take(&self, wait: &Wait) -> Take {
        todo!("{wait:?}")
    }

    /// Asks for the end: the proxies send nothing new, what has begun is finished, and then every link is closed.
    /// [`Take::Ended`] and a notice of [`NoticeKind::Drained`](crate::NoticeKind::Drained) tell when. Returns at once.
    pub fn drain(&self) {
        todo!()
    }

    /// Ends at once: requests that no thread has taken are given back, others are reset, every link is closed, and every
    /// wait ends.
    pub fn stop(&self) {
        todo!()
    }

    /// Changes how many requests can run at once, 1 to 16384.
    pub fn set_slots(&self, slots: u16) {
        todo!("{slots}")
    }

    /// The next line for the log; waits for one. `None` when the time passed, the interrupt was raised, or all is over
    /// ([`Status::has_ended`]) and every line was taken.
    pub fn next_notice(&self, wait: &Wait) -> Option<Notice> {
        todo!("{wait:?}")
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        todo!("{}", Arc::strong_count(&self.threads))
    }
}

pub(crate) struct Threads;

impl Threads {
    pub(crate) fn run<T>(&self, _work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        todo!()
    }

    pub(crate) fn wait(&self, _want: Want, _patience: &Patience<'_>) -> Waited {
        todo!()
    }
}
