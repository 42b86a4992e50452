//! What a reader turns away or sets right, so that both ends and the client see one and the same message.

use std::panic::{AssertUnwindSafe, catch_unwind};

use swiftiply_wire::limits::{DATA_MAX, FRAME_PAYLOAD_MAX, HEADERS_MAX, STREAM_MAX, TEXT_MAX};
use swiftiply_wire::{
    Body, Frame, GoodbyeCode, HeaderBlock, Hello, LINK_STREAM, LinkIndex, PREFACE, ReplyFields, ReplyHead,
    RequestFields, RequestHead, ResetCode, Scheme, ToBackend, ToProxy, Token, Version, Welcome, WireError,
    put_reply, read_preface,
};

const REQUEST: u8 = 0x10;
const DATA: u8 = 0x11;
const INFORM: u8 = 0x21;
const REPLY: u8 = 0x22;
const END: u8 = 0x01;
const HOLD: u8 = 0x02;

fn frame(kind: u8, payload: &[u8]) -> Frame<'_> {
    Frame { kind, flags: 0, stream: 1, payload }
}

fn bad(field: &'static str) -> WireError {
    WireError::BadValue { field }
}

fn reply_head(status: u16, body: Body) -> Vec<u8> {
    let mut out = Vec::new();
    ReplyHead::write(&mut out, &ReplyFields { status, reason: b"", body }, |_| {});
    out
}

fn request_head(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let fields = RequestFields {
        method: b"GET",
        scheme: Scheme::Http,
        version: Version::Http11,
        authority: b"",
        path,
        query,
        peer: None,
        local: None,
        body: Body::None,
    };
    let mut out = Vec::new();
    RequestHead::write(&mut out, &fields, |_| {});
    out
}

#[test]
fn the_preface_is_known_by_each_of_its_bytes() {
    for there in 0..PREFACE.len() {
        assert_eq!(read_preface(&PREFACE[..there]), Ok(None));
        let mut other = PREFACE;
        other[there] ^= 0x20;
        assert_eq!(read_preface(&other[..=there]), Err(WireError::NotOurProtocol));
    }
    assert_eq!(read_preface(&[&PREFACE[..], b"more"].concat()), Ok(Some(PREFACE.len())));
    for stranger in [&b"GET / HTTP/1.1\r\n"[..], b"swiftclient", b"\x16\x03\x01\x02\x00", b"\0"] {
        assert_eq!(read_preface(stranger), Err(WireError::NotOurProtocol));
    }
}

#[test]
fn an_informational_status_cannot_pass_for_the_reply() {
    for status in (100..=199).filter(|status| *status != 101) {
        let head = reply_head(status, Body::None);
        assert_eq!(ToProxy::read(frame(REPLY, &head)), Err(bad("status")), "{status}");
        assert!(ToProxy::read(frame(INFORM, &head)).is_ok(), "{status}");
    }
    for status in [101, 200, 204, 304, 599] {
        let head = reply_head(status, Body::None);
        assert!(ToProxy::read(frame(REPLY, &head)).is_ok(), "{status}");
        assert_eq!(ToProxy::read(frame(INFORM, &head)), Err(bad("status")), "{status}");
    }
    for status in [0, 99, 600, u16::MAX] {
        assert_eq!(
            ToProxy::read(frame(REPLY, &reply_head(status, Body::None))),
            Err(bad("status")),
            "{status}"
        );
    }
}

#[test]
fn an_informational_reply_announces_no_body() {
    assert_eq!(ToProxy::read(frame(INFORM, &reply_head(103, Body::Length(1)))), Err(bad("body")));
}

#[test]
fn a_length_stands_only_where_the_body_has_one() {
    for kind in [0, 2] {
        let mut head = reply_head(200, Body::Length(5));
        head[2] = kind;
        assert_eq!(ToProxy::read(frame(REPLY, &head)), Err(bad("body length")));
    }
}

#[test]
fn a_path_begins_with_a_slash_or_is_a_star() {
    for path in ["/", "/a", "*"] {
        assert!(ToBackend::read(frame(REQUEST, &request_head(path.as_bytes(), None))).is_ok(), "{path}");
    }
    for path in ["", "a", "*a", "http://example.com/"] {
        let head = request_head(path.as_bytes(), None);
        assert_eq!(ToBackend::read(frame(REQUEST, &head)), Err(bad("path")), "{path}");
    }
}

#[test]
fn no_query_and_an_empty_one_are_two_things() {
    for query in [None, Some(&b""[..]), Some(b"a=1")] {
        let head = request_head(b"/", query);
        assert_eq!(RequestHead::read(&head[..]).unwrap().query(), query);
    }
    let mut denied = request_head(b"/", Some(b"a=1"));
    let there = denied.len() - b"\x01\x00\x03a=1\x00\x00".len();
    denied[there] = 0;
    assert_eq!(RequestHead::read(denied), Err(bad("query")));
}

#[test]
fn a_common_method_is_common_however_it_was_written() {
    let short = request_head(b"/", None);
    let at = 2 + 9 + 1 + 1;
    let spelled = [&short[..at], b"\x00\x00\x03GET", &short[at + 1..]].concat();
    let (short, spelled) = (RequestHead::read(short).unwrap(), RequestHead::read(spelled).unwrap());
    assert_eq!(short.method(), spelled.method());
    assert_eq!(spelled.path(), b"/");
}

#[test]
fn a_header_has_its_token_in_any_spelling() {
    for spelling in ["Content-Length", "content-length", "CONTENT-length"] {
        let mut headers = HeaderBlock::new();
        headers.push(spelling.as_bytes(), b"5");
        let (name, value) = headers.as_headers().iter().next().unwrap();
        assert_eq!((name.token(), name.as_bytes()), (Some(Token::CONTENT_LENGTH), spelling.as_bytes()));
        assert_eq!(headers.as_headers().get(Token::CONTENT_LENGTH), Some(value));
    }
    // From a writer that knows no numbers, or that hopes to get past a filter.
    let literal = b"\x00\xc8\0\0\0\0\0\0\0\0\0\0\x00\x01\x00\x00\x0eContent-Length\x00\x015";
    let head = ReplyHead::read(&literal[..]).unwrap();
    assert_eq!(head.headers().get(Token::CONTENT_LENGTH), Some(&b"5"[..]));
}

#[test]
fn a_header_list_holds_no_nameless_header_no_unknown_number_and_no_more_than_its_limit() {
    let list = |list: &[u8]| [&reply_head(200, Body::None)[..12], list].concat();
    let read = |bytes: Vec<u8>| ReplyHead::read(bytes).map(|head| head.headers().len());
    assert_eq!(read(list(b"\x00\x01\x00\x00\x00\x00\x00")), Err(bad("header name")));
    for number in [101, 0x7F, 0x80, 0x80 + 101, 0xFF] {
        assert_eq!(read(list(&[0, 1, number, 0, 0])), Err(bad("header name")), "{number}");
    }
    let many = |n: usize| list(&[&(n as u16).to_be_bytes()[..], &[1, 0, 0].repeat(n)].concat());
    assert_eq!(read(many(HEADERS_MAX)), Ok(HEADERS_MAX));
    assert_eq!(read(many(HEADERS_MAX + 1)), Err(bad("headers")));
}

#[test]
fn frames_about_an_exchange_name_a_stream_and_those_about_the_link_do_not() {
    for kind in [0x10, 0x11, 0x12, 0x13, 0x14, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25] {
        let frame = Frame { stream: LINK_STREAM, ..frame(kind, &[0; 8]) };
        assert_eq!(ToProxy::read(frame), Err(bad("stream")), "{kind:#x}");
        assert_eq!(ToBackend::read(frame), Err(bad("stream")), "{kind:#x}");
    }
    for kind in [0x01, 0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x33, 0x34] {
        assert_eq!(ToProxy::read(frame(kind, &[0; 8])), Err(bad("stream")), "{kind:#x}");
        assert_eq!(ToBackend::read(frame(kind, &[0; 8])), Err(bad("stream")), "{kind:#x}");
    }
    for stream in [LINK_STREAM, 1] {
        assert_eq!(ToProxy::read(Frame { stream, ..frame(0x80, b"?") }), Ok(ToProxy::Unknown(0x80)));
        assert_eq!(ToBackend::read(Frame { stream, ..frame(0xFF, b"?") }), Ok(ToBackend::Unknown(0xFF)));
    }
}

#[test]
fn a_piece_of_body_has_its_limit() {
    let data = vec![0; DATA_MAX + 1];
    let refusal = WireError::FrameTooLong { announced: DATA_MAX + 1, limit: DATA_MAX };
    assert_eq!(ToProxy::read(frame(DATA, &data)), Err(refusal));
    assert_eq!(ToBackend::read(frame(DATA, &data)), Err(refusal));
}

#[test]
fn only_a_closing_frame_holds_a_slot() {
    let piece = |flags| ToProxy::read(Frame { flags, ..frame(DATA, b"") }).unwrap().closes();
    assert_eq!(
        [piece(0), piece(HOLD), piece(END), piece(END | HOLD)],
        [None, None, Some((1, false)), Some((1, true))]
    );
    assert_eq!(piece(0xF0), None, "bits of a later version change nothing");
    assert_eq!(ToProxy::Refuse(9).closes(), Some((9, false)));
    assert_eq!(ToProxy::Started(9).closes(), None);
}

#[test]
fn a_welcome_makes_sense() {
    let sound = Welcome {
        version: 1,
        proxy: [0; 16],
        shard: 1,
        links: 2,
        window: 0,
        ping_interval_ms: 1,
        proof: [0; 32],
    };
    let read = |welcome: Welcome| {
        let mut bytes = Vec::new();
        ToBackend::Welcome(welcome).write(&mut bytes);
        ToBackend::read(Frame::parse(&bytes, FRAME_PAYLOAD_MAX).unwrap().unwrap().1).err()
    };
    assert_eq!(read(sound), None);
    assert_eq!(read(Welcome { links: 0, shard: 0, ..sound }), Some(bad("links")));
    assert_eq!(read(Welcome { shard: 2, ..sound }), Some(bad("shard")));
    assert_eq!(read(Welcome { ping_interval_ms: 0, ..sound }), Some(bad("ping_interval_ms")));
}

#[test]
fn the_highest_version_in_common_is_spoken() {
    let hello = |version_min, version_max| Hello {
        version_min,
        version_max,
        backend: [0; 16],
        link: LinkIndex::First,
        slots: 1,
        window: 0,
        pid: 1,
        nonce: [0; 32],
        language: String::new(),
        adapter: String::new(),
        host: String::new(),
        label: String::new(),
    };
    assert_eq!(hello(1, 1).common_version(), Some(1));
    assert_eq!(hello(0, 9).common_version(), Some(1));
    assert_eq!(hello(2, 9).common_version(), None);
    assert_eq!(hello(0, 0).common_version(), None);
    assert_eq!(hello(1, 0).common_version(), None);
}

#[test]
fn a_text_cannot_break_a_log_line_whoever_wrote_it() {
    let told = |bytes: &[u8]| match ToProxy::read(Frame { stream: 0, ..frame(0x34, bytes) }) {
        Ok(ToProxy::Goodbye { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(b"\x01\x0c\x1b[2Jgone\r\n\x7f!"), " [2Jgone   !");
    let mut written = Vec::new();
    ToProxy::Goodbye { code: GoodbyeCode::Done, reason: "a\nb\u{9b}c".into() }.write(&mut written);
    assert_eq!(&written[8..], b"\x01\x05a b c");
    let not_utf8 = Frame { stream: 0, ..frame(0x34, b"\x01\x01\xff") };
    assert_eq!(ToProxy::read(not_utf8), Err(bad("reason")));
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let mut bytes = Vec::new();
    let reason = "é".repeat(TEXT_MAX);
    ToProxy::Reset { stream: 1, code: ResetCode::AppFault, reason }.write(&mut bytes);
    let (_, frame) = Frame::parse(&bytes, FRAME_PAYLOAD_MAX).unwrap().unwrap();
    let Ok(ToProxy::Reset { reason, .. }) = ToProxy::read(frame) else { panic!("{frame:?}") };
    assert_eq!(reason, "é".repeat(TEXT_MAX / 2));
}

/// A programming error on this side must not turn the payload of half a frame into frames.
#[test]
fn a_frame_that_cannot_be_written_leaves_nothing_behind() {
    let fields = ReplyFields { status: 200, reason: b"", body: Body::None };
    let long = vec![b'x'; 1 << 16];
    let mut out = b"before".to_vec();
    let mut fails = |stream, value: &[u8], times| {
        let write = || {
            put_reply(&mut out, stream, &fields, true, false, |to| {
                (0..times).for_each(|_| to.push(b"X", value));
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(write)).is_err());
        assert_eq!(out, b"before");
    };
    fails(1, &long, 1);
    fails(1, &long[1..], 3);
    fails(1, b"", 1 << 16);
    fails(STREAM_MAX + 1, b"", 1);
}
