//! Request bodies: typed, decoded once, gathered before a slot is taken, streamed when they are large.

use std::time::Duration;

use swiftiply_wire::{Body, CancelCode, ResetCode};

use crate::support::{Dial, End, quick};

#[test]
fn a_body_by_length_arrives_with_its_length() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.post("/", "an order");
    let request = backend.request();
    assert_eq!(request.head.body(), Body::Length(8));
    assert_eq!(backend.body(&request), b"an order");
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_chunked_body_arrives_decoded_and_its_trailers_apart() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3;name=value\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 13\r\nX-More: yes\r\n\r\n");
    let request = backend.request();
    assert_eq!(request.head.body(), Body::Unknown);
    assert_eq!(request.header("X-Sum"), None);
    let (body, is_last) = backend.piece(&request);
    assert_eq!((body.as_slice(), is_last), (&b"abc0123456789"[..], false));
    let trailers = backend.trailers(&request);
    assert_eq!(trailers, [("X-Sum".into(), "13".into()), ("X-More".into(), "yes".into())]);
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_client_that_waits_for_the_app_in_the_middle_of_its_body_is_heard() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n");
    let request = backend.request();
    assert_eq!(backend.piece(&request), (b"ping".to_vec(), false));
    client.send("5\r\nagain\r\n0\r\n\r\n");
    assert_eq!(backend.body(&request), b"again");
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_silent_client_gets_none_of_the_last_slots() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    backend.slots(2);
    backend.round_trip();
    let (mut running, mut silent, mut quick) = (proxy.client(), proxy.client(), proxy.client());
    running.get("/running");
    let first = backend.request();
    silent.send("POST /silent HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n");
    // Longer than the silence that lets a client in.
    assert!(backend.request_within(Duration::from_millis(1500)).is_none());
    quick.get("/quick");
    let second = backend.request();
    assert_eq!(second.path(), "/quick");
    first.reply(200, "done");
    second.reply(200, "done");
    running.reply();
    quick.reply();
}

#[test]
fn an_empty_chunked_body_ends_too() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    let request = backend.request();
    assert_eq!(backend.body(&request), b"");
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_slow_client_costs_no_slot_until_its_small_body_is_there() {
    let proxy = quick(|_| {});
    let (mut backend, mut slow, mut quick) = (proxy.backend(), proxy.client(), proxy.client());
    slow.send("POST /slow HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");
    quick.get("/quick");
    let request = backend.request();
    assert_eq!(request.path(), "/quick");
    request.reply(200, "done");
    quick.reply();
    backend.has_no_request();
    slow.send("67890");
    let request = backend.request();
    assert_eq!(backend.body(&request), b"1234567890");
    request.reply(200, "done");
    slow.reply();
}

#[test]
fn a_large_body_is_on_its_way_before_all_of_it_is_there() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 40000\r\n\r\n");
    client.send(vec![b'a'; 20_000]);
    let request = backend.request();
    let mut got = 0;
    while got < 20_000 {
        got += backend.piece(&request).0.len();
    }
    client.send(vec![b'b'; 20_000]);
    assert_eq!(backend.body(&request), vec![b'b'; 20_000]);
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_large_upload_arrives_byte_for_byte_however_it_is_framed() {
    let body: Vec<u8> = (0..4 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for is_chunked in [false, true] {
        let proxy = quick(|_| {});
        let mut backend = proxy.backend_as(Dial { window: 100_000, ..proxy.dial() });
        let mut client = proxy.client();
        let sent = body.clone();
        let sending = std::thread::spawn(move || {
            if is_chunked {
                client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n");
                for (number, piece) in sent.chunks(7_919).enumerate() {
                    client.send(format!("{:x};n={number}\r\n", piece.len()));
                    client.send(piece);
                    client.send("\r\n");
                }
                client.send("0\r\n\r\n");
            } else {
                client.send(format!(
                    "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n",
                    sent.len()
                ));
                client.send(&sent);
            }
            client.reply()
        });
        let request = backend.request();
        let mut arrived = Vec::new();
        loop {
            let (piece, is_last) = backend.piece(&request);
            assert!(piece.len() <= 32 * 1024);
            arrived.extend_from_slice(&piece);
            request.grant(piece.len() as u32);
            if is_last {
                break;
            }
        }
        assert!(arrived == body, "{} bytes came", arrived.len());
        request.reply(200, "done");
        assert_eq!(sending.join().unwrap().status, 200);
    }
}

#[test]
fn an_upload_that_breaks_off_is_not_a_body() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 40000\r\n\r\n");
    client.send(vec![b'a'; 20_000]);
    let request = backend.request();
    drop(client);
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    backend.has_not_heard("an end of the body", |heard| {
        matches!(heard, crate::support::Heard::Data { end: true, .. })
    });
    assert_eq!(proxy.counts().in_flight, 1, "the app still works on it");
    request.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn a_small_upload_that_breaks_off_reaches_no_app() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST /cut HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");
    client.finish_sending();
    assert_ne!(client.end(), End::Whole);
    backend.has_no_request();
}

#[test]
fn chunks_that_go_wrong_in_the_middle_are_told_to_both_sides() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n");
    client.send(vec![b'a'; 0x5000]);
    let request = backend.request();
    client.send("\r\nnonsense\r\n");
    let reply = client.reply();
    assert_eq!(reply.status, 400);
    assert!(reply.closes());
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    assert_eq!(client.end(), End::Closed);
    request.reset(ResetCode::Cancelled, "the body broke off");
}

#[test]
fn a_client_that_closes_its_side_behind_a_body_without_window_has_not_cut_it() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_as(Dial { window: 20_000, ..proxy.dial() });
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 50000\r\n\r\n");
    client.send(vec![b'a'; 50_000]);
    client.finish_sending();
    let request = backend.request();
    let mut got = 0;
    while got < 20_000 {
        got += backend.piece(&request).0.len();
    }
    backend.round_trip();
    request.grant(50_000);
    assert_eq!(backend.body(&request).len(), 30_000);
    request.reply(200, "done");
    assert_eq!(client.reply().text(), "done");
}
