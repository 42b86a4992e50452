//! `PROTOCOL.md` says what the code does: its example, byte by byte, and its tables.
//!
//! One file, because all of it reads the same document.

use std::collections::BTreeMap;

use swiftiply_wire::limits::{FRAME_PAYLOAD_MAX, HANDSHAKE_PAYLOAD_MAX};
use swiftiply_wire::{
    Body, CancelCode, Challenge, FRAME_HEADER_BYTES, Frame, GoodbyeCode, HeaderBlock, Hello, Key, LinkIndex,
    Method, Nonce, PREFACE, Proof, Refusal, RefusalCode, ReplyFields, ReplyHead, RequestFields, RequestFlags,
    RequestHead, ResetCode, Scheme, ToBackend, ToProxy, Token, Version, Welcome, WireError, backend_proof,
    limits, proxy_proof, put_reply, read_preface,
};

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Backend,
    Proxy,
}

// The example.

const CHALLENGE: Nonce = sequence(0x40);

const fn sequence<const N: usize>(first: u8) -> [u8; N] {
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = first + i as u8;
        i += 1;
    }
    bytes
}

fn key() -> Key {
    Key::new("correct horse battery staple")
}

fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        backend: sequence(0),
        link: LinkIndex::First,
        slots: 5,
        window: 262_144,
        pid: 4242,
        nonce: sequence(0x20),
        language: "ruby 3.1.2".into(),
        adapter: "swiftiply-rack 0.9.0".into(),
        host: "web-1".into(),
        label: "r42".into(),
    }
}

fn welcome(hello: &[u8]) -> Welcome {
    Welcome {
        version: 1,
        proxy: sequence(0xA0),
        shard: 0,
        links: 1,
        window: 262_144,
        ping_interval_ms: 2_000,
        proof: proxy_proof(&key(), &CHALLENGE, hello),
    }
}

fn request_head() -> Vec<u8> {
    let fields = RequestFields {
        method: b"GET",
        scheme: Scheme::Http,
        version: Version::Http11,
        authority: b"example.com",
        path: b"/hello",
        query: Some(b"a=1"),
        peer: Some("192.0.2.7:50123".parse().unwrap()),
        local: Some("192.0.2.1:80".parse().unwrap()),
        body: Body::None,
    };
    let mut out = Vec::new();
    RequestHead::write(&mut out, &fields, |headers| {
        headers.push(b"Host", b"example.com");
        headers.push(b"user-agent", b"curl/8.0");
        headers.push(b"X-Trace", b"7");
    });
    out
}

fn reply_head() -> Vec<u8> {
    let mut out = Vec::new();
    let fields = ReplyFields { status: 200, reason: b"", body: Body::Length(14) };
    ReplyHead::write(&mut out, &fields, |headers| headers.push_token(Token::CONTENT_TYPE, b"text/plain"));
    out
}

/// What the example says, in its order.
fn with_example(check: impl FnOnce(&[Said<'_>])) {
    let mut hello_frame = Vec::new();
    ToProxy::Hello(hello()).write(&mut hello_frame);
    let hello_payload = &hello_frame[FRAME_HEADER_BYTES..];
    let mac = backend_proof(&key(), &CHALLENGE, hello_payload);
    let (request, reply) = (request_head(), reply_head());
    let request = RequestHead::read(&request[..]).unwrap();
    let reply = ReplyHead::read(&reply[..]).unwrap();
    let flags = RequestFlags { end: true, ..RequestFlags::default() };
    check(&[
        Said::ByBackend(ToProxy::Hello(hello())),
        Said::ByProxy(ToBackend::Challenge(Challenge { nonce: CHALLENGE })),
        Said::ByBackend(ToProxy::Proof(Proof { mac })),
        Said::ByProxy(ToBackend::Welcome(welcome(hello_payload))),
        Said::ByProxy(ToBackend::Request { stream: 1, head: request, flags }),
        Said::ByBackend(ToProxy::Reply { stream: 1, head: reply, end: false, hold: false }),
        Said::ByBackend(ToProxy::Data { stream: 1, data: b"Hello, world!\n", end: true, hold: false }),
        Said::ByProxy(ToBackend::Ping(7)),
        Said::ByBackend(ToProxy::Pong(7)),
        Said::ByBackend(ToProxy::Drain),
        Said::ByBackend(ToProxy::Goodbye { code: GoodbyeCode::Done, reason: "drained".into() }),
    ]);
}

/// A message and its direction.
#[derive(Debug, PartialEq)]
enum Said<'a> {
    ByBackend(ToProxy<'a>),
    ByProxy(ToBackend<'a>),
}

impl Said<'_> {
    fn side(&self) -> Side {
        match self {
            Self::ByBackend(_) => Side::Backend,
            Self::ByProxy(_) => Side::Proxy,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::ByBackend(message) => message.write(out),
            Self::ByProxy(message) => message.write(out),
        }
    }
}

/// The dump in section 20: who sends, and the bytes up to the other's turn or the next paragraph.
fn dump() -> Vec<(Side, Vec<u8>)> {
    let (_, dump) = DOCUMENT.split_once("```link\n").expect("the document has an example");
    let (dump, _) = dump.split_once("```").unwrap();
    dump.split("\n\n").map(paragraph).collect()
}

fn paragraph(text: &str) -> (Side, Vec<u8>) {
    let mut sides = Vec::new();
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (side, rest) = line.split_at(1);
        sides.push(match side {
            "B" => Side::Backend,
            "P" => Side::Proxy,
            other => panic!("who is {other:?}? {line}"),
        });
        let hex = rest.split('|').next().unwrap().split_whitespace();
        bytes.extend(hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    assert!(sides.windows(2).all(|pair| pair[0] == pair[1]), "one side per paragraph: {text}");
    (sides[0], bytes)
}

#[test]
fn the_example_is_what_the_crate_writes() {
    with_example(|example| {
        let mut expected = vec![(Side::Backend, PREFACE.to_vec())];
        for said in example {
            let mut bytes = Vec::new();
            said.write(&mut bytes);
            expected.push((said.side(), bytes));
        }
        let dump = dump();
        for (number, (documented, written)) in dump.iter().zip(&expected).enumerate() {
            assert_eq!(documented, written, "paragraph {number}");
        }
        assert_eq!(dump.len(), expected.len());
    });
}

#[test]
fn the_example_reads_back_to_the_same_values() {
    let dump = dump();
    let (preface, frames) = dump.split_first().unwrap();
    assert_eq!(read_preface(&preface.1), Ok(Some(preface.1.len())));
    with_example(|example| {
        for ((side, bytes), said) in frames.iter().zip(example) {
            let in_handshake = bytes[3] < 0x10;
            let limit = if in_handshake { HANDSHAKE_PAYLOAD_MAX } else { FRAME_PAYLOAD_MAX };
            let (used, frame) = Frame::parse(bytes, limit).unwrap().unwrap();
            assert_eq!(used, bytes.len());
            let read = match side {
                Side::Backend => Said::ByBackend(ToProxy::read(frame).unwrap()),
                Side::Proxy => Said::ByProxy(ToBackend::read(frame).unwrap()),
            };
            assert_eq!(&read, said);
        }
    });
}

#[test]
fn the_example_s_proofs_are_accepted() {
    let dump = dump();
    let payload = |paragraph: usize| &dump[paragraph].1[FRAME_HEADER_BYTES..];
    let (hello, challenge, proof, welcome) = (payload(1), payload(2), payload(3), payload(4));
    let challenge: &Nonce = challenge.try_into().unwrap();
    assert!(key().accepts_backend(challenge, hello, proof.try_into().unwrap()));
    assert!(key().accepts_proxy(challenge, hello, welcome[29..61].try_into().unwrap()));
}

#[test]
fn one_pass_writes_the_same_reply() {
    let mut bytes = Vec::new();
    let fields = ReplyFields { status: 200, reason: b"", body: Body::Length(14) };
    put_reply(&mut bytes, 1, &fields, false, false, |headers| headers.push(b"Content-Type", b"text/plain"));
    assert_eq!(bytes, dump()[6].1);
}

// The tables.

/// The rows of the table behind this marker, without its head; cells are trimmed, backquotes and all.
fn table(name: &str) -> Vec<Vec<&'static str>> {
    let marker = format!("<!-- table: {name} -->\n");
    let (_, rest) = DOCUMENT.split_once(&marker).unwrap_or_else(|| panic!("no table {name}"));
    let lines = rest.lines().take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.skip(2).map(cells).collect()
}

fn hex(cell: &str) -> u8 {
    u8::from_str_radix(cell.strip_prefix("0x").unwrap(), 16).unwrap()
}

/// One message of every kind that has a place in the table, under its name there.
fn with_each_message(check: impl FnOnce(Vec<(&str, Said<'_>)>)) {
    use {Said::ByBackend as B, Said::ByProxy as P};
    let (request, reply) = (request_head(), reply_head());
    let request = RequestHead::read(&request[..]).unwrap();
    let reply = ReplyHead::read(&reply[..]).unwrap();
    let mut inform = Vec::new();
    ReplyHead::write(&mut inform, &ReplyFields { status: 103, reason: b"", body: Body::None }, |_| {});
    let inform = ReplyHead::read(&inform[..]).unwrap();
    let block = HeaderBlock::new();
    let (stream, data, headers, reason) = (1, &b"x"[..], block.as_headers(), String::new());
    let all = RequestFlags { end: true, expects_continue: true, upgrade: true, replay: true };
    let refusal = Refusal { code: RefusalCode::WrongKey, reason: String::new() };
    check(vec![
        ("HELLO", B(ToProxy::Hello(hello()))),
        ("CHALLENGE", P(ToBackend::Challenge(Challenge { nonce: CHALLENGE }))),
        ("PROOF", B(ToProxy::Proof(Proof { mac: [0; 32] }))),
        ("WELCOME", P(ToBackend::Welcome(welcome(b"")))),
        ("REFUSAL", P(ToBackend::Refusal(refusal))),
        ("REQUEST", P(ToBackend::Request { stream, head: request, flags: all })),
        ("DATA", B(ToProxy::Data { stream, data, end: true, hold: true })),
        ("DATA", P(ToBackend::Data { stream, data, end: true })),
        ("TRAILERS", B(ToProxy::Trailers { stream, headers, hold: true })),
        ("TRAILERS", P(ToBackend::Trailers { stream, headers })),
        ("WINDOW", B(ToProxy::Window { stream, credit: 1 })),
        ("WINDOW", P(ToBackend::Window { stream, credit: 1 })),
        ("CANCEL", P(ToBackend::Cancel { stream, code: CancelCode::ClientLeft })),
        ("STARTED", B(ToProxy::Started(stream))),
        ("INFORM", B(ToProxy::Inform { stream, head: inform })),
        ("REPLY", B(ToProxy::Reply { stream, head: reply, end: true, hold: true })),
        ("RESET", B(ToProxy::Reset { stream, code: ResetCode::AppFault, reason: reason.clone() })),
        ("REFUSE", B(ToProxy::Refuse(stream))),
        ("RELEASE", B(ToProxy::Release(stream))),
        ("SLOTS", B(ToProxy::Slots(1))),
        ("DRAIN", B(ToProxy::Drain)),
        ("DRAIN", P(ToBackend::Drain)),
        ("PING", B(ToProxy::Ping(1))),
        ("PING", P(ToBackend::Ping(1))),
        ("PONG", B(ToProxy::Pong(1))),
        ("PONG", P(ToBackend::Pong(1))),
        ("GOODBYE", B(ToProxy::Goodbye { code: GoodbyeCode::Done, reason: reason.clone() })),
        ("GOODBYE", P(ToBackend::Goodbye { code: GoodbyeCode::Done, reason })),
    ]);
}

/// Number, name, senders and flags of each frame type, as the crate writes them.
#[test]
fn the_table_of_frames_is_the_code_s() {
    let flags: Vec<(u8, &str)> = table("flags").iter().map(|row| (hex(row[0]), row[1])).collect();
    assert_eq!(flags, [(1, "END"), (2, "HOLD"), (4, "EXPECT"), (8, "UPGRADE"), (16, "REPLAY")]);
    let names =
        |bits: u8| flags.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>();

    let mut documented = BTreeMap::new();
    for row in table("frames") {
        // "END; from B also HOLD"
        let (of_both, of_backend) = row[3].split_once("; from B also ").unwrap_or((row[3], ""));
        let of_both: Vec<_> = of_both.split_whitespace().collect();
        if row[2].contains('B') {
            let flags = of_both.iter().copied().chain(of_backend.split_whitespace()).collect();
            documented.insert((hex(row[0]), 'B'), (row[1], flags));
        }
        if row[2].contains('P') {
            documented.insert((hex(row[0]), 'P'), (row[1], of_both));
        }
    }
    let mut written = BTreeMap::new();
    with_each_message(|messages| {
        for (name, said) in messages {
            let mut bytes = Vec::new();
            said.write(&mut bytes);
            let side = if said.side() == Side::Backend { 'B' } else { 'P' };
            let earlier = written.insert((bytes[3], side), (name.to_owned(), names(bytes[4])));
            assert_eq!(earlier, None, "{name}");
        }
    });
    let written: BTreeMap<_, _> =
        written.iter().map(|(at, (name, flags))| (*at, (name.as_str(), flags.clone()))).collect();
    assert_eq!(documented, written);
}

/// A type that the table does not give to a side is refused by the reader of that side, and no other.
#[test]
fn only_the_types_of_the_table_are_read() {
    let rows = table("frames");
    let sent_by = |kind: u8, side: char| rows.iter().any(|row| hex(row[0]) == kind && row[2].contains(side));
    for kind in 0..=u8::MAX {
        let streams = [0, 1].map(|stream| Frame { kind, flags: 0, stream, payload: &[] });
        let refused = Some(WireError::UnexpectedFrame { kind });
        let by_proxy = streams.iter().any(|frame| ToProxy::read(*frame).err() == refused);
        let by_backend = streams.iter().any(|frame| ToBackend::read(*frame).err() == refused);
        assert_eq!(by_proxy, kind < 0x80 && !sent_by(kind, 'B'), "to the proxy: {kind:#x}");
        assert_eq!(by_backend, kind < 0x80 && !sent_by(kind, 'P'), "to the backend: {kind:#x}");
    }
}

#[test]
fn the_table_of_codes_is_the_code_s() {
    use {CancelCode as C, GoodbyeCode as G, RefusalCode as F, ResetCode as R};
    let documented: Vec<_> =
        table("codes").iter().map(|row| (row[0], row[1].to_owned(), row[2].to_owned())).collect();
    let mut written = Vec::new();
    let mut add = |frame, code: &dyn std::fmt::Debug, said: Said<'_>| {
        let mut bytes = Vec::new();
        said.write(&mut bytes);
        written.push((frame, bytes[FRAME_HEADER_BYTES].to_string(), format!("{code:?}")));
    };
    for code in [F::WrongKey, F::Version, F::Closing, F::TooMany, F::Malformed] {
        add("REFUSAL", &code, Said::ByProxy(ToBackend::Refusal(Refusal { code, reason: String::new() })));
    }
    for code in [C::ClientLeft, C::RequestCut, C::Deadline] {
        add("CANCEL", &code, Said::ByProxy(ToBackend::Cancel { stream: 1, code }));
    }
    for code in [R::AppFault, R::Cancelled, R::Stopping] {
        add("RESET", &code, Said::ByBackend(ToProxy::Reset { stream: 1, code, reason: String::new() }));
    }
    for code in [G::Done, G::Breach, G::Silence, G::Replaced] {
        add("GOODBYE", &code, Said::ByProxy(ToBackend::Goodbye { code, reason: String::new() }));
    }
    assert_eq!(documented, written);
}

#[test]
fn a_refusal_is_an_operators_to_lift_where_the_document_says_so() {
    use RefusalCode as F;
    for code in [F::WrongKey, F::Version, F::Closing, F::TooMany, F::Malformed] {
        let name = format!("{code:?}");
        let row = table("codes").into_iter().find(|row| row[2] == name).unwrap();
        assert_eq!(code.is_permanent(), row[3].contains("Only an operator"), "{name}");
    }
    assert!(!F::Other(200).is_permanent());
}

#[test]
fn the_table_of_limits_is_the_code_s() {
    macro_rules! values {
        ($($name:ident)*) => { [$((stringify!($name), limits::$name as u64)),*] };
    }
    let values = values!(FRAME_PAYLOAD_MAX HANDSHAKE_PAYLOAD_MAX DATA_MAX WINDOW_DEFAULT HEAD_BYTES_MAX HEADERS_MAX
        SLOTS_MAX STREAM_MAX TEXT_MAX BODY_KEPT_MIN HANDSHAKE_MS);
    let documented: Vec<_> = table("limits")
        .iter()
        .map(|row| (row[0].trim_matches('`'), row[1].replace(',', "").parse::<u64>().unwrap()))
        .collect();
    assert_eq!(documented, values);

    let mut in_source: Vec<_> = include_str!("../src/limits.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .collect();
    let mut named: Vec<_> = values.iter().map(|(name, _)| *name).collect();
    in_source.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, in_source, "every limit is in the table");
}

#[test]
fn the_table_of_header_names_is_the_code_s() {
    let mut documented: Vec<(u8, &str)> = Vec::new();
    for row in table("names") {
        for cell in row.chunks(2).filter(|cell| !cell[0].is_empty()) {
            documented.push((cell[0].parse().unwrap(), cell[1]));
        }
    }
    documented.sort_unstable();
    let code: Vec<_> = Token::all().map(|token| (token.number(), token.canonical())).collect();
    assert_eq!(documented, code);
}

#[test]
fn the_methods_have_the_numbers_of_the_document() {
    let row = DOCUMENT.lines().find(|line| line.contains("| method | 1 GET")).expect("the row of the method");
    for (index, name) in Method::common().iter().enumerate() {
        let number = index + 1;
        assert!(row.contains(&format!("{number} {name}")), "{number} {name}");
        assert_eq!(usize::from(Method::new(name.as_bytes()).number()), number);
    }
}
