//! A tunnel: what a client and an app say to each other after a 101, until one of them ends it or both have been silent
//! for too long.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use swiftiply_wire::StreamId;
use swiftiply_wire::limits::DATA_MAX;

use super::connection::AHEAD_BYTES_MAX;
use super::side::ClientSide;
use crate::exchange::Exchange;
use crate::link::Link;
use crate::shard::SiteHere;

/// The client's end of a tunnel.
pub(super) struct Tunnel {
    /// `tunnel_timeout` of its site.
    silence_max: Option<Duration>,
    /// From the app, when it was last looked at: bytes that have come, and what has not left for the client.
    from_app: (u64, usize),
    has_client_ended: bool,
}

impl Tunnel {
    pub(super) fn begin(side: &impl ClientSide, site: Option<&SiteHere>) -> Self {
        side.keep_watch();
        // What the request's time was set to is over with its reply.
        side.expect_nothing();
        let silence_max = site.and_then(|site| site.settings().tunnel_timeout);
        let tunnel = Self { silence_max, from_app: (0, 0), has_client_ended: false };
        tunnel.has_moved(side);
        tunnel
    }

    /// Passes on whatever the client sends, and its end. True if anything moved; then try again. When not, the task will
    /// be woken.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        side: &mut impl ClientSide,
        link: &Link,
        stream: StreamId,
        exchange: &Exchange,
    ) -> io::Result<bool> {
        if self.has_client_ended {
            return Ok(false);
        }
        if side.incoming().is_empty() {
            let Poll::Ready(n) = side.poll_fill(cx, AHEAD_BYTES_MAX) else { return Ok(false) };
            self.has_client_ended = n? == 0;
            if self.has_client_ended {
                link.data(stream, &[], true);
            }
        } else {
            if !exchange.wants_body() || link.poll_room(cx).is_pending() {
                return Ok(false);
            }
            let data = side.incoming();
            let granted = exchange.spend_credit(data.len().min(DATA_MAX));
            link.data(stream, &data[..granted], false);
            side.consume(granted);
        }
        self.has_moved(side);
        Ok(true)
    }

    /// Asked when nothing moves: whether nothing has for as long as the site allows.
    pub(super) fn is_silent(&mut self, side: &impl ClientSide, exchange: &Exchange) -> bool {
        let unsent = exchange.untaken() as usize + side.unsent();
        let from_app = (exchange.summary().body_bytes, unsent);
        if std::mem::replace(&mut self.from_app, from_app) != from_app {
            self.has_moved(side);
        }
        self.silence_max.is_some() && side.is_late()
    }

    /// The time begins again: a store to memory.
    fn has_moved(&self, side: &impl ClientSide) {
        if let Some(time) = self.silence_max {
            side.expect_within(time);
        }
    }
}
