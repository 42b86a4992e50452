//! A request's body on its way from the client to a backend.
//!
//! Its beginning is kept: a small body is read whole before the request takes a slot, so that a slow client costs a
//! buffer and not a slot; and what is kept can be sent again if the backend dies. What goes beyond is passed on as it
//! comes, as far as the backend's window and the link have room.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use swiftiply_wire::limits::{BODY_KEPT_MIN, DATA_MAX};
use swiftiply_wire::{HeaderBlock, StreamId, Version};

use super::After;
use super::connection::{AHEAD_BYTES_MAX, Connection};
use super::own::{Own, SHORT_OF_MEMORY};
use super::pace::{Rate, Silence};
use super::side::{ClientSide, Ended};
use crate::config::SiteConfig;
use crate::exchange::{Exchange, UNREAD_BODY_MAX};
use crate::http::{self, BodyDecoder, Framing, Head, Piece};
use crate::link::Link;
use crate::site::Site;

/// Bytes of a body that are read before a slot is taken, at least: most forms and JSON documents. A site that keeps
/// more for replays (`redeployment_sizelimit`) reads that much.
const KEPT_BYTES_MIN: usize = BODY_KEPT_MIN as usize;

/// How long a client may take for the rest of a body that nobody wants, if it keeps its side by sending it.
const DISCARD_TIME: Duration = Duration::from_secs(2);

const TOO_LARGE: Own = Own::new(413, "The request's body is larger than this site takes.");
const TOO_SLOW: Own = Own::new(408, "The request's body arrived too slowly.");

/// A request's body.
#[derive(Default)]
pub(super) struct Upload {
    decoder: BodyDecoder,
    limits: http::Limits,
    framing: Framing,
    /// The beginning of the body, of which `sent` bytes have gone to the backend. Empty once more came than is kept.
    kept: Vec<u8>,
    kept_max: usize,
    sent: usize,
    has_overflowed: bool,
    trailers: Option<HeaderBlock>,
    /// The backend has been told that it ends here.
    is_ended: bool,
    expects_continue: bool,
    total: u64,
    total_max: u64,
    replay_max: usize,
    rate: Rate,
}

impl Upload {
    /// Begins with the body that this head announces.
    pub(super) fn begin(&mut self, head: &Head<'_>, limits: &http::Limits, site: Option<&SiteConfig>) {
        let replay_max = site.filter(|site| site.redeployable).map_or(0, |site| site.redeployment_sizelimit);
        *self = Self {
            decoder: match head.version {
                Version::Http2 => BodyDecoder::of_stream(head.framing),
                _ => BodyDecoder::new(head.framing),
            },
            limits: *limits,
            framing: head.framing,
            kept: std::mem::take(&mut self.kept),
            kept_max: replay_max.max(KEPT_BYTES_MIN),
            is_ended: matches!(head.framing, Framing::None | Framing::Length(0)),
            expects_continue: head.expect_continue,
            total_max: site.and_then(|site| site.max_body).unwrap_or(u64::MAX),
            replay_max,
            rate: Rate::new(site.map_or(SiteConfig::BODY_RATE, |site| site.body_rate)),
            ..Self::default()
        };
    }

    /// Forgets all but its memory, and of that what is more than `bytes_max`.
    pub(super) fn rest(&mut self, bytes_max: usize) {
        self.kept.clear();
        self.kept.shrink_to(bytes_max);
        self.trailers = None;
    }

    /// Whether all of it has been read from the client.
    pub(super) fn is_read(&self) -> bool {
        self.decoder.is_done()
    }

    /// Whether it can be sent again from its beginning.
    pub(super) fn is_kept(&self) -> bool {
        !self.has_overflowed
    }

    /// Whether it is as short as the site wants a body that an app may be given twice.
    pub(super) fn is_redeployable(&self) -> bool {
        self.is_kept() && self.kept.len() <= self.replay_max
    }

    /// Begins again, for another backend.
    pub(super) fn rewind(&mut self) {
        debug_assert!(self.is_kept());
        self.sent = 0;
        self.is_ended = matches!(self.framing, Framing::None | Framing::Length(0));
    }

    /// Bytes that the client has still to send: `u64::MAX` if nobody knows.
    pub(super) fn left(&self) -> u64 {
        match &self.decoder {
            BodyDecoder::Length(decoder) => decoder.left(),
            BodyDecoder::Chunked(decoder) if decoder.is_done() => 0,
            BodyDecoder::Stream(_) if self.is_read() => 0,
            BodyDecoder::Chunked(_) | BodyDecoder::Stream(_) => u64::MAX,
        }
    }

    /// Whether what the client still has to send is little enough to be read and thrown away. One that waits for
    /// `100 Continue` may send its body or not: nothing says which.
    pub(super) fn may_be_discarded(&self) -> bool {
        let left = self.left();
        left == 0 || (!self.expects_continue && (left == u64::MAX || left <= UNREAD_BODY_MAX))
    }

    /// Reads a small body whole, or the beginning of a large one, before a slot is asked for. A client that waits for
    /// `100 Continue` sends nothing before it has one; one that sends chunks and falls silent may be waiting for the
    /// app's word, and gets a slot if the site has slots to spare.
    pub(super) async fn gather(&mut self, side: &mut impl ClientSide, site: &Site) -> Result<(), Ended> {
        if let Framing::Length(length) = self.framing
            && length > self.total_max
        {
            return Err(Ended::Refused(TOO_LARGE));
        }
        if self.is_read() || self.expects_continue {
            return Ok(());
        }
        let mut silence = Silence::default();
        let gathered = poll_fn(|cx| {
            loop {
                self.decode_to_kept(side)?;
                if self.is_read() || self.has_overflowed || self.kept.len() >= self.kept_max {
                    return Poll::Ready(Ok(()));
                }
                match self.poll_more(cx, side, true) {
                    Poll::Ready(Ok(())) => silence.is_broken(),
                    // No app has seen it, and nobody knows how long it will hold what it has.
                    Poll::Pending if side.shard().is_tight_of_memory() => {
                        return Poll::Ready(Err(Ended::Refused(SHORT_OF_MEMORY)));
                    }
                    Poll::Pending if self.may_be_dialogue() && silence.poll(cx) => {
                        if site.has_slots_to_spare() {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    other => return other,
                }
            }
        });
        let gathered = gathered.await;
        self.rate.rest(side);
        gathered
    }

    /// Moves what can be moved. True if anything did; then try again. When not, the task will be woken.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        side: &mut impl ClientSide,
        link: &Link,
        stream: StreamId,
        exchange: &Exchange,
    ) -> Result<bool, Ended> {
        if self.is_ended {
            return Ok(false);
        }
        if self.sent < self.kept.len() {
            return Ok(self.send_kept(link, stream, exchange));
        }
        if self.is_read() {
            self.send_end(link, stream);
            return Ok(true);
        }
        if !exchange.wants_body() || link.poll_room(cx).is_pending() {
            self.rate.rest(side);
            return Ok(false);
        }
        if side.incoming().is_empty() {
            // Once the app replies, the two are talking, at whatever pace they like.
            return match self.poll_more(cx, side, !exchange.has_begun()) {
                Poll::Ready(result) => result.map(|()| true),
                Poll::Pending => Ok(false),
            };
        }
        self.decode_onward(side, link, stream, exchange)?;
        exchange.request_left(self.left());
        Ok(true)
    }

    /// After the reply: reads the rest of a body that nobody wanted, if it is short, to keep the connection.
    pub(super) async fn finish(&mut self, connection: &mut Connection) -> After {
        if self.is_read() {
            return After::Keep;
        }
        let mut left = UNREAD_BODY_MAX;
        connection.expect_within(DISCARD_TIME);
        let discarded = poll_fn(|cx| {
            loop {
                match self.decoder.decode(connection.incoming(), &self.limits) {
                    Ok((used, _)) if (used as u64) <= left => {
                        left -= used as u64;
                        connection.consume(used);
                    }
                    _ => return Poll::Ready(After::Close),
                }
                if self.is_read() {
                    return Poll::Ready(After::Keep);
                }
                if connection.incoming().is_empty() {
                    match connection.poll_fill(cx, AHEAD_BYTES_MAX) {
                        Poll::Ready(Ok(n)) if n > 0 => {}
                        Poll::Pending if !connection.is_late() => return Poll::Pending,
                        _ => return Poll::Ready(After::Close),
                    }
                }
            }
        });
        let after = discarded.await;
        connection.expect_nothing();
        after
    }

    fn decode_to_kept(&mut self, side: &mut impl ClientSide) -> Result<(), Ended> {
        while !side.incoming().is_empty() && self.kept.len() < self.kept_max {
            let input = side.incoming();
            let input = &input[..input.len().min(self.kept_max - self.kept.len())];
            let (used, piece) = self.decoder.decode(input, &self.limits)?;
            let is_end = piece == Piece::End;
            if let Piece::Data(data) = piece {
                self.kept.extend_from_slice(data);
                self.total += data.len() as u64;
            }
            side.consume(used);
            self.check_total()?;
            if is_end {
                self.note_end();
                break;
            }
        }
        Ok(())
    }

    fn send_kept(&mut self, link: &Link, stream: StreamId, exchange: &Exchange) -> bool {
        let granted = exchange.spend_credit((self.kept.len() - self.sent).min(DATA_MAX));
        if granted == 0 {
            return false;
        }
        let piece = &self.kept[self.sent..self.sent + granted];
        self.sent += granted;
        let is_last = self.is_read() && self.trailers.is_none() && self.sent == self.kept.len();
        link.data(stream, piece, is_last);
        self.is_ended = is_last;
        true
    }

    /// Passes on a piece that just came; keeps it too as long as all of the body is kept.
    fn decode_onward(
        &mut self,
        side: &mut impl ClientSide,
        link: &Link,
        stream: StreamId,
        exchange: &Exchange,
    ) -> Result<(), Ended> {
        let input = side.incoming();
        let granted = exchange.spend_credit(input.len().min(DATA_MAX));
        let (used, piece) = self.decoder.decode(&input[..granted], &self.limits)?;
        let is_done = self.decoder.is_done();
        match piece {
            Piece::Data(data) => {
                exchange.refund((granted - data.len()) as u32);
                self.total += data.len() as u64;
                if !self.has_overflowed && self.kept.len() + data.len() <= self.kept_max {
                    self.kept.extend_from_slice(data);
                    self.sent = self.kept.len();
                } else {
                    self.has_overflowed = true;
                    self.kept = Vec::new();
                    self.sent = 0;
                }
                // A body by length ends with its last byte; the end of a chunked one comes apart.
                let is_last = is_done && matches!(self.framing, Framing::Length(_));
                link.data(stream, data, is_last);
                self.is_ended = is_last;
            }
            Piece::More | Piece::End => exchange.refund(granted as u32),
        }
        side.consume(used);
        if is_done {
            self.note_end();
        }
        self.check_total()
    }

    fn send_end(&mut self, link: &Link, stream: StreamId) {
        match &self.trailers {
            Some(trailers) => link.trailers(stream, trailers),
            None => link.data(stream, &[], true),
        }
        self.is_ended = true;
    }

    /// The body is whole: what came behind it?
    fn note_end(&mut self) {
        let trailers = self.decoder.take_trailers();
        if !trailers.is_empty() {
            let mut block = HeaderBlock::new();
            trailers.iter().for_each(|(name, value)| block.push(name, value));
            self.trailers = Some(block);
        }
    }

    /// The client sends nothing more.
    fn end_of_input(&mut self, side: &mut impl ClientSide) -> Result<(), Ended> {
        if !self.decoder.end_of_input(side.take_trailers(&self.limits)?) {
            return Err(Ended::Quietly);
        }
        self.note_end();
        Ok(())
    }

    fn check_total(&self) -> Result<(), Ended> {
        if self.total > self.total_max { Err(Ended::Refused(TOO_LARGE)) } else { Ok(()) }
    }

    /// Whether the client may have more to send only after it has heard from the app.
    fn may_be_dialogue(&self) -> bool {
        matches!(self.framing, Framing::Chunked | Framing::Stream) && !self.kept.is_empty()
    }

    /// Waits for more bytes; in a hurry, not for ever.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        side: &mut impl ClientSide,
        hurry: bool,
    ) -> Poll<Result<(), Ended>> {
        match side.poll_fill(cx, AHEAD_BYTES_MAX) {
            Poll::Ready(Ok(0)) => Poll::Ready(self.end_of_input(side)),
            Poll::Ready(Ok(n)) => {
                self.rate.count(n);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending if !hurry => {
                self.rate.rest(side);
                Poll::Pending
            }
            Poll::Pending if self.rate.is_too_slow(side) => Poll::Ready(Err(Ended::Refused(TOO_SLOW))),
            Poll::Pending => Poll::Pending,
        }
    }
}
