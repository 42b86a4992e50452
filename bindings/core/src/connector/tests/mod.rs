//! The core against a proxy that is only bytes, and a clock that is only a number.

mod dialling;
mod handshake;
mod leaving;
mod liveness;
mod pieces;
mod replies;
mod requests;
#[allow(dead_code)] // A link that is closed is no frame.
#[path = "../../../tests/fake/said.rs"]
mod said;

use std::time::{Duration, Instant};

use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{
    Body, CancelCode, Frame, GoodbyeCode, PREFACE, RequestFields, RequestFlags, RequestHead, Scheme,
    StreamId, ToBackend, Version, Welcome, put_request,
};

use super::{Connector, Dial, Happened, Identity, LinkId, Taken};
use crate::notice::{Notice, NoticeKind};
use crate::{Options, Read, ReplyHead};
use said::Said;

/// Ping interval of the usual welcome.
const PING: Duration = Duration::from_secs(1);

/// A connector, what its proxies have said and heard, and the time.
pub(crate) struct Scene {
    pub(crate) connector: Connector,
    now: Instant,
}

impl Scene {
    fn new(options: Options) -> Self {
        let identity = Identity { backend: [9; 16], pid: 4711, host: "here".into(), chance: 1 };
        Self { connector: Connector::new(options, identity), now: Instant::now() }
    }

    /// A backend of this many slots with one link, which is welcome.
    pub(crate) fn serving(slots: u16) -> (Self, LinkId) {
        let mut scene = Self::new(Options { slots, ..Options::default() });
        let id = scene.join(&welcome(1, 0, 1));
        (scene, id)
    }

    fn dial(&mut self) -> Dial {
        self.connector.next_dial(self.now).expect("a dial is due")
    }

    /// A new connection, whose preface and HELLO are taken.
    fn greet(&mut self) -> LinkId {
        let dial = self.dial();
        let id = self.connector.dialled(&dial, [3; 32], self.now).expect("the dial is wanted");
        self.output(id);
        id
    }

    /// A new link that gets this welcome.
    fn join(&mut self, welcome: &Welcome) -> LinkId {
        let id = self.greet();
        self.say(id, &ToBackend::Welcome(*welcome));
        id
    }

    fn say(&mut self, id: LinkId, message: &ToBackend<'_>) {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        self.connector.receive(id, &bytes, self.now);
    }

    /// A request without a body.
    pub(crate) fn request(&mut self, id: LinkId, stream: StreamId, method: &str) {
        let flags = RequestFlags { end: true, ..RequestFlags::default() };
        self.connector.receive(id, &request(stream, method, Body::None, flags), self.now);
    }

    /// A request whose body follows.
    fn upload(&mut self, id: LinkId, stream: StreamId, body: Body, flags: RequestFlags) {
        self.connector.receive(id, &request(stream, "PUT", body, flags), self.now);
    }

    /// A request that offers an upgrade, taken at once; its place.
    fn offer(&mut self, id: LinkId, stream: StreamId) -> usize {
        let flags = RequestFlags { end: true, upgrade: true, ..RequestFlags::default() };
        self.connector.receive(id, &request(stream, "GET", Body::None, flags), self.now);
        self.take().place
    }

    fn data(&mut self, id: LinkId, stream: StreamId, data: &[u8], end: bool) {
        self.say(id, &ToBackend::Data { stream, data, end });
    }

    pub(crate) fn cancel(&mut self, id: LinkId, stream: StreamId, code: CancelCode) {
        self.say(id, &ToBackend::Cancel { stream, code });
    }

    fn take(&mut self) -> Taken {
        self.connector.take().expect("a request is ready")
    }

    /// A request that is taken at once; its place.
    fn given(&mut self, id: LinkId, stream: StreamId, method: &str) -> usize {
        self.request(id, stream, method);
        self.take().place
    }

    /// What the connector has to send on this link, as bytes; all of it is sent.
    fn output(&mut self, id: LinkId) -> Vec<u8> {
        while self.connector.next_queued().is_some() {}
        let mut bytes = Vec::new();
        self.connector.take_output(id, &mut bytes);
        self.connector.sent(id, bytes.len());
        bytes
    }

    /// The same, read.
    fn heard(&mut self, id: LinkId) -> Vec<Said> {
        let bytes = self.output(id);
        let mut rest = bytes.strip_prefix(&PREFACE).unwrap_or(&bytes);
        let mut heard = Vec::new();
        while let Some((used, frame)) = Frame::parse(rest, FRAME_PAYLOAD_MAX).unwrap() {
            heard.push(Said::of(frame));
            rest = &rest[used..];
        }
        assert!(rest.is_empty(), "frames are whole");
        heard
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.connector.notices.pop()).collect()
    }

    /// The one notice that there is.
    fn notice(&mut self) -> Notice {
        let mut notices = self.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        notices.remove(0)
    }

    fn happened(&mut self) -> Vec<Happened> {
        std::iter::from_fn(|| self.connector.next_event()).map(|event| event.what).collect()
    }

    /// Lets this much time pass.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.connector.tick(self.now);
    }

    fn read(&mut self, place: usize) -> Read {
        self.connector.read(place, usize::MAX)
    }

    fn is_closed(&mut self, id: LinkId) -> bool {
        self.connector.take_closed().contains(&id)
    }
}

/// What a proxy says; `proxy` tells one process from another.
fn welcome(proxy: u8, shard: u16, links: u16) -> Welcome {
    Welcome {
        version: 1,
        proxy: [proxy; 16],
        shard,
        links,
        window: 100,
        ping_interval_ms: PING.as_millis() as u32,
        proof: [0; 32],
    }
}

fn request(stream: StreamId, method: &str, body: Body, flags: RequestFlags) -> Vec<u8> {
    let fields = RequestFields {
        method: method.as_bytes(),
        scheme: Scheme::Http,
        version: Version::Http11,
        authority: b"example.com",
        path: b"/",
        query: None,
        peer: None,
        local: None,
        body,
    };
    let mut head = Vec::new();
    RequestHead::write(&mut head, &fields, |headers| headers.push(b"Host", b"example.com"));
    let mut out = Vec::new();
    put_request(&mut out, stream, flags, &head);
    out
}

fn head(status: u16, headers: &[(&str, &str)]) -> ReplyHead {
    let mut head = ReplyHead::new(status).unwrap();
    for (name, value) in headers {
        head.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    head
}

fn texts(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn data(stream: StreamId, data: &[u8], end: bool) -> Said {
    Said::Data { stream, data: data.to_vec(), end, hold: false }
}

fn reset(stream: StreamId, reason: &str) -> Said {
    Said::Reset { stream, reason: reason.to_owned() }
}

fn goodbye(code: GoodbyeCode, reason: &str) -> ToBackend<'static> {
    ToBackend::Goodbye { code, reason: reason.to_owned() }
}
