//! Versions, protocols, resumption; and clients that never finish.

use std::collections::VecDeque;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion};
use swiftiply::config::TlsVersion;
use swiftiply::run::Event;

use crate::support::{Client, End, PATIENCE};
use crate::{Served, frames};

#[test]
fn both_versions_in_use_are_spoken() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = served.dial().version(&served.authority, version).connect();
        assert_eq!(client.tls.as_ref().unwrap().protocol_version(), Some(expected));
        client.get("/");
        backend.request().reply(200, "hello");
        assert_eq!(client.reply().text(), "hello");
    }
}

#[test]
fn an_address_can_be_for_tls_1_3_only() {
    let served = Served::start_with(|config| config.tls[0].min_version = TlsVersion::Tls13);
    let old = served.dial().version(&served.authority, &TLS12).try_connect();
    assert!(old.unwrap_err().to_string().contains("ProtocolVersion"));
    served.dial().version(&served.authority, &TLS13).connect();
}

#[test]
fn http_1_1_is_agreed_on_where_the_client_offers_it() {
    let served = Served::start();
    let dial = |protocols: &[&str]| {
        let protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        served.dial().change(|config| config.alpn_protocols = protocols)
    };
    let agreed = |client: Client| client.tls.unwrap().alpn_protocol().map(<[u8]>::to_vec);
    assert_eq!(agreed(dial(&["http/1.1"]).connect()), Some(b"http/1.1".to_vec()));
    assert_eq!(agreed(dial(&[]).connect()), None);
    // RFC 7301 section 3.2: with nothing in common there is no connection.
    let error = dial(&["smtp"]).try_connect().unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn http_2_is_agreed_on_and_spoken_where_the_client_offers_it() {
    let browser = |served: &Served| {
        let protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        served.dial().change(|config| config.alpn_protocols = protocols).connect()
    };
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = browser(&served);
    assert_eq!(client.tls.as_ref().unwrap().alpn_protocol(), Some(&b"h2"[..]));
    client.send(frames::PREFACE);
    client.send(frames::frame(frames::SETTINGS, 0, 0, &[]));
    let head = frames::block(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "app.test"),
        (":path", "/"),
    ]);
    client.send(frames::frame(frames::HEADERS, frames::END_HEADERS | frames::END_STREAM, 1, &head));
    let request = backend.request();
    assert_eq!(request.head.version(), swiftiply_wire::Version::Http2);
    assert_eq!(request.head.scheme(), swiftiply_wire::Scheme::Https);
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("https"));
    request.reply(200, "hello");
    let mut kinds = Vec::new();
    while kinds.last() != Some(&frames::DATA) {
        let head = client.bytes(9);
        kinds.push(head[3]);
        let payload = client.bytes(usize::from(u16::from_be_bytes([head[1], head[2]])));
        assert!(head[3] != frames::DATA || payload == b"hello");
    }
    assert!(kinds.contains(&frames::SETTINGS) && kinds.contains(&frames::HEADERS), "{kinds:?}");

    let without = Served::start_with(|config| config.http2.enabled = false);
    assert_eq!(browser(&without).tls.unwrap().alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn a_session_is_resumed_whatever_the_version() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    for version in [&TLS12, &TLS13] {
        let dial = served.dial().version(&served.authority, version);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = dial.connect();
            assert_eq!(client.tls.as_ref().unwrap().handshake_kind(), Some(expected), "{version:?}");
            client.get("/");
            backend.request().reply(200, "hello");
            // With it come the tickets.
            assert_eq!(client.reply().text(), "hello");
        }
    }
}

#[test]
fn plain_http_at_a_port_of_tls_is_told_so() {
    let served = Served::start();
    let mut client = served.proxy.client();
    client.get("/");
    let reply = client.reply();
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("speaks TLS"), "{}", reply.text());
    assert!(reply.closes());
    client.finish_sending();
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn what_is_neither_tls_nor_http_gets_an_alert() {
    let served = Served::start();
    let mut client = served.proxy.client();
    client.send([0; 64]);
    // A fatal alert in a record of TLS 1.2.
    assert_eq!(client.bytes(6), [21, 3, 3, 0, 2, 2]);
}

#[test]
fn a_client_that_has_not_begun_holds_up_no_stop() {
    let served = Served::start_with(|config| {
        config.limits.handshake_timeout = 100 * PATIENCE;
        config.drain_timeout = 100 * PATIENCE;
    });
    let mut silent = served.proxy.client();
    // It is in its greeting: who comes after it is through.
    served.dial().connect();
    served.proxy.tell(Event::Stop);
    assert_eq!(silent.end(), End::Closed);
}

#[test]
fn a_handshake_that_takes_too_long_is_cut() {
    let served = Served::start_with(|config| config.limits.handshake_timeout = Duration::from_millis(100));
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = served.proxy.client();
        client.send(said);
        assert_eq!(client.end(), End::Closed);
    }
    // One that was in time may take its time after that.
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    let mut late = served.proxy.client();
    assert_eq!(late.end(), End::Closed);
    client.get("/");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().text(), "hello");
}

#[test]
fn of_too_many_handshakes_the_oldest_is_cut_and_others_go_on() {
    let served = Served::start_with(|config| config.limits.handshakes = 3);
    let slow_client = || {
        let mut client = served.proxy.client();
        client.send([22, 3, 1]);
        client
    };
    let mut slow: VecDeque<_> = (0..3).map(|_| slow_client()).collect();
    for _ in 0..5 {
        served.dial().connect();
        assert_eq!(slow.pop_front().unwrap().end(), End::Closed);
        // Those that are through hold no place.
        served.dial().connect();
        slow.push_back(slow_client());
    }
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.get("/");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().text(), "hello");
}
