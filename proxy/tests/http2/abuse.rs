//! What a client may cost: each flood has a bound, and ends the connection that it comes from and no other.

use std::time::Duration;

use swiftiply_wire::Body;

use crate::client::Http2;
use crate::frames::*;
use crate::support::quick;

/// CVE-2023-44487: each request is reset as soon as it has been sent.
#[test]
fn rapid_resets_end_the_connection() {
    let proxy = quick(|config| config.http2.resets = 50);
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    for request in 0..1000 {
        let stream = 2 * request + 1;
        peer.get(stream);
        peer.reset(stream);
    }
    assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM) | None));
    proxy.until_waiting(0);
    // The one request that may have reached the backend is cancelled; others are served.
    let client = Http2::connect(proxy.clients);
    let mut others = client.get("/other");
    let mut arrived = backend.request();
    while arrived.path() != "/other" {
        arrived.reset(swiftiply_wire::ResetCode::Cancelled, "the client left");
        arrived = backend.request();
    }
    arrived.reply(200, "served");
    assert_eq!(others.reply().text(), "served");
}

/// The same, slowly enough that each request has reached the queue.
#[test]
fn resets_of_requests_that_wait_end_the_connection_too() {
    let proxy = quick(|config| config.http2.resets = 20);
    let mut peer = Peer::connect(proxy.clients);
    let mut sent = 0;
    while sent < 20 {
        let stream = 2 * sent + 1;
        peer.get(stream);
        peer.is_alive();
        peer.reset(stream);
        sent += 1;
    }
    assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM) | None));
    proxy.until_waiting(0);
}

#[test]
fn resets_are_forgiven_to_a_client_that_lets_others_be_answered() {
    let proxy = quick(|config| config.http2.resets = 3);
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    let mut stream = 1;
    for _ in 0..10 {
        peer.get(stream);
        backend.request().reply(200, "answered");
        peer.body(stream);
        peer.get(stream + 2);
        let arrived = backend.request();
        peer.reset(stream + 2);
        backend.cancelled(&arrived);
        arrived.reset(swiftiply_wire::ResetCode::Cancelled, "the client left");
        stream += 4;
    }
    peer.is_alive();
}

/// CVE-2025-8671: the client makes the server reset its streams.
#[test]
fn resets_that_a_client_provokes_count_as_its_own() {
    let proxy = quick(|config| config.http2.resets = 50);
    let mut peer = Peer::connect(proxy.clients);
    for request in 0..1000 {
        let stream = 2 * request + 1;
        peer.post(stream, &[]);
        peer.window(stream, 0x7fff_ffff);
    }
    assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM) | None));
    proxy.until_waiting(0);
}

/// CVE-2024-27316: a head that never ends.
#[test]
fn a_flood_of_continuations_ends_the_connection() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    for piece in [&[][..], &block(&[("x-own", "value")])] {
        let mut peer = Peer::connect(proxy.clients);
        peer.send(HEADERS, END_STREAM, 1, &block(&fields_of("GET")));
        for _ in 0..10_000 {
            peer.send(CONTINUATION, 0, 1, piece);
        }
        assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM | COMPRESSION_ERROR) | None));
    }
    backend.has_no_request();
}

/// A small block that unfolds into a large head, again and again from the table.
#[test]
fn a_head_that_unfolds_is_bounded_as_it_is_decoded() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    let mut payload = block(&fields_of("GET"));
    // A literal that is indexed, of 3,000 bytes, and a thousand references to it.
    payload.extend_from_slice(&[0x40, 1, b'x', 0x7f, 0xb9, 0x16]);
    payload.extend_from_slice(&[b'y'; 3000]);
    payload.extend_from_slice(&[0xbe; 10_000]);
    peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &payload);
    let answer = peer.wait("a refusal", |frame| matches!(frame.kind, HEADERS | GOAWAY));
    match answer.kind {
        HEADERS => assert_eq!(answer.status(), 431),
        _ => assert_eq!(answer.code(), ENHANCE_YOUR_CALM),
    }
    backend.has_no_request();
}

#[test]
fn frames_that_carry_nothing_end_the_connection() {
    let floods: [(&str, Vec<u8>); 4] = [
        ("PING", frame(PING, ACK, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("an unknown type", frame(0x5a, 0, 0, &[0; 64])),
    ];
    let proxy = quick(|config| config.http2.overhead = 64 * 1024);
    for (name, flood) in floods {
        let mut peer = Peer::connect(proxy.clients);
        let piece = flood.repeat(1 + 8 * 1024 / flood.len());
        for _ in 0..20 {
            peer.bytes(&piece);
        }
        assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM) | None), "{name}");
    }
}

#[test]
fn tiny_pieces_of_a_body_end_the_connection() {
    let proxy = quick(|_| {});
    let mut peer = Peer::connect(proxy.clients);
    peer.post(1, &[]);
    let piece = frame(DATA, 0, 1, b"").repeat(1000);
    for _ in 0..2000 {
        peer.bytes(&piece);
    }
    assert!(matches!(peer.was_closed(), Some(ENHANCE_YOUR_CALM) | None));
}

#[test]
fn more_streams_than_allowed_are_refused_and_cost_no_slot() {
    let proxy = quick(|config| config.http2.streams = 3);
    let mut backend = proxy.backend_with_slots(9);
    let mut peer = Peer::silent(proxy.clients);
    peer.bytes(PREFACE);
    peer.settings(&[]);
    let settings = peer.wait("SETTINGS", |frame| frame.kind == SETTINGS && frame.flags & ACK == 0).payload;
    assert!(
        settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 3]),
        "SETTINGS_MAX_CONCURRENT_STREAMS"
    );
    peer.send(SETTINGS, ACK, 0, &[]);
    for stream in [1, 3, 5, 7] {
        peer.get(stream);
    }
    assert_eq!(peer.was_reset(7), REFUSED_STREAM);
    let running = [backend.request(), backend.request(), backend.request()];
    backend.has_no_request();
    running.iter().for_each(|arrived| arrived.reply(200, "done"));
    peer.body(5);
    peer.get(9);
    backend.request().reply(200, "room again");
    peer.head(9);
}

#[test]
fn a_client_that_opens_no_window_is_not_waited_for() {
    let proxy = quick(|config| config.limits.idle_timeout = Duration::from_millis(300));
    let mut backend = proxy.backend();
    // Windows of nothing: no reply with a body ever leaves.
    let mut peer = Peer::with_settings(proxy.clients, &[(4, 0)]);
    peer.get(1);
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[], false);
    arrived.data(b"waiting", false);
    assert_eq!(peer.head(1).status(), 200);
    // It goes on saying that it lives.
    let code = loop {
        let Some(frame) = peer.next() else { panic!("the connection was closed") };
        match frame.kind {
            PING if frame.flags & ACK == 0 => peer.send(PING, ACK, 0, &frame.payload),
            RST_STREAM => break frame.code(),
            _ => {}
        }
    };
    assert_eq!(code, CANCEL);
    assert_eq!(backend.cancelled(&arrived), swiftiply_wire::CancelCode::ClientLeft);
}

#[test]
fn a_client_that_reads_nothing_at_all_is_cut() {
    let proxy = quick(|config| config.limits.idle_timeout = Duration::from_millis(300));
    let mut backend = proxy.backend();
    let mut peer = Peer::with_settings(proxy.clients, &[(4, 0x7fff_ffff)]);
    peer.window(0, 0x7000_0000);
    peer.get(1);
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[], false);
    let sent = backend.send_until_stuck(&arrived);
    assert!(sent > 100_000, "{sent}");
    assert_eq!(backend.cancelled(&arrived), swiftiply_wire::CancelCode::ClientLeft);
}

#[test]
fn a_client_that_begins_and_falls_silent_is_cut() {
    let proxy = quick(|config| config.limits.head_timeout = Duration::from_millis(200));
    let mut peer = Peer::silent(proxy.clients);
    peer.bytes(&PREFACE[..20]);
    assert_eq!(peer.was_closed(), None);
}
