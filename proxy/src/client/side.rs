//! The client's side of one exchange.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::own::Own;
use super::request::{Client, Request};
use crate::access;
use crate::exchange::Exchange;
use crate::http::{ErrorPage, Limits, Refusal, Trailers};
use crate::shard::{Alarm, Millis, Shard};
use crate::site::Waiter;

/// Who sent a request and gets its reply: an HTTP/1.1 connection, or a stream of an HTTP/2 connection. The steps of a
/// request (see [`super::answer`]) are written once, against this.
pub(super) trait ClientSide {
    /// Whether looking if the client is still there costs so much that it is left until a reply takes its time.
    const IS_LOOKING_DEAR: bool;

    /// The thread that it lives on.
    fn shard(&self) -> &Shard;

    /// Who it is.
    fn client(&self) -> &Client;

    /// Its deadline.
    fn alarm(&self) -> &Alarm;

    /// Its place to be told of a slot.
    fn waiter(&mut self) -> &Arc<Waiter>;

    /// Of its request's body: read, and not used yet.
    fn incoming(&self) -> &[u8];

    /// The first `used` bytes of these are used: the client may send more.
    fn consume(&mut self, used: usize);

    /// Reads what has come, unless `max` bytes are there already: then it never becomes ready. Gives how many; nought
    /// means that the client has closed its side.
    fn poll_fill(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<io::Result<usize>>;

    /// The trailers of a body that has ended with its stream.
    fn take_trailers(&mut self, _limits: &Limits) -> Result<Trailers, Refusal> {
        Ok(Trailers::default())
    }

    /// Ready when the client has closed its side (`Ok`) or is gone altogether (`Err`). What it sends ahead is kept.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Takes what the exchange has ready for the client, to be written. Gives how many bytes of it are body. Nothing that
    /// was taken before may be waiting.
    fn take_reply(&mut self, exchange: &Exchange) -> u32;

    /// Takes an answer of our own, to be written.
    fn take_page(&mut self, page: &ErrorPage<'_>);

    /// Writes what was taken as far as the client takes it; ready when all of it has left. A client that takes nothing
    /// for too long counts as gone.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Bytes that were taken and have not left yet.
    fn unsent(&self) -> usize;

    /// From now on the client may be silent for hours: has it noticed if it vanishes without a word.
    fn keep_watch(&self);

    /// Sends an answer of our own.
    async fn say(&mut self, page: &ErrorPage<'_>) -> io::Result<()> {
        self.take_page(page);
        poll_fn(|cx| self.poll_write_out(cx)).await
    }

    /// Sets the time by which something has to have happened.
    fn expect_within(&self, time: Duration) {
        self.alarm().set(self.shard().now() + as_millis(time));
    }

    /// Nothing has to happen.
    fn expect_nothing(&self) {
        self.alarm().stop();
    }

    /// Whether that time has passed.
    fn is_late(&self) -> bool {
        self.alarm().is_due(self.shard().now())
    }

    /// Writes the request's line in the access log.
    fn note(&self, request: &Request) {
        let Some(began) = request.began else { return };
        self.shard().access.note(&access::Entry {
            peer: &self.client().address,
            head: &request.head,
            site: request.destination(),
            outcome: &request.outcome,
            took: began.elapsed(),
        });
    }

    /// Writes the line of a request that could not be read.
    fn note_refusal(&self, refusal: &Own) {
        tracing::debug!("client {}: {}: {}", self.client().address, refusal.status, refusal.explanation);
        self.shard().access.note(&access::Entry {
            peer: &self.client().address,
            head: &[],
            site: None,
            outcome: &access::Outcome { status: refusal.status, ..access::Outcome::default() },
            took: Duration::ZERO,
        });
    }
}

/// Why nothing more comes from this client.
#[derive(Debug)]
pub(super) enum Ended {
    /// It left, or was idle for too long: there is nobody to talk to.
    Quietly,
    /// It must be told why, and the connection is of no use after that.
    Refused(Own),
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Own::new(refusal.status(), refusal.explain()))
    }
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Quietly
    }
}

/// As the shard counts time.
pub(super) fn as_millis(time: Duration) -> Millis {
    time.as_millis() as Millis
}
