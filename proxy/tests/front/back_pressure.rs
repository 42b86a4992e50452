//! Nobody who stops reading makes us keep more than a window, or holds up others.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use swiftiply_wire::{Body, GoodbyeCode};

use crate::support::{Client, Dial, End, quick};

/// Longer than a proxy that reads would ever let a client wait here.
const STUCK: Duration = Duration::from_millis(600);

/// What the systems on both ends may hold: their send and receive buffers, at their largest.
const SYSTEM_BYTES_MAX: usize = 14 << 20;

/// Writes `piece` over and over until nothing is taken any more. Gives how many bytes were.
fn write_until_stuck(client: &mut Client, piece: &[u8], total_max: usize) -> usize {
    client.stream.set_write_timeout(Some(STUCK)).unwrap();
    let mut written = 0;
    while written < total_max {
        match client.stream.write(&piece[written % piece.len()..]) {
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error} after {written} bytes"),
        }
    }
    client.stream.set_write_timeout(Some(crate::support::PATIENCE)).unwrap();
    written
}

#[test]
fn an_app_that_does_not_read_stops_its_client() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_as(Dial { window: 64 * 1024, ..proxy.dial() });
    let mut client = proxy.client();
    const TOTAL: usize = 32 << 20;
    client.send(format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {TOTAL}\r\n\r\n"));
    let written = write_until_stuck(&mut client, &[b'x'; 64 * 1024], TOTAL);
    assert!(written < SYSTEM_BYTES_MAX, "{written} bytes were taken");
    let request = backend.request();
    let mut got = 0;
    while got < 64 * 1024 {
        got += backend.piece(&request).0.len();
    }
    backend
        .has_not_heard("more than its window", |heard| matches!(heard, crate::support::Heard::Data { .. }));
    // Once the app reads everything flows again.
    request.grant(u32::try_from(TOTAL).unwrap());
    let rest = std::thread::spawn(move || {
        client.send(vec![b'x'; TOTAL - written]);
        client
    });
    got += backend.body(&request).len();
    assert_eq!(got, TOTAL);
    request.reply(200, "done");
    assert_eq!(rest.join().unwrap().reply().text(), "done");
}

#[test]
fn a_client_that_does_not_read_stops_its_app_and_nobody_else() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(2);
    let (mut stuck, mut other) = (Client::connect_narrow(proxy.clients), proxy.client());
    stuck.get("/stuck");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[], false);
    let sent = backend.send_until_stuck(&request);
    assert!(sent < SYSTEM_BYTES_MAX, "{sent} bytes were taken");
    for _ in 0..5 {
        other.get("/other");
        backend.request().reply(200, "not held up");
        assert_eq!(other.reply().text(), "not held up");
    }
    request.data(b"", true);
    let reply = stuck.reply();
    assert_eq!((reply.body.len(), reply.end), (sent, End::Whole));
}

#[test]
fn a_client_that_reads_slowly_costs_no_slot_when_its_reply_fits_into_a_window() {
    let proxy = quick(|_| {});
    let (mut backend, mut slow) = (proxy.backend(), Client::connect_narrow(proxy.clients));
    slow.get("/");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[], false);
    let sent = backend.send_until_stuck(&request);
    assert_eq!(proxy.counts().free, 0);
    request.data(b"", true);
    backend.round_trip();
    assert_eq!(proxy.counts().free, 1, "the app is done; the rest is ours");
    assert_eq!(slow.reply().body.len(), sent);
}

#[test]
fn an_app_that_sends_beyond_its_window_is_cut() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), Client::connect_narrow(proxy.clients));
    client.get("/");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[], false);
    for _ in 0..1024 {
        request.data(&[b'x'; 32 * 1024], false);
    }
    assert_eq!(backend.goodbye().0, GoodbyeCode::Breach);
    assert_ne!(client.reply_as_far_as_it_comes().end, End::Whole);
}

#[test]
fn early_hints_without_end_are_a_breach() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), Client::connect_narrow(proxy.clients));
    client.get("/");
    let request = backend.request();
    let link = "x".repeat(30_000);
    for _ in 0..SYSTEM_BYTES_MAX / link.len() {
        request.inform(103, &[("Link", &link)]);
    }
    assert_eq!(backend.goodbye().0, GoodbyeCode::Breach);
}

#[test]
fn pipelined_requests_of_a_client_that_does_not_read_stop_being_read() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut client = Client::connect_narrow(proxy.clients);
    let serving = std::thread::spawn(move || {
        let body = "x".repeat(8 * 1024);
        let mut served = 0;
        loop {
            let request = backend.request();
            if request.path() == "/last" {
                request.reply(200, "done");
                return served;
            }
            request.reply(200, &body);
            served += 1;
        }
    });
    let request = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Padding: {}\r\n\r\n", "x".repeat(1_000));
    const TOTAL: usize = 24 << 20;
    let written = write_until_stuck(&mut client, request.as_bytes(), TOTAL);
    assert!(written < TOTAL, "all 24 MiB were taken");
    drop(client);
    // Others are served as ever.
    let mut other = proxy.client();
    other.get("/last");
    assert_eq!(other.reply().text(), "done");
    let served = serving.join().unwrap();
    assert!(served * request.len() < SYSTEM_BYTES_MAX, "{served} requests were served to nobody");
}
