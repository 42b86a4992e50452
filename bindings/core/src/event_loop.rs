//! The driver for event loops.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::connector::Connector;
use crate::driver::Forked;
use crate::{Error, Notice, Options, Request, Status, StreamKey};

/// A connector for an event loop. Clones are the same connector. When the last one is dropped, it is stopped.
///
/// Watch [`descriptor`](Self::descriptor) for readability; when it is readable call [`turn`](Self::turn), act on the
/// events, and call [`flush`](Self::flush) at the end of the loop's own turn. Nothing here ever waits.
#[derive(Clone)]
pub struct LoopConnector {
    event_loop: Arc<Loop>,
}

/// What happened. A key whose request is dropped gets no more events.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request. The app has started it, as far as anybody can tell.
    Request(Request),
    /// A read would give something: body, its end or its failure. Comes once for the first, and then once after each
    /// [`Read::Nothing`](crate::Read::Nothing).
    Readable(StreamKey),
    /// A write would take something, or fail. Comes once after each [`Reply::try_write`](crate::Reply::try_write) that took
    /// less than all.
    Writable(StreamKey),
    /// Nobody waits for the reply any more. Comes at most once, and not after the end of the reply.
    Disconnected(StreamKey),
    /// A line for the log.
    Notice(Notice),
    /// All is over, after [`drain`](LoopConnector::drain) or [`stop`](LoopConnector::stop): every link is closed, and the
    /// process may exit. The last event.
    Ended,
}

impl LoopConnector {
    /// Starts to serve. Returns at once: proxies are dialled in the background, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::BadOption`], or [`Error::System`] when this process may not have what it needs.
    pub fn start(options: Options) -> Result<Self, Error> {
        todo!("{options:?}")
    }

    /// The one descriptor to watch: readable when [`turn`](Self::turn) has something to do, be it bytes, a dial's result or
    /// the time. It is the connector's own; do not close it, and do nothing with it but watch. It stays the same.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        todo!()
    }

    /// Does all there is to do, without waiting, and appends what happened to `events`. Ends with a
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn turn(&self, events: &mut Vec<Event>) -> Result<(), Error> {
        todo!("{}", events.len())
    }

    /// Sends what was written since the last time, in one write per link.
    pub fn flush(&self) {
        todo!()
    }

    /// As [`ThreadConnector::drain`](crate::ThreadConnector::drain); [`Event::Ended`] tells when it is done.
    pub fn drain(&self) {
        todo!()
    }

    /// As [`ThreadConnector::stop`](crate::ThreadConnector::stop). The next turn gives [`Event::Ended`].
    pub fn stop(&self) {
        todo!()
    }

    /// Changes how many requests can run at once, 1 to 16384.
    pub fn set_slots(&self, slots: u16) {
        todo!("{slots}")
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        todo!("{}", Arc::strong_count(&self.event_loop))
    }
}

pub(crate) struct Loop;

impl Loop {
    pub(crate) fn run<T>(&self, _work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        todo!()
    }
}
