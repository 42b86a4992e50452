//! One delivery of a request to a backend: body one way, reply the other, until either is over.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{CancelCode, ResetCode, StreamId};

use super::request::Request;
use super::side::{ClientSide, Ended};
use super::tunnel::Tunnel;
use crate::exchange::{Exchange, Failure, Handover};
use crate::link::Link;
use crate::shard::PoolHere;
use crate::site::Slot;

/// Reply body that the client has taken before the backend is granted as much again: a quarter of the window keeps it
/// sending, and a small reply needs no grant at all.
const CREDIT_STEP: u32 = WINDOW_DEFAULT / 4;

/// How long a client that has closed its sending side may be waiting for its reply. Simple clients do that and wait; one
/// that has left for good looks the same until something is written to it.
const LEAVING_GRACE: Duration = Duration::from_millis(500);

/// How long nobody looks whether a client that has sent all of its request is still there: longer than most replies take,
/// to which looking would add a quarter of what they cost in this program.
const UNWATCHED_TIME: Duration = Duration::from_millis(100);

/// How a delivery ended.
#[derive(Debug)]
pub(super) enum Relayed {
    /// The client has the whole reply.
    Whole {
        /// The connection stays.
        keep: bool,
    },
    /// The app has named the file that is the reply.
    HandedOver(Box<Handover>),
    /// The client left.
    ClientGone,
    /// It was a tunnel in which nobody said anything for longer than the site allows.
    Silent,
    /// The client's body broke off, or broke a rule; it has seen nothing of a reply.
    BadBody(Ended),
    /// The reply broke off after its beginning.
    Cut,
    /// The backend had no slot after all.
    Refused(Slot),
    /// The backend's link was gone before the request left.
    NoLink,
    /// No reply came.
    Failed(Failure),
}

/// Delivers a request to the backend whose slot it has.
#[expect(clippy::manual_async_fn, reason = "arguments of an async fn have room in each client's task twice")]
pub(super) fn deliver<'a, S: ClientSide>(
    side: &'a mut S,
    request: &'a mut Request,
    pool: &'a PoolHere,
    slot: Slot,
) -> impl Future<Output = Relayed> + use<'a, S> {
    async move {
        let Some(link) = pool.link(slot.backend()) else { return Relayed::NoLink };
        let exchange = request.exchange(link.hello.window);
        let Ok(stream) = link.open(slot, &exchange, request.flags, &request.head) else {
            return Relayed::NoLink;
        };
        request.deliveries += 1;
        let mut delivery = Delivery::begin(&link, stream, &exchange, side, request);
        let end = poll_fn(|cx| delivery.poll(cx, side, request)).await;
        side.expect_nothing();
        request.note_delivery(&link, &exchange);
        delivery.settle(end)
    }
}

struct Delivery<'a> {
    link: &'a Rc<Link>,
    stream: StreamId,
    exchange: &'a Rc<Exchange>,
    /// Bytes of reply body that the client has taken and the backend was not credited with.
    unpaid: u32,
    /// Bytes of reply body that the client's side has taken and not written yet.
    writing: u32,
    /// Whether its socket is looked at; see [`UNWATCHED_TIME`].
    is_watched: bool,
    /// The client has closed its side.
    has_left: bool,
}

/// How the two flows ended.
enum End {
    /// All that the backend had to say has reached the client.
    Over,
    ClientGone,
    BadBody(Ended),
    /// See [`Tunnel::is_silent`].
    Silent,
    /// See [`Exchange::is_unwanted`].
    Unwanted,
}

impl<'a> Delivery<'a> {
    fn begin<S: ClientSide>(
        link: &'a Rc<Link>,
        stream: StreamId,
        exchange: &'a Rc<Exchange>,
        side: &S,
        request: &Request,
    ) -> Self {
        // A body that is still to come has a deadline of its own.
        let is_watched = !S::IS_LOOKING_DEAR || !request.upload.is_read();
        if !is_watched {
            side.expect_within(UNWATCHED_TIME);
        }
        Self { link, stream, exchange, unpaid: 0, writing: 0, is_watched, has_left: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>, side: &mut impl ClientSide, request: &mut Request) -> Poll<End> {
        self.exchange.wake_with(cx);
        loop {
            match side.poll_write_out(cx) {
                Poll::Ready(Ok(())) => {
                    self.pay();
                    if self.exchange.has_out() {
                        self.writing = side.take_reply(self.exchange);
                        continue;
                    }
                    if self.exchange.is_over() {
                        return Poll::Ready(End::Over);
                    }
                    if self.exchange.is_unwanted() {
                        return Poll::Ready(End::Unwanted);
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(End::ClientGone),
                // Its stream's number may belong to another request by now: nothing more is said on it.
                Poll::Pending if self.exchange.is_over() => return Poll::Pending,
                Poll::Pending => {}
            }
            match self.poll_client(cx, side, request) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// What comes from the client: its body; after that only its leaving matters, or what it says through a tunnel.
    fn poll_client(
        &mut self,
        cx: &mut Context<'_>,
        side: &mut impl ClientSide,
        request: &mut Request,
    ) -> Result<bool, End> {
        if self.exchange.is_tunnel() {
            return self.poll_tunnel(cx, side, request);
        }
        if request.upload.poll(cx, side, self.link, self.stream, self.exchange).map_err(End::BadBody)? {
            return Ok(true);
        }
        if self.has_left {
            self.tell_leaving(side);
            return Ok(false);
        }
        if !self.is_watched && !side.is_late() {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.is_watched, true) {
            side.expect_nothing();
        }
        match side.poll_left(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(_)) => Err(End::ClientGone),
            // What it sent before it closed may still be the rest of the body; the upload will see.
            Poll::Ready(Ok(())) if !request.upload.is_read() && !side.incoming().is_empty() => Ok(false),
            Poll::Ready(Ok(())) if !request.upload.is_read() => Err(End::BadBody(Ended::Quietly)),
            Poll::Ready(Ok(())) => {
                self.has_left = true;
                side.expect_within(LEAVING_GRACE);
                Ok(false)
            }
        }
    }

    fn poll_tunnel(
        &self,
        cx: &mut Context<'_>,
        side: &mut impl ClientSide,
        request: &mut Request,
    ) -> Result<bool, End> {
        let site = request.site.as_deref();
        let tunnel = request.tunnel.get_or_insert_with(|| Box::new(Tunnel::begin(side, site)));
        match tunnel.poll(cx, side, self.link, self.stream, self.exchange) {
            Ok(true) => Ok(true),
            Ok(false) if !tunnel.is_silent(side, self.exchange) => Ok(false),
            Ok(false) if side.unsent() == 0 => Err(End::Silent),
            // What it was still to get is lost: that is no orderly end.
            _ => Err(End::ClientGone),
        }
    }

    /// Tells the app, once, that the client has left. A reply that still comes is delivered, if it can be.
    fn tell_leaving(&self, side: &impl ClientSide) {
        if side.is_late() {
            side.expect_nothing();
            self.link.cancel(self.stream, CancelCode::ClientLeft);
        }
    }

    /// The client has taken what was written; the backend may send as much again.
    fn pay(&mut self) {
        self.unpaid += std::mem::take(&mut self.writing);
        if self.unpaid >= CREDIT_STEP && !self.exchange.is_over() {
            let credit = std::mem::take(&mut self.unpaid);
            self.exchange.paid(credit);
            self.link.credit(self.stream, credit);
        }
    }

    fn settle(self, end: End) -> Relayed {
        if !self.exchange.is_over() {
            let code = match end {
                End::BadBody(_) => CancelCode::RequestCut,
                _ => CancelCode::ClientLeft,
            };
            self.link.cancel(self.stream, code);
            self.link.forget(self.stream);
        }
        match end {
            End::ClientGone => Relayed::ClientGone,
            End::Silent => Relayed::Silent,
            End::Unwanted => Relayed::Failed(Failure::NotSwitched),
            End::BadBody(_) if self.exchange.has_begun() => Relayed::Cut,
            End::BadBody(ended) => Relayed::BadBody(ended),
            End::Over => match self.exchange.take_failure() {
                None if let Some(handover) = self.exchange.take_handover() => Relayed::HandedOver(handover),
                None => Relayed::Whole { keep: self.exchange.keeps_connection() },
                Some(_) if self.exchange.has_begun() => Relayed::Cut,
                // The backend only did what it was told when the client left.
                Some(Failure::Reset(ResetCode::Cancelled, _)) if self.has_left => Relayed::ClientGone,
                Some(Failure::Refused(slot)) => Relayed::Refused(slot),
                Some(failure) => Relayed::Failed(failure),
            },
        }
    }
}
