//! A reply, as the app gives it.

use std::fmt;
use std::sync::Arc;

use crate::connector::Connector;
use crate::driver::{Waited, Want};
use crate::handle::Handle;
use crate::wait::Patience;
use crate::{ReplyError, ReplyHead, Trailers, Wait};

/// The reply to one [`Request`](crate::Request). Clones are the same reply; it can be used from any thread.
///
/// The order is [`inform`](Reply::inform) as often as wanted, then either [`send`](Reply::send), or
/// [`start`](Reply::start), any number of [`write`](Reply::write), and [`finish`](Reply::finish). Replies that cannot
/// have a body (to HEAD; with status 204, 205 or 304) take and drop what is written to them.
///
/// With a [`ThreadConnector`](crate::ThreadConnector) all of it leaves at once; only the end of a reply may wait for
/// those of the next ones, for a fraction of a millisecond, while requests are ready and the app is fast. With a
/// [`LoopConnector`](crate::LoopConnector) it leaves when [`flush`](crate::LoopConnector::flush) is called.
#[derive(Clone)]
pub struct Reply {
    pub(crate) handle: Arc<Handle>,
}

impl Reply {
    /// Sends an informational reply, such as 103 with Link headers. Clients of HTTP/1.0 do not get it.
    ///
    /// # Errors
    /// [`ReplyError::BadStatus`] unless `status` is 100 or 102 to 199, [`ReplyError::BadHeader`] as in
    /// [`ReplyHead::push`], [`ReplyError::AlreadyStarted`], or one that [is a disconnect](ReplyError::is_disconnect).
    pub fn inform(&self, status: u16, headers: &[(&[u8], &[u8])]) -> Result<(), ReplyError> {
        self.run(|connector, place| connector.inform(place, status, headers))
    }

    /// Gives status and headers. They leave with the first write, flush or finish; until then [`Reply::restart`] can
    /// replace them.
    ///
    /// # Errors
    /// [`ReplyError::AlreadyStarted`]; [`ReplyError::BadStatus`] for a 101 to a client that offered no upgrade; or
    /// one that [is a disconnect](ReplyError::is_disconnect).
    pub fn start(&self, head: &ReplyHead) -> Result<(), ReplyError> {
        self.run(|connector, place| connector.start_reply(place, head))
    }

    /// Takes back what [`Reply::start`] gave, if none of it has left, and gives this instead.
    ///
    /// # Errors
    /// [`ReplyError::AlreadyStarted`] when the head has left; else as [`Reply::start`].
    pub fn restart(&self, head: &ReplyHead) -> Result<(), ReplyError> {
        self.run(|connector, place| connector.restart_reply(place, head))
    }

    /// Gives a whole reply in one call and, if it fits into the window of 256 KiB, in one write. Never waits.
    ///
    /// Returns how many bytes of `body` were taken. If these are all, the reply has ended. If not, go on with
    /// [`Reply::write`] for the rest, and [`Reply::finish`].
    ///
    /// # Errors
    /// As [`Reply::start`]; [`ReplyError::TooLong`] and [`ReplyError::TooShort`] as [`Reply::write`] and
    /// [`Reply::finish`].
    pub fn send(&self, head: &ReplyHead, body: &[u8]) -> Result<usize, ReplyError> {
        self.give(|connector, place| connector.send_reply(place, head, body))
    }

    /// Writes a piece of the body. Waits while the window is full, that is, while client and proxy take nothing. An
    /// empty piece makes the head leave. Every piece leaves at once, but for the one that completes a known length: where
    /// many short requests are served, it may leave together with the next reply, a millisecond later at most.
    ///
    /// # Errors
    /// [`ReplyError::NotStarted`], [`ReplyError::AlreadyEnded`]; [`ReplyError::TooLong`] when the body grows beyond
    /// its Content-Length: what was allowed has left then, and [`Reply::finish`] ends the reply properly;
    /// [`ReplyError::Interrupted`] and [`ReplyError::TimedOut`] from the wait, after which the rest can still be
    /// written; or one that [is a disconnect](ReplyError::is_disconnect).
    pub fn write(&self, data: &[u8], wait: &Wait) -> Result<(), ReplyError> {
        let patience = Patience::begin(wait);
        let mut written = 0;
        loop {
            written += self.try_write(&data[written..])?;
            if written == data.len() {
                return Ok(());
            }
            match self.handle.driver.wait(Want::Writable(self.handle.place), &patience) {
                Waited::Ready => {}
                Waited::TimedOut if self.handle.driver.can_wait() => {
                    return Err(ReplyError::TimedOut { written });
                }
                Waited::TimedOut => return Err(ReplyError::WouldBlock { written }),
                Waited::Interrupted => return Err(ReplyError::Interrupted { written }),
                Waited::Forked => return Err(ReplyError::Forked),
            }
        }
    }

    /// Writes as much of a piece as the window takes, and says how much that was. In an event loop, each call that
    /// took less than all is followed by one [`Event::Writable`](crate::Event::Writable).
    ///
    /// # Errors
    /// As [`Reply::write`], but for those of the wait.
    pub fn try_write(&self, data: &[u8]) -> Result<usize, ReplyError> {
        self.give(|connector, place| connector.write(place, data))
    }

    /// Makes the head leave if it has not.
    ///
    /// # Errors
    /// As [`Reply::write`].
    pub fn flush(&self) -> Result<(), ReplyError> {
        self.try_write(&[]).map(drop)
    }

    /// Ends the reply. Trailers travel only behind a body of unknown length (RFC 9112 section 7.1.2), else they are
    /// dropped.
    ///
    /// # Errors
    /// [`ReplyError::TooShort`] when the body has not reached its Content-Length: the reply is aborted then;
    /// [`ReplyError::NotStarted`], [`ReplyError::AlreadyEnded`]; or one that
    /// [is a disconnect](ReplyError::is_disconnect).
    pub fn finish(&self, trailers: Option<&Trailers>) -> Result<(), ReplyError> {
        self.give(|connector, place| connector.finish_reply(place, trailers))
    }

    /// Ends the exchange without a whole reply. If it has begun, the client sees it cut; if not, it gets a 502.
    /// `reason` is for the proxy's log; at most 255 bytes of it travel. After the end of the reply it does nothing.
    pub fn abort(&self, reason: &str) {
        let _ = self.run(|connector, place| {
            connector.abort_reply(place, reason);
            Ok(())
        });
    }

    /// From now on the end of the reply does not free the slot, because the app has more to do:
    /// [`Reply::release_slot`] does, or dropping the last handle. After the end of the reply it does nothing.
    pub fn hold_slot(&self) {
        let _ = self.run(|connector, place| {
            connector.hold_slot(place);
            Ok(())
        });
    }

    /// Takes [`Reply::hold_slot`] back: the slot is free, now or with the end of the reply.
    pub fn release_slot(&self) {
        let _ = self.run(|connector, place| {
            connector.release_slot(place);
            Ok(())
        });
    }

    /// Whether the head has left, so that neither status nor headers can change any more.
    pub fn has_begun(&self) -> bool {
        self.run(|connector, place| Ok(connector.reply_has_begun(place))).unwrap_or(true)
    }

    /// Whether the reply has ended, whole or not.
    pub fn has_ended(&self) -> bool {
        self.run(|connector, place| Ok(connector.reply_has_ended(place))).unwrap_or(true)
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&mut Connector, usize) -> Result<T, ReplyError>,
    ) -> Result<T, ReplyError> {
        let place = self.handle.place;
        self.handle.driver.run(|connector| work(connector, place)).unwrap_or(Err(ReplyError::Forked))
    }

    /// The same for what may give the client the last that it gets.
    fn give<T>(
        &self,
        work: impl FnOnce(&mut Connector, usize) -> Result<T, ReplyError>,
    ) -> Result<T, ReplyError> {
        let Handle { driver, place, begun, .. } = &*self.handle;
        driver.reply(*place, *begun, |connector| work(connector, *place)).unwrap_or(Err(ReplyError::Forked))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.handle.key.0)
    }
}
