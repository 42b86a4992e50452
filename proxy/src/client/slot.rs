//! Waiting for a slot.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use super::request::Request;
use super::side::ClientSide;
use crate::site::{Slot, Waiting};

/// Why a request has no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// The client left while it waited.
    ClientGone,
    /// No room in the queue.
    QueueFull,
    /// It waited for as long as the site allows.
    TooLate,
    /// The site was removed by a reload.
    SiteClosed,
}

/// Gives the slot once there is one. A client that leaves is out of the queue at once.
#[expect(clippy::manual_async_fn, reason = "arguments of an async fn have room in each client's task twice")]
pub(super) fn wait<'a, S: ClientSide>(
    side: &'a mut S,
    request: &'a mut Request,
    mut waiting: Waiting,
) -> impl Future<Output = Result<Slot, NoSlot>> + use<'a, S> {
    async move {
        let from = Instant::now();
        let time = request.site.as_ref().map(|site| site.settings().timeout).unwrap_or_default();
        // What it has waited before, ahead of a backend that died, counts.
        let left = time.saturating_sub(request.outcome.waited);
        side.expect_within(left);
        let slot = poll_fn(|cx| {
            if let Poll::Ready(slot) = waiting.poll(cx) {
                return Poll::Ready(slot.ok_or(NoSlot::SiteClosed));
            }
            if side.poll_left(cx).is_ready() {
                return Poll::Ready(Err(NoSlot::ClientGone));
            }
            // The alarm counts from the last tick, so it may ring a tick early, and then rings again.
            if side.is_late() && from.elapsed() >= left {
                return Poll::Ready(Err(NoSlot::TooLate));
            }
            Poll::Pending
        })
        .await;
        side.expect_nothing();
        request.outcome.waited += from.elapsed();
        slot
    }
}
