//! A link counts only after it has proved the key, and only while it keeps to the protocol.

use std::io::{ErrorKind, Read, Write};

use swiftiply::config::Secret;
use swiftiply_wire::{Body, GoodbyeCode, HeaderBlock, LinkIndex, PREFACE, RefusalCode, ToProxy};

use crate::support::{Backend, Dial, DialError, Socket, TestProxy, quick};

fn with_key() -> TestProxy {
    quick(|config| config.sites[0].key = Some(Secret::new(b"correct horse".to_vec())))
}

fn with_this_key(proxy: &TestProxy, key: &[u8]) -> Dial {
    Dial { key: Some(key.to_vec()), ..proxy.dial() }
}

/// Sends these bytes to the link port and reads until the proxy closes.
fn answer_to(proxy: &TestProxy, bytes: &[u8]) -> Vec<u8> {
    let mut socket = Socket::connect(&proxy.doors[0]).unwrap();
    socket.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Ok(_) => answer,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("the proxy does not close: {error}"),
    }
}

fn hello(proxy: &TestProxy) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    ToProxy::Hello(proxy.dial().hello(LinkIndex::First)).write(&mut bytes);
    bytes
}

#[test]
fn whoever_knows_the_key_is_let_in() {
    let proxy = with_key();
    let mut backend = proxy.backend_as(with_this_key(&proxy, b"correct horse"));
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn a_wrong_key_is_refused_with_a_sentence_that_says_what_to_do() {
    let proxy = with_key();
    let mut client = proxy.client();
    client.get("/secret");
    proxy.until_waiting(1);
    for key in [&b"wrong horse"[..], b"", b"correct hors", b"correct horse "] {
        match Backend::dial(with_this_key(&proxy, key)) {
            Err(DialError::Refused(refusal)) => {
                assert_eq!(refusal.code, RefusalCode::WrongKey);
                assert!(refusal.reason.contains("SWIFTIPLY_KEY"), "{}", refusal.reason);
            }
            _ => panic!("let in with {key:?}"),
        }
    }
    let counts = proxy.counts();
    assert_eq!((counts.backends, counts.waiting), (0, 1));
}

#[test]
fn before_the_proof_a_stranger_gets_nothing_but_a_nonce() {
    let proxy = with_key();
    let mut client = proxy.client();
    client.get("/secret");
    proxy.until_waiting(1);
    let mut socket = Socket::connect(&proxy.doors[0]).unwrap();
    // It behaves as if it had been let in, and asks for a sign of life.
    let mut bytes = hello(&proxy);
    ToProxy::Ping(1).write(&mut bytes);
    socket.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let challenge_bytes = 8 + 32;
    assert_eq!(answer[3], 0x02, "a CHALLENGE");
    assert_eq!(answer[challenge_bytes + 3], 0x05, "then a REFUSAL");
    let refusal_bytes = usize::from(answer[challenge_bytes + 2]);
    assert_eq!(answer.len(), challenge_bytes + 8 + refusal_bytes, "and nothing else");
    assert_eq!(proxy.counts().backends, 0);
}

#[test]
fn a_challenge_is_never_the_same() {
    let proxy = with_key();
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..3 {
        let mut socket = Socket::connect(&proxy.doors[0]).unwrap();
        socket.write_all(&hello(&proxy)).unwrap();
        let mut challenge = [0; 8 + 32];
        socket.read_exact(&mut challenge).unwrap();
        nonces.insert(challenge);
    }
    assert_eq!(nonces.len(), 3);
}

#[test]
fn strangers_cost_nothing_and_are_given_nothing() {
    let proxy = quick(|_| {});
    let mut client = proxy.client();
    client.get("/secret");
    proxy.until_waiting(1);
    let oversize = [&PREFACE[..], &[0, 8, 1, 0x01, 0, 0, 0, 0]].concat();
    let unknown_shard = {
        let mut bytes = PREFACE.to_vec();
        ToProxy::Hello(proxy.dial().hello(LinkIndex::Shard(7))).write(&mut bytes);
        bytes
    };
    let future = {
        let mut bytes = PREFACE.to_vec();
        let mut hello = proxy.dial().hello(LinkIndex::First);
        (hello.version_min, hello.version_max) = (200, 201);
        ToProxy::Hello(hello).write(&mut bytes);
        bytes
    };
    let mut no_hello = PREFACE.to_vec();
    ToProxy::Slots(3).write(&mut no_hello);

    assert_eq!(answer_to(&proxy, b"\xF5SwLink!garbage"), b"");
    assert_eq!(answer_to(&proxy, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), b"");
    assert_eq!(answer_to(&proxy, b"swiftclient012345"), b"");
    let page = String::from_utf8(answer_to(&proxy, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    assert!(
        page.starts_with("HTTP/1.1 421 ") && page.contains("Backends of Swiftiply dial in here."),
        "{page}"
    );
    for (bytes, code) in [(oversize, 5), (unknown_shard, 4), (no_hello, 5), (future, 2)] {
        let refusal = answer_to(&proxy, &bytes);
        assert_eq!((refusal[3], refusal[8]), (0x05, code), "{:?}", String::from_utf8_lossy(&refusal));
    }
    let counts = proxy.counts();
    assert_eq!((counts.backends, counts.waiting), (0, 1));
}

#[test]
fn a_backend_that_is_told_to_end_during_its_handshake_leaves_in_order() {
    let proxy = quick(|config| config.sites[0].key = Some(Secret::new(b"correct horse".to_vec())));
    let mut bytes = hello(&proxy);
    ToProxy::Goodbye { code: GoodbyeCode::Done, reason: String::new() }.write(&mut bytes);
    let answer = answer_to(&proxy, &bytes);
    assert_eq!((answer[3], answer.len()), (0x02, 40), "a CHALLENGE, and no REFUSAL");
}

#[test]
fn half_a_handshake_is_cut_after_its_time_and_holds_nobody_up() {
    let proxy = quick(|_| {});
    let mut strangers: Vec<_> = [&b""[..], &PREFACE[..4], &hello(&proxy)[..40]]
        .into_iter()
        .map(|bytes| {
            let mut socket = Socket::connect(&proxy.doors[0]).unwrap();
            socket.write_all(bytes).unwrap();
            socket
        })
        .collect();
    // Others come in meanwhile.
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
    // HANDSHAKE_MS is five seconds; the sockets would wait for longer.
    for stranger in &mut strangers {
        let mut answer = Vec::new();
        let outcome = stranger.read_to_end(&mut answer);
        assert!(
            matches!(&outcome, Ok(0))
                || outcome.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        );
    }
}

#[test]
fn a_crowd_of_silent_strangers_keeps_no_backend_out() {
    let proxy = quick(|_| {});
    let crowd: Vec<_> = (0..600).map(|_| Socket::connect(&proxy.doors[0]).unwrap()).collect();
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
    drop(crowd);
}

#[test]
fn frames_of_later_versions_are_skipped() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    backend.say_bytes(&[0, 0, 2, 0xfe, 0xff, 0, 0, 9, 1, 2]);
    backend.round_trip();
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
}

/// What a backend may not say when it has one request on stream 1, and a few bytes that say it.
fn breaches() -> Vec<(&'static str, Vec<u8>)> {
    let written = |message: ToProxy<'_>| {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        bytes
    };
    let trailers = HeaderBlock::new();
    vec![
        (
            "data on a stream that is not open",
            written(ToProxy::Data { stream: 2, data: b"x", end: false, hold: false }),
        ),
        ("STARTED on a stream that is not open", written(ToProxy::Started(77))),
        ("a window on a stream that is not open", written(ToProxy::Window { stream: 2, credit: 1 })),
        (
            "a reset of a stream that is not open",
            written(ToProxy::Reset {
                stream: 9,
                code: swiftiply_wire::ResetCode::AppFault,
                reason: String::new(),
            }),
        ),
        ("a refusal of a stream that is not open", written(ToProxy::Refuse(2))),
        ("a slot that is not held", written(ToProxy::Release(1))),
        (
            "the body of a reply before its head",
            written(ToProxy::Data { stream: 1, data: b"x", end: true, hold: false }),
        ),
        (
            "the trailers of a reply before its head",
            written(ToProxy::Trailers { stream: 1, headers: trailers.as_headers(), hold: false }),
        ),
        ("a frame that announces too much", vec![0xff, 0xff, 0xff, 0x11, 0, 0, 0, 1]),
        ("a frame that only the proxy sends", vec![0, 0, 1, 0x14, 0, 0, 0, 1, 1]),
        ("a type that is not in the table", vec![0, 0, 0, 0x7f, 0, 0, 0, 0]),
        ("a reply on stream nought", vec![0, 0, 0, 0x20, 0, 0, 0, 0]),
        ("half a reply's head", vec![0, 0, 2, 0x22, 1, 0, 0, 1, 0, 200]),
        ("a second HELLO", {
            let mut bytes = Vec::new();
            ToProxy::Hello(Dial::to(crate::support::Address::Unix("/".into())).hello(LinkIndex::First))
                .write(&mut bytes);
            bytes
        }),
    ]
}

#[test]
fn a_breach_ends_the_link_and_its_requests_are_saved() {
    for (what, bytes) in breaches() {
        let proxy = quick(|_| {});
        let (mut backend, mut client) = (proxy.backend(), proxy.client());
        client.get("/");
        assert_eq!(backend.request().stream, 1);
        backend.say_bytes(&bytes);
        assert_eq!(backend.goodbye().0, GoodbyeCode::Breach, "{what}");
        backend.closed();
        proxy.until("it is out", |counts| counts.backends == 0);
        // If the reply itself was at fault the client hears of it; what only shared the link is replayed.
        if what.starts_with("the ") {
            assert_eq!(client.reply().status, 502, "{what}");
        } else {
            proxy.until_waiting(1);
            proxy.backend().request().reply(200, "done");
            assert_eq!(client.reply().status, 200, "{what}");
        }
    }
}

#[test]
fn a_second_reply_to_one_request_is_a_breach() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = backend.request();
    request.reply(200, "done");
    request.reply_head(200, Body::None, &[], true);
    assert_eq!(client.reply().text(), "done");
    assert_eq!(backend.goodbye().0, GoodbyeCode::Breach);
}
