//! Whoever leaves is missed at once, and nobody is left with half a message that looks whole.

use h2::Reason;
use swiftiply::run::Event;
use swiftiply_wire::{Body, CancelCode, ResetCode};

use crate::client::Http2;
use crate::frames::{GOAWAY, NO_ERROR, PING, Peer, REFUSED_STREAM, RST_STREAM};
use crate::support::{TestProxy, quick};

#[test]
fn a_stream_that_is_reset_is_cancelled_at_its_backend() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    let arrived = backend.request();
    stream.reset();
    assert_eq!(backend.cancelled(&arrived), CancelCode::ClientLeft);
    arrived.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
    let mut next = client.get("/next");
    backend.request().reply(200, "next");
    assert_eq!(next.reply().text(), "next", "the connection stays");
}

#[test]
fn a_stream_that_is_reset_while_it_waits_is_never_dispatched() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut first = client.get("/first");
    let arrived = backend.request();
    let mut second = client.get("/second");
    let mut third = client.get("/third");
    proxy.until_waiting(2);
    second.reset();
    proxy.until_waiting(1);
    arrived.reply(200, "first");
    assert_eq!(first.reply().text(), "first");
    let arrived = backend.request();
    assert_eq!(arrived.path(), "/third");
    arrived.reply(200, "third");
    assert_eq!(third.reply().text(), "third");
}

#[test]
fn a_stream_that_is_reset_within_its_body_cuts_the_request() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    stream.send(&[b'x'; 20_000], false);
    let arrived = backend.request();
    stream.reset();
    assert!(matches!(backend.cancelled(&arrived), CancelCode::RequestCut | CancelCode::ClientLeft));
    backend.has_not_heard("an end", |heard| matches!(heard, crate::support::Heard::Data { end: true, .. }));
}

#[test]
fn a_client_that_closes_takes_all_its_requests_along() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(2);
    let mut peer = Peer::connect(proxy.clients);
    for stream in [1, 3, 5] {
        peer.get(stream);
    }
    let running = [backend.request(), backend.request()];
    proxy.until_waiting(1);
    drop(peer);
    for arrived in &running {
        assert_eq!(backend.cancelled(arrived), CancelCode::ClientLeft);
    }
    proxy.until_waiting(0);
}

#[test]
fn a_request_whose_backend_died_is_given_to_another() {
    let proxy = quick(|_| {});
    let mut first = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    first.request().started();
    let mut second = proxy.backend();
    first.die();
    let arrived = second.request();
    assert!(arrived.flags.replay);
    arrived.reply(200, "second");
    assert_eq!(stream.reply().text(), "second");
}

#[test]
fn a_post_that_an_app_had_begun_is_answered_502() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    stream.send(b"once", true);
    let arrived = backend.request();
    arrived.started();
    backend.round_trip();
    backend.die();
    let reply = stream.reply();
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("died"), "{}", reply.text());
}

#[test]
fn a_reply_that_breaks_off_is_reset() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[], false);
    arrived.data(b"half", false);
    assert_eq!(stream.head().status().as_u16(), 200);
    assert_eq!(stream.piece().as_deref(), Some(&b"half"[..]));
    backend.die();
    let error = stream.try_piece().expect("no end that looks like one").expect_err("a reset");
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
}

/// A peer with a request on its way, whose proxy was just told to stop; and the last stream that it may still be on.
fn draining(proxy: &TestProxy) -> (crate::support::Backend, crate::support::Arrived, Peer) {
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.get(1);
    let arrived = backend.request();
    proxy.tell(Event::Stop);
    (backend, arrived, peer)
}

#[test]
fn a_proxy_that_stops_says_so_and_serves_what_it_has() {
    let proxy = quick(|_| {});
    let (mut backend, arrived, mut peer) = draining(&proxy);
    let goaway = peer.wait("GOAWAY", |frame| frame.kind == GOAWAY);
    assert_eq!((goaway.code(), &goaway.payload[..4]), (NO_ERROR, &[0x7f, 0xff, 0xff, 0xff][..]));
    // What crosses the GOAWAY is served too.
    peer.get(3);
    proxy.until_waiting(1);
    let ping = peer.wait("PING", |frame| frame.kind == PING);
    peer.send(PING, 1, 0, &ping.payload);
    let goaway = peer.wait("GOAWAY", |frame| frame.kind == GOAWAY);
    assert_eq!((goaway.code(), &goaway.payload[..4]), (NO_ERROR, &[0, 0, 0, 3][..]));
    // From here on a new stream is passed over: its client knows that it was not served.
    peer.get(5);
    arrived.reply(200, "first");
    backend.request().reply(200, "crossed");
    let mut ends = std::collections::BTreeMap::new();
    while let Some(frame) = peer.next() {
        assert!(frame.stream != 5 || (frame.kind, frame.code()) == (RST_STREAM, REFUSED_STREAM), "{frame:?}");
        if frame.is_end() {
            ends.insert(frame.stream, frame.payload);
        }
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [(1, b"first".to_vec()), (3, b"crossed".to_vec())]);
    backend.has_no_request();
    proxy.join();
}

#[test]
fn an_idle_connection_is_told_that_it_is_over() {
    let proxy = quick(|config| config.limits.idle_timeout = std::time::Duration::from_millis(200));
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.get(1);
    backend.request().reply(200, "done");
    assert_eq!(peer.body(1), b"done");
    let ping = peer.wait("PING", |frame| frame.kind == PING);
    peer.send(PING, 1, 0, &ping.payload);
    assert_eq!(peer.was_closed(), Some(NO_ERROR));
}

#[test]
fn a_request_keeps_its_connection_as_long_as_it_runs() {
    let proxy = quick(|config| config.limits.idle_timeout = std::time::Duration::from_millis(100));
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.get(1);
    let arrived = backend.request();
    // The proxy asks a silent client for a sign of life, and is content with it.
    for _ in 0..2 {
        let ping = peer.wait("PING", |frame| frame.kind == PING && frame.flags == 0);
        peer.send(PING, 1, 0, &ping.payload);
    }
    arrived.reply(200, "late");
    assert_eq!(peer.body(1), b"late");
}
