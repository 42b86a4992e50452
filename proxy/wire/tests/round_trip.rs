//! What one end writes the other reads, whole, in pieces, cut, or made up; and no bytes make a reader panic.
//!
//! One file: half of it is the generators that every property shares.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use swiftiply_wire::limits::{DATA_MAX, FRAME_PAYLOAD_MAX, SLOTS_MAX, STREAM_MAX};
use swiftiply_wire::{
    Body, CancelCode, Challenge, FRAME_HEADER_BYTES, Frame, GoodbyeCode, HeaderBlock, Hello, LinkIndex,
    Proof, Refusal, RefusalCode, ReplyFields, ReplyHead, RequestFields, RequestFlags, RequestHead, ResetCode,
    Scheme, StreamId, ToBackend, ToProxy, Token, Version, WireError,
};

const DATA: u8 = 0x11;

/// What messages are made of; one of each kind comes out of every draw.
#[derive(Debug, Clone)]
struct Parts {
    stream: StreamId,
    end: bool,
    hold: bool,
    flags: RequestFlags,
    request: Vec<u8>,
    reply: Vec<u8>,
    inform: Vec<u8>,
    headers: HeaderBlock,
    data: Vec<u8>,
    number: u64,
    credit: u32,
    slots: u16,
    reason: String,
    hello: Hello,
    welcome: swiftiply_wire::Welcome,
    unknown: u8,
    codes: (CancelCode, ResetCode, GoodbyeCode, RefusalCode),
}

impl Parts {
    fn to_proxy(&self) -> Vec<ToProxy<'_>> {
        let Self { stream, end, number, .. } = *self;
        let hold = end && self.hold;
        let reason = self.reason.clone();
        vec![
            ToProxy::Hello(self.hello.clone()),
            ToProxy::Proof(Proof { mac: self.welcome.proof }),
            ToProxy::Started(stream),
            ToProxy::Inform { stream, head: ReplyHead::read(&self.inform[..]).unwrap() },
            ToProxy::Reply { stream, head: ReplyHead::read(&self.reply[..]).unwrap(), end, hold },
            ToProxy::Data { stream, data: &self.data, end, hold },
            ToProxy::Trailers { stream, headers: self.headers.as_headers(), hold: self.hold },
            ToProxy::Reset { stream, code: self.codes.1, reason: reason.clone() },
            ToProxy::Refuse(stream),
            ToProxy::Release(stream),
            ToProxy::Window { stream, credit: self.credit },
            ToProxy::Slots(self.slots),
            ToProxy::Drain,
            ToProxy::Ping(number),
            ToProxy::Pong(number),
            ToProxy::Goodbye { code: self.codes.2, reason },
            ToProxy::Unknown(self.unknown),
        ]
    }

    fn to_backend(&self) -> Vec<ToBackend<'_>> {
        let Self { stream, end, number, flags, .. } = *self;
        let reason = self.reason.clone();
        vec![
            ToBackend::Challenge(Challenge { nonce: self.hello.nonce }),
            ToBackend::Welcome(self.welcome),
            ToBackend::Refusal(Refusal { code: self.codes.3, reason: reason.clone() }),
            ToBackend::Request { stream, head: RequestHead::read(&self.request[..]).unwrap(), flags },
            ToBackend::Data { stream, data: &self.data, end },
            ToBackend::Trailers { stream, headers: self.headers.as_headers() },
            ToBackend::Window { stream, credit: self.credit },
            ToBackend::Cancel { stream, code: self.codes.0 },
            ToBackend::Ping(number),
            ToBackend::Pong(number),
            ToBackend::Drain,
            ToBackend::Goodbye { code: self.codes.2, reason },
            ToBackend::Unknown(self.unknown),
        ]
    }

    /// Each message as one frame, of both directions.
    fn frames(&self) -> Vec<Vec<u8>> {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        let to_proxy = self.to_proxy().into_iter().map(|message| written(&|out| message.write(out)));
        let to_backend = self.to_backend().into_iter().map(|message| written(&|out| message.write(out)));
        to_proxy.chain(to_backend).collect()
    }
}

prop_compose! {
    fn parts()(
        stream in 1..=STREAM_MAX,
        (end, hold) in any::<(bool, bool)>(),
        flags in request_flags(),
        request in request_head(),
        reply in reply_head(prop_oneof![Just(101u16), 200..=599u16], body()),
        inform in reply_head(prop_oneof![Just(100u16), 102..=199u16], Just(Body::None)),
        headers in header_block(),
        data in vec(any::<u8>(), 0..300),
        (number, credit) in any::<(u64, u32)>(),
        slots in 0..=SLOTS_MAX,
        reason in text(),
        hello in hello(),
        welcome in welcome(),
        unknown in 0x80u8..,
        codes in codes(),
    ) -> Parts {
        Parts {
            stream, end, hold, flags, request, reply, inform, headers, data, number, credit, slots, reason, hello,
            welcome, unknown, codes,
        }
    }
}

fn codes() -> impl Strategy<Value = (CancelCode, ResetCode, GoodbyeCode, RefusalCode)> {
    use {CancelCode as C, GoodbyeCode as G, RefusalCode as F, ResetCode as R};
    (
        select(vec![C::ClientLeft, C::RequestCut, C::Deadline, C::Other(0), C::Other(200)]),
        select(vec![R::AppFault, R::Cancelled, R::Stopping, R::Other(200)]),
        select(vec![G::Done, G::Breach, G::Silence, G::Replaced, G::Other(200)]),
        select(vec![F::WrongKey, F::Version, F::Closing, F::TooMany, F::Malformed, F::Other(200)]),
    )
}

fn request_flags() -> impl Strategy<Value = RequestFlags> {
    any::<(bool, bool, bool, bool)>().prop_map(|(end, expects_continue, upgrade, replay)| RequestFlags {
        end,
        expects_continue,
        upgrade,
        replay,
    })
}

/// Up to 255 bytes without control characters.
fn text() -> impl Strategy<Value = String> {
    "[ -~äß漢🥔]{0,60}"
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![Just(Body::None), any::<u64>().prop_map(Body::Length), Just(Body::Unknown)]
}

fn endpoint() -> impl Strategy<Value = Option<SocketAddr>> {
    let v4 = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
    let v6 = any::<([u8; 16], u16)>().prop_map(SocketAddr::from);
    prop::option::of(prop_oneof![v4, v6])
}

/// Names with and without a token, in usual and unusual spelling; values of any bytes.
fn header_list() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let token = (1..=Token::all().len() as u8).prop_map(|number| Token::from_number(number).unwrap());
    let name = prop_oneof![
        token.clone().prop_map(|token| token.canonical().as_bytes().to_vec()),
        token.clone().prop_map(|token| token.lower().as_bytes().to_vec()),
        token.prop_map(|token| token.canonical().to_ascii_uppercase().into_bytes()),
        vec(any::<u8>(), 1..20),
    ];
    vec((name, vec(any::<u8>(), 0..30)), 0..8)
}

fn header_block() -> impl Strategy<Value = HeaderBlock> {
    header_list().prop_map(|list| {
        let mut block = HeaderBlock::new();
        list.iter().for_each(|(name, value)| block.push(name, value));
        block
    })
}

prop_compose! {
    fn request_head()(
        method in prop_oneof![select(&["GET", "POST", "PATCH", "get", "PURGE"][..]), Just("M-SEARCH")],
        scheme in select(&[Scheme::Http, Scheme::Https][..]),
        version in select(&[Version::Http10, Version::Http11, Version::Http2][..]),
        authority in vec(any::<u8>(), 0..20),
        path in prop_oneof![Just(b"*".to_vec()), vec(any::<u8>(), 0..30).prop_map(|rest| [b"/", &rest[..]].concat())],
        query in prop::option::of(vec(any::<u8>(), 0..20)),
        peer in endpoint(),
        local in endpoint(),
        body in body(),
        headers in header_list(),
    ) -> Vec<u8> {
        let fields = RequestFields {
            method: method.as_bytes(),
            scheme,
            version,
            authority: &authority,
            path: &path,
            query: query.as_deref(),
            peer,
            local,
            body,
        };
        let mut out = Vec::new();
        RequestHead::write(&mut out, &fields, |to| headers.iter().for_each(|(name, value)| to.push(name, value)));
        assert_request_says(&out, &fields, &headers);
        out
    }
}

prop_compose! {
    fn reply_head(status: impl Strategy<Value = u16>, body: impl Strategy<Value = Body>)(
        status in status,
        body in body,
        reason in vec(any::<u8>(), 0..30),
        headers in header_list(),
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let fields = ReplyFields { status, reason: &reason, body };
        ReplyHead::write(&mut out, &fields, |to| headers.iter().for_each(|(name, value)| to.push(name, value)));
        let head = ReplyHead::read(&out[..]).unwrap();
        assert_eq!((head.status(), head.reason(), head.body()), (status, &reason[..], body));
        assert_same(head.headers(), &headers);
        out
    }
}

fn assert_request_says(bytes: &[u8], fields: &RequestFields<'_>, headers: &[(Vec<u8>, Vec<u8>)]) {
    let head = RequestHead::read(bytes).unwrap();
    assert_eq!(head.method().as_bytes(), fields.method);
    assert_eq!((head.scheme(), head.version(), head.body()), (fields.scheme, fields.version, fields.body));
    assert_eq!((head.authority(), head.path(), head.query()), (fields.authority, fields.path, fields.query));
    assert_eq!((head.peer(), head.local()), (fields.peer, fields.local));
    assert_same(head.headers(), headers);
    assert_same(head.to_owned_head().headers(), headers);
}

fn assert_same(read: swiftiply_wire::Headers<'_>, written: &[(Vec<u8>, Vec<u8>)]) {
    let read: Vec<_> = read.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
    assert_eq!(read, written);
}

prop_compose! {
    fn hello()(
        (version_min, version_max) in any::<(u8, u8)>(),
        (backend, nonce) in any::<([u8; 16], [u8; 32])>(),
        link in prop_oneof![Just(LinkIndex::First), (0..0xFFFFu16).prop_map(LinkIndex::Shard)],
        slots in 1..=SLOTS_MAX,
        (window, pid) in any::<(u32, u32)>(),
        (language, adapter, host, label) in (text(), text(), text(), text()),
    ) -> Hello {
        Hello { version_min, version_max, backend, link, slots, window, pid, nonce, language, adapter, host, label }
    }
}

prop_compose! {
    fn welcome()(
        (version, proxy, proof, window) in any::<(u8, [u8; 16], [u8; 32], u32)>(),
        (shard, links) in (1..=u16::MAX).prop_flat_map(|links| (0..links, Just(links))),
        ping_interval_ms in 1u32..,
    ) -> swiftiply_wire::Welcome {
        swiftiply_wire::Welcome { version, proxy, shard, links, window, ping_interval_ms, proof }
    }
}

/// The frame that fills `bytes`.
fn whole(bytes: &[u8]) -> Frame<'_> {
    let (used, frame) = Frame::parse(bytes, FRAME_PAYLOAD_MAX).unwrap().expect("a whole frame");
    assert_eq!(used, bytes.len());
    frame
}

/// Reads a frame as both sides would. What can be read says the same after it was written and read again.
fn read_both_ways(frame: Frame<'_>) {
    if let Ok(message) = ToProxy::read(frame) {
        let mut again = Vec::new();
        message.write(&mut again);
        assert_eq!(ToProxy::read(whole(&again)), Ok(message));
    }
    if let Ok(message) = ToBackend::read(frame) {
        let mut again = Vec::new();
        message.write(&mut again);
        assert_eq!(ToBackend::read(whole(&again)), Ok(message));
    }
}

proptest! {
    #[test]
    fn every_message_is_read_as_it_was_written(parts in parts()) {
        for message in parts.to_proxy() {
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            prop_assert_eq!(ToProxy::read(whole(&bytes)), Ok(message));
        }
        for message in parts.to_backend() {
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            prop_assert_eq!(ToBackend::read(whole(&bytes)), Ok(message));
        }
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_arrive(parts in parts(), sizes in vec(1..200usize, 1..50)) {
        let frames = parts.frames();
        let bytes = frames.concat();
        let (mut arrived, mut at, mut read) = (Vec::new(), 0, Vec::new());
        for size in sizes.into_iter().cycle() {
            let piece = &bytes[at..bytes.len().min(at + size)];
            at += piece.len();
            arrived.extend_from_slice(piece);
            while let Some((used, _)) = Frame::parse(&arrived, FRAME_PAYLOAD_MAX).unwrap() {
                read.push(arrived.drain(..used).collect::<Vec<u8>>());
            }
            if at == bytes.len() {
                break;
            }
        }
        prop_assert!(arrived.is_empty());
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn a_frame_that_is_not_all_there_is_waited_for(parts in parts()) {
        for bytes in parts.frames() {
            for cut in 0..bytes.len() {
                prop_assert_eq!(Frame::parse(&bytes[..cut], FRAME_PAYLOAD_MAX), Ok(None));
            }
        }
    }

    #[test]
    fn a_payload_that_ends_inside_a_field_is_refused(parts in parts()) {
        for bytes in parts.frames() {
            let frame = whole(&bytes);
            for cut in 0..frame.payload.len() {
                let short = Frame { payload: &frame.payload[..cut], ..frame };
                for error in [ToProxy::read(short).err(), ToBackend::read(short).err()] {
                    let refused = matches!(error, Some(WireError::Truncated { .. } | WireError::UnexpectedFrame { .. }));
                    prop_assert_eq!(refused, frame.kind != DATA, "type {:#x} cut at {}: {:?}", frame.kind, cut, error);
                }
            }
        }
    }

    #[test]
    fn bytes_after_the_last_field_are_left_to_later_versions(parts in parts(), more in vec(any::<u8>(), 1..20)) {
        for bytes in parts.frames().iter().filter(|bytes| bytes[3] != DATA) {
            let frame = whole(bytes);
            let longer = [frame.payload, &more].concat();
            let longer = Frame { payload: &longer, ..frame };
            prop_assert_eq!(ToProxy::read(longer).err(), ToProxy::read(frame).err());
            prop_assert_eq!(ToBackend::read(longer).err(), ToBackend::read(frame).err());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), limit in 0..400usize) {
        let mut rest = &bytes[..];
        while let Ok(Some((used, frame))) = Frame::parse(rest, limit) {
            read_both_ways(frame);
            rest = &rest[used..];
        }
    }

    #[test]
    fn random_payloads_of_every_type_never_panic(
        flags in any::<u8>(),
        stream in 0..=STREAM_MAX,
        payload in vec(any::<u8>(), 0..300),
    ) {
        for kind in 0..=u8::MAX {
            read_both_ways(Frame { kind, flags, stream, payload: &payload });
            read_both_ways(Frame { kind, flags, stream: 0, payload: &payload });
        }
    }

    #[test]
    fn damaged_frames_never_panic(parts in parts(), damage in vec(any::<(prop::sample::Index, u8)>(), 1..6)) {
        for mut bytes in parts.frames() {
            for (at, value) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Ok(Some((_, frame))) = Frame::parse(&bytes, FRAME_PAYLOAD_MAX) {
                read_both_ways(frame);
            }
        }
    }

    #[test]
    fn too_long_a_frame_is_refused_at_its_header(over in 1..=(0xFF_FFFF - FRAME_PAYLOAD_MAX), kind in any::<u8>()) {
        let announced = FRAME_PAYLOAD_MAX + over;
        let [_, a, b, c] = (announced as u32).to_be_bytes();
        let header: [u8; FRAME_HEADER_BYTES] = [a, b, c, kind, 0, 0, 0, 1];
        let refusal = WireError::FrameTooLong { announced, limit: FRAME_PAYLOAD_MAX };
        prop_assert_eq!(Frame::parse(&header, FRAME_PAYLOAD_MAX), Err(refusal));
    }
}

#[test]
fn the_longest_frame_and_the_longest_piece_of_body_are_read() {
    let mut longest = vec![0x02, 0, 0, 0x80, 0, 0, 0, 0];
    assert_eq!(Frame::parse(&longest, FRAME_PAYLOAD_MAX), Ok(None));
    longest.resize(FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX, 7);
    assert_eq!(whole(&longest).payload.len(), FRAME_PAYLOAD_MAX);

    let (mut piece, data) = (Vec::new(), vec![7; DATA_MAX]);
    let message = ToProxy::Data { stream: STREAM_MAX, data: &data, end: true, hold: true };
    message.write(&mut piece);
    assert_eq!(ToProxy::read(whole(&piece)), Ok(message));
}
