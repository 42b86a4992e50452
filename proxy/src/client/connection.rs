//! The client's socket with its buffers and deadlines.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use swiftiply_wire::Scheme;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::own::Own;
use super::request::{Client, Request};
use super::side::{ClientSide, Ended, as_millis};
use super::stream::ClientStream;
use super::{Arrival, http2};
use crate::buffer::Buffer;
use crate::exchange::Exchange;
use crate::http::{ErrorPage, HeadParser, HeaderRoom, Refusal};
use crate::shard::{Alarm, Connected, Directory, Millis, Shard};
use crate::site::Waiter;

/// Bytes that a client may send ahead of what we want of it: pipelined requests, or a body that has no slot yet. One
/// head at its largest fits; a client that sends more waits.
pub(super) const AHEAD_BYTES_MAX: usize = 64 * 1024;

/// How long, and for how many bytes, a connection that we close is still read, so that the client sees our last answer
/// before it sees a reset (RFC 9112 section 9.6).
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);
pub(super) const LINGER_BYTES_MAX: usize = 256 * 1024;

/// A client's connection.
pub(super) struct Connection {
    shard: Rc<Shard>,
    connected: Connected,
    stream: ClientStream,
    client: Client,
    /// Read and not used yet.
    incoming: Buffer,
    /// To be written; the first `written` bytes have left.
    out: Vec<u8>,
    written: usize,
    /// When something must have come from the client.
    alarm: Alarm,
    /// While the client takes nothing: when it must have taken something.
    write_alarm: Option<Alarm>,
    parser: HeadParser,
    /// It has had a request: it speaks HTTP/1.1 for good.
    is_settled: bool,
    /// Shared with the site while a request waits.
    waiter: Option<Arc<Waiter>>,
}

const HEAD_TOO_SLOW: Own = Own::new(408, "The request's head did not arrive in time.");
const HEAD_CUT: Own = Own::new(400, "The connection was closed in the middle of the request's head.");

/// What a client comes with.
pub(super) enum Next {
    /// A request.
    Request(Box<Request>),
    /// The preface of HTTP/2.
    Http2,
}

impl Connection {
    pub(super) fn new(shard: Rc<Shard>, arrival: Arrival, connected: Connected) -> Self {
        let Arrival { stream, early, peer, local } = arrival;
        let alarm = shard.alarms.add();
        let client = Client::new(peer, local, stream.scheme());
        Self {
            shard,
            connected,
            stream,
            client,
            incoming: early,
            out: Vec::new(),
            written: 0,
            alarm,
            write_alarm: None,
            parser: HeadParser::default(),
            is_settled: false,
            waiter: None,
        }
    }

    /// In its task, before anything else: its alarm wakes this one.
    pub(super) async fn begin(&mut self) {
        poll_fn(|cx| {
            self.alarm.wake(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// The next request's head, or the news that the client speaks HTTP/2.
    pub(super) async fn next_request(&mut self) -> Result<Next, Ended> {
        let since = self.shard.now();
        self.alarm.set(since + self.shard.idle_ms());
        let mut has_begun = false;
        let request = poll_fn(|cx| self.poll_head(cx, since, &mut has_begun)).await;
        self.alarm.stop();
        request
    }

    /// `since`: when the connection became idle.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        since: Millis,
        has_begun: &mut bool,
    ) -> Poll<Result<Next, Ended>> {
        let directory = self.shard.directory();
        loop {
            if let Some(next) = self.parse(&directory)? {
                return Poll::Ready(Ok(next));
            }
            if self.parser.has_begun() && !std::mem::replace(has_begun, true) {
                let head_ms = as_millis(directory.config().limits.head_timeout);
                self.alarm.set(self.shard.now() + head_ms);
            }
            if !*has_begun && self.shard.is_draining() {
                self.alarm.set(since + self.shard.idle_ms());
            }
            match self.poll_fill(cx, directory.config().limits.head + AHEAD_BYTES_MAX) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.cut_head(*has_begun))),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending if self.is_late() && *has_begun => {
                    return Poll::Ready(Err(Ended::Refused(HEAD_TOO_SLOW)));
                }
                Poll::Pending if self.alarm.is_due(self.shard.now() + self.shard.haste()) && !*has_begun => {
                    return Poll::Ready(Err(Ended::Quietly));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// A client that closes in the middle of a head is told so, in case it only closed its sending side.
    fn cut_head(&self, has_begun: bool) -> Ended {
        if has_begun { Ended::Refused(HEAD_CUT) } else { Ended::Quietly }
    }

    fn parse(&mut self, directory: &Directory) -> Result<Option<Next>, Refusal> {
        if self.incoming.is_empty() {
            return Ok(None);
        }
        let (used, request) = {
            let mut room = HeaderRoom::new();
            let parsed = self.parser.parse(self.incoming.data(), directory.http_limits(), &mut room);
            if parsed.is_err() && self.has_http2_preface() && directory.config().http2.enabled {
                return Ok(Some(Next::Http2));
            }
            let Some((used, head)) = parsed? else { return Ok(None) };
            (used, Request::new(&head, &self.shard, &self.client))
        };
        self.incoming.consume(used);
        self.give_back_if_empty();
        self.is_settled = true;
        Ok(Some(Next::Request(request)))
    }

    /// Whether the client asked for HTTP/2 before its first byte of HTTP.
    pub(super) fn chose_http2(&self) -> bool {
        self.stream.chose_http2()
    }

    /// To HTTP/1.1 the preface reads like a head of another version (RFC 9113 section 3.4). Only the first of a connection
    /// may be one, and above TLS none: there HTTP/2 is asked for before.
    fn has_http2_preface(&self) -> bool {
        !self.is_settled
            && self.stream.scheme() == Scheme::Http
            && self.incoming.data().starts_with(b"PRI * HTTP/2.0\r\n\r\n")
    }

    /// Hands the connection over, with what has been read.
    pub(super) fn into_http2(mut self) -> http2::Opening {
        let early = self.incoming.data().to_vec();
        self.incoming.consume(early.len());
        self.give_back_if_empty();
        let Self { shard, connected, stream, client, alarm, .. } = self;
        http2::Opening { shard, connected, stream, client, alarm, early }
    }

    /// So that one buffer, warm in the cache, serves all clients whose requests come whole.
    fn give_back_if_empty(&mut self) {
        if self.incoming.is_empty() {
            self.shard.client_buffers.give_back(&mut self.incoming);
        }
    }

    fn is_stuck(&mut self, cx: &Context<'_>, unsent_before: usize) -> bool {
        let now = self.shard.now();
        if let Some(alarm) = &self.write_alarm
            && self.unsent() == unsent_before
        {
            return alarm.is_due(now + self.shard.haste());
        }
        let idle_ms = as_millis(self.shard.directory().config().limits.idle_timeout);
        let alarm = self.write_alarm.get_or_insert_with(|| self.shard.alarms.add());
        alarm.wake(cx);
        alarm.set(now + idle_ms);
        false
    }

    /// Closes after all has been said: our side first, then reads on for a moment.
    pub(super) async fn close(mut self) {
        let mut left = LINGER_BYTES_MAX;
        let mut is_shut = false;
        let until_closed = poll_fn(|cx| {
            if !is_shut && Pin::new(&mut self.stream).poll_shutdown(cx).is_pending() {
                return Poll::Pending;
            }
            is_shut = true;
            loop {
                self.incoming.consume(self.incoming.len());
                match self.poll_fill(cx, AHEAD_BYTES_MAX) {
                    Poll::Ready(Ok(n)) if n > 0 && n < left => left -= n,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let _ = timeout(LINGER_TIME, until_closed).await;
    }

    /// Closes when both sides have said all.
    pub(super) fn leave(mut self) {
        self.stream.say_goodbye();
    }

    /// Whether the client has said all and will say nothing more, not even goodbye.
    pub(super) fn has_nothing_to_come(&self) -> bool {
        self.incoming.is_empty() && self.stream.scheme() == Scheme::Http
    }

    /// Closes so that nobody takes what was sent for whole: by a reset.
    pub(super) fn cut(self) {
        self.stream.cut();
    }

    /// This request is over: its memory and that of its reply serve others while the client idles.
    pub(super) fn is_done_with(&mut self, request: Box<Request>) {
        self.shard.spare_requests.give_back(request, &mut self.out);
    }
}

impl ClientSide for Connection {
    /// It takes a system call.
    const IS_LOOKING_DEAR: bool = true;

    fn shard(&self) -> &Shard {
        &self.shard
    }

    fn client(&self) -> &Client {
        &self.client
    }

    fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    fn waiter(&mut self) -> &Arc<Waiter> {
        self.waiter.get_or_insert_default()
    }

    fn incoming(&self) -> &[u8] {
        self.incoming.data()
    }

    fn consume(&mut self, used: usize) {
        self.incoming.consume(used);
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<io::Result<usize>> {
        if !self.incoming.has_memory() {
            self.incoming = self.shard.client_buffers.take();
        }
        let room = self.incoming.room(max);
        if room.is_empty() {
            return Poll::Pending;
        }
        let mut room = ReadBuf::new(room);
        let outcome = Pin::new(&mut self.stream).poll_read(cx, &mut room);
        let n = room.filled().len();
        self.incoming.filled(n);
        self.give_back_if_empty();
        if outcome.is_pending() {
            // A client that sends a byte a second must not hold a buffer for it.
            self.incoming.spare(&self.shard.client_buffers);
        }
        outcome.map_ok(|()| n)
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.poll_fill(cx, AHEAD_BYTES_MAX) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take_reply(&mut self, exchange: &Exchange) -> u32 {
        exchange.take_out(&mut self.out)
    }

    fn take_page(&mut self, page: &ErrorPage<'_>) {
        page.render(&mut self.out, &self.shard.date.borrow());
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.unsent();
        while self.written < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.is_stuck(cx, before) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        // What TLS has taken has not left before this.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Pending if self.is_stuck(cx, before) => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            other => return other,
        }
        self.out.clear();
        self.written = 0;
        self.write_alarm = None;
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        self.out.len() - self.written + self.stream.unsent()
    }

    fn keep_watch(&self) {
        self.stream.keep_alive();
    }
}
