//! Requests and replies within TLS, and how connections end.

use std::io::{Read, Write};

use rustls::version::{TLS12, TLS13};
use swiftiply_wire::{Body, Scheme};

use crate::Served;
use crate::support::End;

#[test]
fn the_app_is_told_that_its_client_came_over_tls() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.get("/");
    let request = backend.request();
    assert_eq!(request.head.scheme(), Scheme::Https);
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("https"));
    assert_eq!(request.header("X-Forwarded-Port").as_deref(), Some("443"));
    request.reply(200, "hello");
    client.reply();
}

#[test]
fn large_bodies_pass_both_ways() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    for version in [&TLS12, &TLS13] {
        let mut client = served.dial().version(&served.authority, version).connect();
        let body: Vec<u8> = (0..3_000_000u32).map(|n| (n ^ (n >> 8)) as u8).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let request = backend.request();
                let mut received = Vec::new();
                while received.len() < body.len() {
                    let (piece, _) = backend.piece(&request);
                    request.grant(piece.len() as u32);
                    received.extend_from_slice(&piece);
                }
                request.reply_head(200, Body::Length(received.len() as u64), &[], false);
                backend.send_within_window(&request, &received);
                request.data(b"", true);
            });
            client
                .send(format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n", body.len()));
            client.send(&body);
            assert!(client.reply().body == body);
        });
    }
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.send("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    for path in ["/1", "/2"] {
        backend.request().reply(200, path);
        assert_eq!(client.reply().text(), path);
    }
}

#[test]
fn an_orderly_end_is_said_within_tls() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().text(), "hello");
    // Not `Cut`: a close_notify has come.
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn an_idle_connection_ends_in_order() {
    let served =
        Served::start_with(|config| config.limits.idle_timeout = std::time::Duration::from_millis(100));
    let mut client = served.dial().connect();
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_cut_reply_is_visibly_cut() {
    let served = Served::start();
    let mut client = served.dial().connect();
    let mut backend = served.proxy.backend();
    // One by the connection's end: only TLS can tell it from a whole one.
    client.send("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[], false);
    request.data(b"half of ", false);
    assert_eq!(client.head().status, 200);
    assert_eq!(client.bytes(8), b"half of ");
    backend.die();
    let end = client.end();
    assert!(matches!(end, End::Cut | End::Reset), "{end:?}");
}

#[test]
fn a_record_that_was_tampered_with_ends_the_connection_with_an_alert() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.stream.write_all(&[23, 3, 3, 0, 32]).unwrap();
    client.stream.write_all(&[0; 32]).unwrap();
    // Before the alert come tickets.
    let tls = client.tls.as_mut().unwrap();
    let error = loop {
        if let Err(error) = tls.complete_io(&mut client.stream) {
            break error;
        }
    };
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    backend.has_no_request();
}

#[test]
fn a_client_that_leaves_without_a_word_is_gone() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.get("/");
    let request = backend.request();
    client.reset();
    backend.cancelled(&request);
    request.reply(200, "nobody hears it");
    let mut client = served.dial().connect();
    client.get("/next");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().text(), "hello");
    let mut rest = Vec::new();
    client.tls.as_mut().unwrap().send_close_notify();
    client.tls.as_mut().unwrap().write_tls(&mut client.stream).unwrap();
    client.stream.read_to_end(&mut rest).unwrap();
}
