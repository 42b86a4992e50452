//! Bodies flow both ways at once, in windows that are coupled from end to end.

use swiftiply_wire::Body;
use swiftiply_wire::limits::WINDOW_DEFAULT;

use crate::client::{Http2, request};
use crate::frames::{DATA, HEADERS, Peer};
use crate::support::{Dial, quick};

#[test]
fn a_small_body_is_there_before_a_slot_is_taken() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    stream.send(b"he", false);
    backend.has_no_request();
    assert_eq!(proxy.counts().free, 1);
    stream.send(b"llo", true);
    let arrived = backend.request();
    assert_eq!(backend.piece(&arrived), (b"hello".to_vec(), true));
    arrived.reply(200, "done");
    assert_eq!(stream.reply().text(), "done");
}

#[test]
fn each_side_hears_the_other_at_once() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut post = request("POST", "/");
    post.headers_mut().insert("content-length", "40000".parse().unwrap());
    let mut stream = client.send(post, false);
    stream.send(&[b'a'; 20_000], false);
    let arrived = backend.request();
    assert_eq!(arrived.head.body(), Body::Length(40_000));
    arrived.reply_head(200, Body::Unknown, &[], false);
    assert_eq!(stream.head().status().as_u16(), 200);
    for word in ["one", "two", "three"] {
        arrived.data(word.as_bytes(), false);
        assert_eq!(stream.piece().as_deref(), Some(word.as_bytes()));
    }
    stream.send(&[b'b'; 20_000], true);
    assert_eq!(backend.body(&arrived).len(), 40_000);
    arrived.data(b"", true);
    assert_eq!(stream.piece(), None);
}

const LARGE: usize = 8 << 20;

#[test]
fn large_bodies_go_both_ways() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    let sending = std::thread::spawn(move || {
        stream.send(&vec![b'u'; LARGE], true);
        stream
    });
    let arrived = backend.request();
    assert_eq!(arrived.head.body(), Body::Unknown);
    let mut received = 0;
    loop {
        let (piece, end) = backend.piece(&arrived);
        assert!(piece.iter().all(|&byte| byte == b'u'));
        received += piece.len();
        arrived.grant(piece.len() as u32);
        if end {
            break;
        }
    }
    assert_eq!(received, LARGE);
    let mut stream = sending.join().expect("all was sent");
    arrived.reply_head(200, Body::Length(LARGE as u64), &[], false);
    let reading = std::thread::spawn(move || stream.reply());
    backend.send_within_window(&arrived, &vec![b'd'; LARGE]);
    arrived.data(b"", true);
    let reply = reading.join().expect("all was read");
    assert!(reply.body.len() == LARGE && reply.body.iter().all(|&byte| byte == b'd'));
}

#[test]
fn a_client_is_held_back_by_what_its_backend_takes() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_as(Dial { window: 1000, ..proxy.dial() });
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    // One window is sent, and its beginning kept; what the backend has not asked for stays with the client.
    let mut sent = 0;
    while sent < 65_535 {
        let room = stream.room(65_535 - sent);
        stream.send(&vec![b'x'; room], false);
        sent += room;
    }
    let arrived = backend.request();
    assert_eq!(backend.piece(&arrived).0.len(), 1000);
    backend
        .has_not_heard("more than its window", |heard| matches!(heard, crate::support::Heard::Data { .. }));
    // Another stream of the same connection is not.
    let mut other = client.get("/other");
    proxy.until_waiting(1);
    arrived.grant(1 << 20);
    let mut received = 1000;
    while received < sent {
        received += backend.piece(&arrived).0.len();
    }
    stream.send(b"end", true);
    assert_eq!(backend.body(&arrived), b"end");
    arrived.reply(200, "");
    backend.request().reply(200, "other");
    assert_eq!(other.reply().text(), "other");
    assert_eq!(stream.reply().status, 200);
}

#[test]
fn a_backend_is_held_back_by_what_its_client_takes() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.get(1);
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[], false);
    let sent = backend.send_until_stuck(&arrived);
    assert!(sent <= 2 * WINDOW_DEFAULT as usize, "{sent} bytes for a client that takes 65,535");
    peer.head(1);
    let mut received = 0;
    while received < 65_535 {
        received += peer.wait("DATA", |frame| frame.kind == DATA).payload.len();
    }
    assert_eq!(received, 65_535, "no more than its window");
    peer.is_alive();
    // It takes the rest once it opens its windows.
    peer.window(0, 1 << 24);
    peer.window(1, 1 << 24);
    arrived.data(b"", true);
    received += peer.body(1).len();
    assert_eq!(received, sent);
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let proxy = quick(|config| config.sites[0].max_body = Some(1000));
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut announced = request("POST", "/");
    announced.headers_mut().insert("content-length", "1001".parse().unwrap());
    assert_eq!(client.send(announced, false).reply().status, 413);
    let mut unannounced = client.post("/");
    unannounced.send(&[b'x'; 1001], false);
    assert_eq!(unannounced.reply().status, 413);
    backend.has_no_request();
    let mut fits = client.post("/");
    fits.send(&[b'x'; 1000], true);
    backend.request().reply(200, "fits");
    assert_eq!(fits.reply().text(), "fits");
}

#[test]
fn a_body_that_nobody_wants_is_stopped_behind_the_reply() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.post(1, &[("content-length", "1000000")]);
    peer.send(DATA, 0, 1, &[b'x'; 16_384]);
    peer.send(DATA, 0, 1, &[b'x'; 16_384]);
    backend.request().reply(403, "no");
    assert_eq!(peer.head(1).kind, HEADERS);
    assert_eq!(peer.body(1), b"no");
    assert_eq!(peer.was_reset(1), crate::frames::NO_ERROR, "the reply counts (RFC 9113 section 8.1)");
    peer.is_alive();
}
