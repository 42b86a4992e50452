//! What an exchange asks of the driver that moves its bytes: threads that wait, or an event loop that never does.

use std::sync::Arc;

use crate::connector::Connector;
use crate::event_loop::Loop;
use crate::handle::Begun;
use crate::pump::Bell;
use crate::threads::Threads;
use crate::wait::Patience;
use crate::{Error, ReplyError};

/// This is not the process that the connector was started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forked;

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// A request, or the end of them all.
    Request,
    /// The exchange at this place has body, its end, or its failure.
    Readable(usize),
    /// The exchange at this place can write, or never will.
    Writable(usize),
    /// A notice, or the end of them all.
    Notice,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    Ready,
    TimedOut,
    Interrupted,
    Forked,
}

/// One of the two.
#[derive(Clone)]
pub(crate) enum Driver {
    Threads(Arc<Threads>),
    Loop(Arc<Loop>),
}

impl Driver {
    /// Runs `work` on the connector; then wakes whom it concerns, and sends what was written.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        match self {
            Self::Threads(threads) => threads.run(work),
            Self::Loop(event_loop) => event_loop.run(work),
        }
    }

    /// The same for what may give the client the last that it gets of an exchange, which the app began then.
    pub(crate) fn reply<T>(
        &self,
        place: usize,
        begun: Begun,
        work: impl FnOnce(&mut Connector) -> Result<T, ReplyError>,
    ) -> Result<Result<T, ReplyError>, Forked> {
        match self {
            Self::Threads(threads) => threads.reply(place, begun, work),
            Self::Loop(event_loop) => event_loop.run(work),
        }
    }

    /// The app holds nothing of an exchange any more.
    pub(crate) fn forget(&self, place: usize) -> Result<(), Forked> {
        match self {
            Self::Threads(threads) => threads.forget(place),
            Self::Loop(event_loop) => event_loop.run(|connector| connector.forget(place)),
        }
    }

    /// Waits for it. An event loop never waits: its time is over at once.
    pub(crate) fn wait(&self, want: Want, patience: &Patience<'_>) -> Waited {
        match self {
            Self::Threads(threads) => threads.wait(want, patience),
            Self::Loop(_) => Waited::TimedOut,
        }
    }

    /// The thread that moves bytes for connections that the app was handed. An event loop moves its own.
    pub(crate) fn pump(&self) -> Result<Arc<Bell>, Error> {
        match self {
            Self::Threads(threads) => threads.pump(),
            Self::Loop(_) => Err(Error::BadOption("an event loop reads and writes by itself".into())),
        }
    }

    pub(crate) fn can_wait(&self) -> bool {
        matches!(self, Self::Threads(_))
    }
}
