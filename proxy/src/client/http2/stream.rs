//! One request on its stream.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http_types::header::{COOKIE, HeaderMap, HeaderValue};
use http_types::{Method, request};

use super::super::After;
use super::super::answer::answer;
use super::super::own::Own;
use super::super::request::{Client, Request};
use super::super::side::{ClientSide, as_millis};
use super::key;
use super::shared::Open;
use crate::exchange::{End, Exchange, Parts};
use crate::http::{ErrorPage, Handshake, Head, HeaderRoom, Limits, Refusal, Trailers};
use crate::shard::{Alarm, Shard};
use crate::site::Waiter;

/// Serves one request, from its head to the end of its stream.
pub(super) async fn serve(
    connection: Open,
    request: request::Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let (head, body) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    let mut stream = Stream::new(connection, body, respond);
    poll_fn(|cx| {
        stream.alarm.wake(cx);
        Poll::Ready(())
    })
    .await;
    match stream.read(head) {
        Ok(mut request) => {
            if answer(&mut stream, &mut request).await == After::Cut {
                stream.cut();
            }
            stream.shard().spare_requests.give_back(request, &mut Vec::new());
        }
        Err(refusal) => Box::pin(stream.refuse(refusal, is_head)).await,
    }
    stream.settle();
}

/// A stream while it has a request: its client's side.
struct Stream {
    connection: Open,
    body: RecvStream,
    /// Of the body: come, and not used yet.
    piece: Bytes,
    trailers: Option<HeaderMap>,
    reply: Reply,
    /// To be sent, and after their heads `data`.
    parts: Parts,
    data: Bytes,
    /// When something must have come from the client.
    alarm: Alarm,
    /// While the client takes nothing: when it must have taken something.
    write_alarm: Option<Alarm>,
    waiter: Option<Arc<Waiter>>,
}

/// How far our side of the stream is.
enum Reply {
    Awaited(SendResponse<Bytes>),
    Begun(SendStream<Bytes>),
    Ended,
}

impl Stream {
    fn new(connection: Open, body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        let alarm = connection.shard.alarms.add();
        Self {
            connection,
            body,
            piece: Bytes::new(),
            trailers: None,
            reply: Reply::Awaited(respond),
            parts: Parts::default(),
            data: Bytes::new(),
            alarm,
            write_alarm: None,
            waiter: None,
        }
    }

    /// Writes the head down for the link.
    fn read(&self, mut head: request::Parts) -> Result<Box<Request>, Refusal> {
        join_crumbs(&mut head.headers);
        let key = key_of(&head)?;
        let protocol = head.extensions.get::<Protocol>().map(Protocol::as_str);
        let handshake = protocol.zip(key.as_ref()).map(|(protocol, key)| Handshake { protocol, key });
        let (shard, directory) = (&self.connection.shard, self.connection.shard.directory());
        let mut room = HeaderRoom::new();
        let is_end = self.body.is_end_stream();
        let read = Head::of_stream(&head, handshake, is_end, directory.http_limits(), &mut room)?;
        Ok(Request::new(&read, shard, &self.connection.client))
    }

    /// Unlike a connection of HTTP/1.1, this one goes on: a page behind the reply to a HEAD would be an error.
    async fn refuse(&mut self, refusal: Refusal, is_head: bool) {
        let own = Own::new(refusal.status(), refusal.explain());
        let _ = self.say(&own.page(false, is_head, swiftiply_wire::Version::Http2)).await;
        self.note_refusal(&own);
    }

    /// The client must see that something is missing.
    fn cut(&mut self) {
        self.reset(Reason::INTERNAL_ERROR);
    }

    fn reset(&mut self, reason: Reason) {
        match &mut self.reply {
            Reply::Awaited(respond) => respond.send_reset(reason),
            Reply::Begun(body) => body.send_reset(reason),
            Reply::Ended => {}
        }
    }

    /// The stream is over. If the client still sends, h2 tells it now that nobody listens.
    fn settle(self) {
        match self.reply {
            Reply::Awaited(_) => self.connection.was_reset(),
            Reply::Begun(_) | Reply::Ended => self.connection.was_answered(),
        }
    }

    fn send_heads(&mut self) -> Result<(), h2::Error> {
        let Reply::Awaited(respond) = &mut self.reply else { return Ok(()) };
        for informational in self.parts.informational.drain(..) {
            respond.send_informational(informational)?;
        }
        let Some(head) = self.parts.head.take() else { return Ok(()) };
        let is_all =
            self.data.is_empty() && self.parts.end.take_if(|end| matches!(end, End::Plain)).is_some();
        let body = respond.send_response(head, is_all)?;
        self.reply = if is_all { Reply::Ended } else { Reply::Begun(body) };
        Ok(())
    }

    fn poll_send_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let Reply::Begun(body) = &mut self.reply else { return Poll::Ready(Ok(())) };
        while !self.data.is_empty() {
            let room = ready!(poll_room(body, self.data.len(), cx))?;
            let piece = self.data.split_to(room.min(self.data.len()));
            self.connection.allow(piece.len() as u64);
            let is_last =
                self.data.is_empty() && self.parts.end.take_if(|end| matches!(end, End::Plain)).is_some();
            body.send_data(piece, is_last)?;
            self.write_alarm = None;
            if is_last {
                self.reply = Reply::Ended;
                return Poll::Ready(Ok(()));
            }
        }
        match self.parts.end.take() {
            None => return Poll::Ready(Ok(())),
            Some(End::Plain) => body.send_data(Bytes::new(), true)?,
            Some(End::Trailers(trailers)) => body.send_trailers(trailers)?,
        }
        self.reply = Reply::Ended;
        Poll::Ready(Ok(()))
    }

    /// Whether the client has opened no window for too long.
    fn is_stuck(&mut self, cx: &Context<'_>) -> bool {
        let shard = &self.connection.shard;
        if let Some(alarm) = &self.write_alarm {
            return alarm.is_due(shard.now());
        }
        let alarm = shard.alarms.add();
        alarm.wake(cx);
        alarm.set(shard.now() + as_millis(shard.directory().config().limits.idle_timeout));
        self.write_alarm = Some(alarm);
        false
    }
}

/// Ready with how much may be sent, in the stream's window and the connection's.
fn poll_room(
    body: &mut SendStream<Bytes>,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, h2::Error>> {
    body.reserve_capacity(wanted);
    while body.capacity() == 0 {
        match ready!(body.poll_capacity(cx)) {
            Some(outcome) => outcome?,
            None => return Poll::Ready(Err(Reason::CANCEL.into())),
        };
    }
    Poll::Ready(Ok(body.capacity()))
}

/// A client may send a cookie in pieces, to compress it better; an app wants it whole (RFC 9113 section 8.2.3).
fn join_crumbs(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let (Some(first), Some(_)) = (crumbs.next(), crumbs.next()) else { return };
    let mut cookie = first.as_bytes().to_vec();
    for crumb in headers.get_all(COOKIE).iter().skip(1) {
        cookie.extend_from_slice(b"; ");
        cookie.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(cookie) = HeaderValue::from_maybe_shared(Bytes::from(cookie)) {
        headers.insert(COOKIE, cookie);
    }
}

/// A key for the handshake that an extended CONNECT becomes; none for any other request.
fn key_of(head: &request::Parts) -> Result<Option<[u8; 24]>, Refusal> {
    match head.extensions.get::<Protocol>().map(Protocol::as_str) {
        None => Ok(None),
        Some("websocket") => Ok(Some(key::fresh())),
        Some(_) => Err(Refusal::UnknownProtocol),
    }
}

impl ClientSide for Stream {
    /// It is a look into memory.
    const IS_LOOKING_DEAR: bool = false;

    fn shard(&self) -> &Shard {
        &self.connection.shard
    }

    fn client(&self) -> &Client {
        &self.connection.client
    }

    fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    fn waiter(&mut self) -> &Arc<Waiter> {
        self.waiter.get_or_insert_default()
    }

    fn incoming(&self) -> &[u8] {
        &self.piece
    }

    /// Only what is used goes back into the windows of the stream and the connection: a client is never ahead of its
    /// backend by more than one window.
    fn consume(&mut self, used: usize) {
        self.piece.advance(used);
        self.connection.allow(2 * used as u64);
        // It was received, so it can be released.
        let _ = self.body.flow_control().release_capacity(used);
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, _max: usize) -> Poll<io::Result<usize>> {
        if !self.piece.is_empty() {
            return Poll::Pending;
        }
        loop {
            match ready!(self.body.poll_data(cx)) {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.piece = piece;
                    return Poll::Ready(Ok(self.piece.len()));
                }
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
                None => break,
            }
        }
        self.trailers = ready!(self.body.poll_trailers(cx)).map_err(into_io)?;
        Poll::Ready(Ok(0))
    }

    fn take_trailers(&mut self, limits: &Limits) -> Result<Trailers, Refusal> {
        self.trailers.take().map_or(Ok(Trailers::default()), |fields| Trailers::of_stream(&fields, limits))
    }

    /// An end of its request is not its leaving; a reset is, at once.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let reset = match &mut self.reply {
            Reply::Awaited(respond) => respond.poll_reset(cx),
            Reply::Begun(body) => body.poll_reset(cx),
            Reply::Ended => return Poll::Pending,
        };
        reset.map(|reason| Err(reason.map_or_else(into_io, |_| io::ErrorKind::ConnectionReset.into())))
    }

    fn take_reply(&mut self, exchange: &Exchange) -> u32 {
        debug_assert!(self.parts.is_empty() && self.data.is_empty());
        let mut data = Vec::new();
        let (parts, bytes) = exchange.take_parts(&mut data);
        self.parts = parts;
        self.data = data.into();
        bytes
    }

    fn take_page(&mut self, page: &ErrorPage<'_>) {
        let (head, body) = page.fields(&self.connection.shard.date.borrow());
        self.parts = Parts { head: Some(head), end: Some(End::Plain), ..Parts::default() };
        self.data = body;
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send_heads().map_err(into_io)?;
        match self.poll_send_body(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.map_err(into_io)),
            Poll::Pending if self.is_stuck(cx) => {
                self.reset(Reason::CANCEL);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn unsent(&self) -> usize {
        self.data.len()
    }

    /// Its connection does: it sends PINGs while it has streams.
    fn keep_watch(&self) {}
}

fn into_io(error: h2::Error) -> io::Error {
    io::Error::other(error)
}
