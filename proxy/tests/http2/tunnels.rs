//! WebSockets by extended CONNECT (RFC 8441): to the app they look like those of HTTP/1.1.

use std::time::Duration;

use h2::Reason;
use swiftiply_wire::{Body, CancelCode, ResetCode};

use crate::client::{Http2, Stream};
use crate::support::{Arrived, Backend, TestProxy, quick};

fn open(proxy: &TestProxy, client: &Http2) -> (Backend, Arrived, Stream) {
    let mut backend = proxy.backend();
    let mut stream = client.open_websocket("/chat?room=1");
    let request = backend.request();
    assert_eq!((request.method().as_str(), request.path().as_str()), ("GET", "/chat"));
    assert!(request.flags.upgrade && request.flags.end);
    assert_eq!(request.header("Upgrade").as_deref(), Some("websocket"));
    assert_eq!(request.header("Connection").as_deref(), Some("Upgrade"));
    assert_eq!(request.header("Sec-WebSocket-Version").as_deref(), Some("13"));
    assert_eq!(request.header("Sec-WebSocket-Key").map(|key| key.len()), Some(24));
    let headers =
        [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "x"), ("Sec-WebSocket-Protocol", "chat")];
    request.reply_head(101, Body::None, &headers, false);
    let head = stream.head();
    assert_eq!(head.status().as_u16(), 200);
    assert_eq!(head.headers()["sec-websocket-protocol"], "chat");
    for name in ["upgrade", "connection", "sec-websocket-accept"] {
        assert!(!head.headers().contains_key(name), "{name}");
    }
    (backend, request, stream)
}

#[test]
fn both_sides_talk_and_each_word_goes_out_at_once() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let (mut backend, request, mut stream) = open(&proxy, &client);
    for word in [&b"ping"[..], b"\x81\x05hello", b"\0"] {
        stream.send(word, false);
        assert_eq!(backend.piece(&request), (word.to_vec(), false));
        request.data(word, false);
        assert_eq!(stream.piece().as_deref(), Some(word));
    }
    stream.send(b"bye", true);
    assert_eq!(backend.body(&request), b"bye");
    request.data(b"bye", true);
    assert_eq!(stream.piece().as_deref(), Some(&b"bye"[..]));
    assert_eq!(stream.piece(), None);
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn requests_go_on_beside_a_tunnel_that_has_released_its_slot() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let (mut backend, request, mut stream) = open(&proxy, &client);
    request.release();
    let mut other = client.get("/");
    backend.request().reply(200, "beside");
    assert_eq!(other.reply().text(), "beside");
    request.data(b"still here", false);
    assert_eq!(stream.piece().as_deref(), Some(&b"still here"[..]));
}

#[test]
fn much_goes_through_both_ways() {
    const TOTAL: usize = 1 << 20;
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let (mut backend, request, mut stream) = open(&proxy, &client);
    let sending = std::thread::spawn(move || {
        stream.send(&vec![b'x'; TOTAL], false);
        stream
    });
    let mut heard = 0;
    while heard < TOTAL {
        let (piece, _) = backend.piece(&request);
        heard += piece.len();
        request.grant(piece.len() as u32);
    }
    let mut stream = sending.join().expect("all was sent");
    let reading = std::thread::spawn(move || {
        let mut read = 0;
        while read < TOTAL {
            read += stream.piece().expect("more").len();
        }
        read
    });
    backend.send_within_window(&request, &vec![b'y'; TOTAL]);
    assert_eq!(reading.join().expect("all was read"), TOTAL);
}

#[test]
fn a_client_that_resets_its_tunnel_is_told_to_the_app() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let (mut backend, request, mut stream) = open(&proxy, &client);
    stream.reset();
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    request.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn a_silent_tunnel_is_closed_where_the_site_says_so_and_its_connection_stays() {
    let proxy = quick(|config| config.sites[0].tunnel_timeout = Some(Duration::from_millis(300)));
    let client = Http2::connect(proxy.clients);
    let (mut backend, request, mut stream) = open(&proxy, &client);
    let end =
        stream.try_piece().expect("no end in order: nobody said goodbye").expect_err("nothing was said");
    assert_eq!(end.reason(), Some(Reason::CANCEL), "RFC 8441 section 5");
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    request.reset(ResetCode::Cancelled, "the client left");
    let mut other = client.get("/");
    backend.request().reply(200, "beside");
    assert_eq!(other.reply().text(), "beside");
}

#[test]
fn an_app_may_refuse_to_switch() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let mut backend = proxy.backend();
    let mut stream = client.open_websocket("/");
    backend.request().reply(403, "not you");
    let reply = stream.reply();
    assert_eq!((reply.status, reply.text()), (403, "not you"));
}

/// Any 2xx would tell the client that its tunnel is open.
#[test]
fn a_page_instead_of_a_tunnel_is_no_success() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    let mut backend = proxy.backend();
    let mut stream = client.open_websocket("/");
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[], false);
    arrived.data(b"<html>", false);
    let reply = stream.reply();
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("did not switch"), "{}", reply.text());
    assert_eq!(backend.cancelled(&arrived), CancelCode::ClientLeft, "the rest is not wanted");
    arrived.data(b"", true);
    proxy.until("the slot is free", |counts| counts.free == 1);
    // All of it in one piece, too.
    let mut stream = client.open_websocket("/");
    backend.request().reply(200, "<html>");
    assert_eq!(stream.reply().status, 502);
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn another_protocol_than_websocket_is_not_known() {
    use crate::frames::{END_HEADERS, HEADERS, Peer, block};
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    let fields = [
        (":method", "CONNECT"),
        (":scheme", "http"),
        (":authority", "app.test"),
        (":path", "/"),
        (":protocol", "connect-udp"),
    ];
    peer.send(HEADERS, END_HEADERS, 1, &block(&fields));
    assert_eq!(peer.head(1).status(), 501);
    backend.has_no_request();
}
