//! A client's connection that speaks HTTP/2: many requests at once, each with the same steps as one of HTTP/1.1.
//!
//! - [`serve`] (here): the connection's task. It alone drives the socket: frames come and go in it, and each new stream
//!   gets a task of its own.
//! - `stream`: one request on its stream, as a [`ClientSide`](super::side::ClientSide).
//! - `shared`: what the streams of one connection share, and what they are allowed to cost it.
//! - `wire`: the socket, watched.
//! - `key`: what a WebSocket handshake needs and HTTP/2 has not.
//!
//! Frames, HPACK, stream states and windows are the h2 crate's work. It also bounds, as it is told below: streams at
//! once, a head's size as it is decoded, CONTINUATION frames behind one HEADERS frame (CVE-2024-27316), tiny DATA frames,
//! and the errors that make a server reset streams (CVE-2025-8671). Ours are the resets that come from the client
//! (CVE-2023-44487), floods of frames that carry nothing, and time.

mod key;
mod shared;
mod stream;
mod wire;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong, Reason};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::side::as_millis;
use crate::config::Config;
use crate::shard::{Alarm, Connected, Millis};
pub(super) use shared::Opening;
use shared::Shared;
use wire::Wire;

/// Bytes of reply that one stream may have in h2's hands: two frames are on their way while the next are made. What the
/// app has sent beyond waits in the exchange, as in HTTP/1.1.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

/// How long a client may take to answer a PING, or to close a connection that it was told is over, before it is cut: a
/// long round trip, several times.
const ANSWER_MS: Millis = 10_000;

/// Times the largest head that h2 decodes is larger than the largest that is accepted: what is only somewhat too large
/// is decoded, so that it is answered with a page and noted in the log like one of HTTP/1.1.
const HEAD_FACTOR: u32 = 2;

/// Serves a client that has chosen HTTP/2, until it or we close the connection.
pub(super) async fn serve(opening: Opening) {
    let (shared, wire, alarm, connected) = Shared::begin(opening);
    alarm.set(shared.shard.now());
    let directory = shared.shard.directory();
    let builder = settings(directory.config());
    let patience = directory.config().limits.head_timeout;
    drop(directory);
    let Ok(Ok(mut connection)) = timeout(patience, builder.handshake::<Wire, Bytes>(wire)).await else {
        return;
    };
    let pings = connection.ping_pong();
    let mut task = Task { connection, shared, alarm, pings, phase: Phase::Open, _connected: connected };
    poll_fn(|cx| task.poll(cx)).await;
}

fn settings(config: &Config) -> Builder {
    let http2 = &config.http2;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(http2.streams)
        .initial_window_size(http2.window)
        // So large that a stream which nobody reads yet never holds up another one.
        .initial_connection_window_size(http2.window.saturating_mul(http2.streams).min(i32::MAX as u32))
        .max_header_list_size(config.limits.head as u32 * HEAD_FACTOR)
        .max_local_error_reset_streams(Some(http2.resets as usize))
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .enable_connect_protocol();
    builder
}

struct Task {
    connection: Connection<Wire, Bytes>,
    shared: Rc<Shared>,
    alarm: Alarm,
    pings: Option<PingPong>,
    phase: Phase,
    _connected: Connected,
}

/// How far the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// New streams are welcome.
    Open,
    /// The client was asked for a sign of life when so many bytes had come from it.
    Pinged { at: Millis, bytes_read: u64 },
    /// The client was told to open no more streams.
    Leaving,
}

impl Task {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.wake_with(cx);
        self.alarm.wake(cx);
        if self.shared.shard.is_draining() {
            self.leave();
        }
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    spawn_local(stream::serve(self.shared.open(), request, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!("client {}: HTTP/2: {error}", self.shared.client.address);
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => match self.shared.take_abuse() {
                    Some(abuse) => {
                        let client = &self.shared.client.address;
                        tracing::info!("client {client}: its HTTP/2 connection is closed: {abuse}");
                        // The client is told why, so there is something to send.
                        self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    }
                    None => break,
                },
            }
        }
        self.look_at_clock(cx)
    }

    /// No more streams; those that are open are served.
    fn leave(&mut self) {
        if self.phase != Phase::Leaving {
            self.phase = Phase::Leaving;
            self.connection.graceful_shutdown();
        }
    }

    /// Ready if the client is to be cut.
    fn look_at_clock(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.shared.shard.now();
        if !self.alarm.is_due(now) {
            return Poll::Pending;
        }
        let idle_ms = as_millis(self.shared.shard.directory().config().limits.idle_timeout);
        self.alarm.set(now + look_ms(idle_ms));
        let (has_streams, pulse) = (self.shared.has_streams(), &self.shared.pulse);
        if pulse.is_blocked_for(idle_ms, now) {
            pulse.cut();
            return Poll::Ready(());
        }
        match self.phase {
            Phase::Open if has_streams && pulse.is_silent_for(idle_ms, now) => self.ping(now, cx),
            // Where others wait to come in, an idle client goes sooner.
            Phase::Open if self.shared.is_idle_for(idle_ms, now + self.shared.shard.haste()) => self.leave(),
            Phase::Pinged { bytes_read, .. } if pulse.bytes_read() > bytes_read => self.phase = Phase::Open,
            Phase::Pinged { at, .. } if now >= at + ANSWER_MS => return Poll::Ready(()),
            Phase::Leaving if self.shared.is_idle_for(ANSWER_MS, now) => {
                return Poll::Ready(());
            }
            _ => {}
        }
        // What was just told h2 has still to be sent.
        self.shared.wake();
        Poll::Pending
    }

    /// A client that has vanished without a word would hold its slots until something is written to it.
    fn ping(&mut self, now: Millis, cx: &mut Context<'_>) {
        self.phase = Phase::Pinged { at: now, bytes_read: self.shared.pulse.bytes_read() };
        if let Some(pings) = &mut self.pings {
            // The answer to the last one is taken only now: that something came was enough to know. If none came, that one
            // is still under way, and as good as another.
            let _ = pings.poll_pong(cx);
            let _ = pings.send_ping(Ping::opaque());
        }
    }
}

/// How long until the clock is looked at again: often enough that a deadline is not missed by much.
fn look_ms(idle_ms: Millis) -> Millis {
    (idle_ms / 4).clamp(1, ANSWER_MS / 4)
}
