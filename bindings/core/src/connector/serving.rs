//! Messages from the proxies.

use std::time::Instant;

use swiftiply_wire::limits::BODY_KEPT_MIN;
use swiftiply_wire::{
    Body, CancelCode, Frame, RequestFlags, RequestHead, ResetCode, StreamId, ToBackend, ToProxy,
};

use super::link::Step;
use super::{Connector, Happened, LinkId, Phase, WINDOW};
use crate::StreamKey;
use crate::exchange::{Exchange, Gone, ReplyHalf, RequestBody};

impl Connector {
    /// Takes bytes that came on a link, in pieces of any size.
    pub(crate) fn receive(&mut self, id: LinkId, bytes: &[u8], now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.heard(now);
        let mut inbox = std::mem::take(&mut link.inbox);
        let outcome = if inbox.is_empty() {
            self.receive_frames(id, bytes, now).map(|used| inbox.extend_from_slice(&bytes[used..]))
        } else {
            inbox.extend_from_slice(bytes);
            self.receive_frames(id, &inbox, now).map(|used| drop(inbox.drain(..used)))
        };
        match outcome {
            Err(what) => self.breached(id, &what, now),
            Ok(()) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.inbox = inbox;
                }
            }
        }
    }

    /// Takes the whole frames off the front; returns how many bytes they were.
    fn receive_frames(&mut self, id: LinkId, bytes: &[u8], now: Instant) -> Result<usize, String> {
        let mut used = 0;
        while let Some(link) = self.links.get(&id) {
            let frame = Frame::parse(&bytes[used..], link.payload_max());
            let Some((n, frame)) = frame.map_err(unreadable)? else { break };
            used += n;
            let message = ToBackend::read(frame).map_err(unreadable)?;
            self.receive_message(id, message, now)?;
        }
        Ok(used)
    }

    fn receive_message(&mut self, id: LinkId, message: ToBackend<'_>, now: Instant) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let step = link.step(message, self.key.as_ref())?;
        if !link.out.is_empty() {
            self.queue(id);
        }
        match step {
            Step::Done => {}
            Step::Welcomed(welcome) => self.welcomed(id, &welcome),
            Step::Refused(refused) => self.refused(id, &refused, now),
            Step::Drained => self.proxy_drains(id),
            Step::Parted { code, reason } => self.parted(id, code, &reason, now),
            Step::Stream(message) => return self.receive_on_stream(id, message).map_err(String::from),
        }
        Ok(())
    }

    /// A message about a stream that is closed already crossed with its closing frame, and means nothing.
    fn receive_on_stream(&mut self, id: LinkId, message: ToBackend<'_>) -> Result<(), &'static str> {
        match message {
            ToBackend::Request { stream, head, flags } => self.receive_request(id, stream, &head, flags),
            ToBackend::Data { stream, data, end } => {
                let Some(place) = self.place_of(id, stream) else { return Ok(()) };
                self.exchanges[place].body.receive(data, end)?;
                self.tell_reader(place);
                Ok(())
            }
            ToBackend::Trailers { stream, headers } => {
                let Some(place) = self.place_of(id, stream) else { return Ok(()) };
                self.exchanges[place].body.receive_trailers(headers)?;
                self.tell_reader(place);
                Ok(())
            }
            ToBackend::Window { stream, credit } => {
                let Some(place) = self.place_of(id, stream) else { return Ok(()) };
                self.exchanges[place].reply.grant(credit);
                self.tell_writer(place);
                Ok(())
            }
            ToBackend::Cancel { stream, code } => {
                if let Some(place) = self.place_of(id, stream) {
                    self.cancelled(place, code);
                }
                Ok(())
            }
            _ => Err("sent a message that has no place on a stream"),
        }
    }

    fn receive_request(
        &mut self,
        id: LinkId,
        stream: StreamId,
        head: &RequestHead<&[u8]>,
        flags: RequestFlags,
    ) -> Result<(), &'static str> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        if link.streams.contains_key(&stream) {
            return Err("sent a request on a stream that is in use");
        }
        // A body of which the proxy cannot keep all would make it lose a request that is given back.
        let is_kept = flags.end || matches!(head.body(), Body::Length(length) if length <= BODY_KEPT_MIN);
        if self.phase != Phase::Serving || (self.busy >= self.slots.into() && is_kept) {
            self.refused_on += usize::from(!std::mem::replace(&mut link.has_refused, true));
            self.say(id, &ToProxy::Refuse(stream));
            return Ok(());
        }
        let to_head = head.method().as_bytes() == b"HEAD";
        self.exchanges_so_far += 1;
        let place = self.exchanges.insert(Exchange {
            key: StreamKey(self.exchanges_so_far),
            link: Some(id),
            stream,
            flags,
            head: Some(head.to_owned_head()),
            body: RequestBody::new(head.body(), flags.end, flags.expects_continue, WINDOW),
            reply: ReplyHalf::new(to_head, flags.upgrade, link.window),
            gone: None,
            holds_slot: false,
            fills_slot: true,
            claims_tunnel: false,
        });
        link.streams.insert(stream, place);
        self.busy += 1;
        self.ready.push_back(place);
        Ok(())
    }

    /// Nobody waits for the reply any more. What the app has not seen it never sees.
    fn cancelled(&mut self, place: usize, code: CancelCode) {
        let exchange = &mut self.exchanges[place];
        if exchange.head.is_some() {
            self.ready.retain(|ready| *ready != place);
            self.reset(place, ResetCode::Cancelled, "");
            self.exchanges.remove(place);
            return;
        }
        if exchange.gone.is_some() || exchange.reply.has_ended() {
            return;
        }
        let gone = Gone::from(code);
        exchange.gone = Some(gone);
        exchange.body.cut(gone.into());
        self.tell_reader(place);
        self.tell_writer(place);
        self.tell(place, Happened::Disconnected);
    }

    pub(super) fn tell_reader(&mut self, place: usize) {
        if self.exchanges[place].body.take_news() {
            self.tell(place, Happened::Readable);
        }
    }

    pub(super) fn tell_writer(&mut self, place: usize) {
        if self.is_writable(place) && self.exchanges[place].reply.take_news() {
            self.tell(place, Happened::Writable);
        }
    }

    fn place_of(&self, id: LinkId, stream: StreamId) -> Option<usize> {
        self.links.get(&id)?.streams.get(&stream).copied()
    }
}

fn unreadable(error: swiftiply_wire::WireError) -> String {
    format!("sent what cannot be read: {error}")
}
