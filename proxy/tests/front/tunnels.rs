//! A stream that becomes a tunnel after the app's 101.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use swiftiply_wire::{Body, CancelCode, GoodbyeCode, ResetCode};

use crate::support::{Arrived, Backend, Client, End, PATIENCE, TestProxy, quick};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A tunnel between this client and this backend.
fn open(proxy: &TestProxy, behind_the_handshake: &str) -> (Backend, Arrived, Client) {
    open_for(proxy.client(), proxy, behind_the_handshake)
}

fn open_for(mut client: Client, proxy: &TestProxy, behind_the_handshake: &str) -> (Backend, Arrived, Client) {
    let mut backend = proxy.backend();
    client.send(format!("{HANDSHAKE}{behind_the_handshake}"));
    let request = backend.request();
    assert!(request.flags.upgrade);
    assert_eq!(request.header("Upgrade").as_deref(), Some("websocket"));
    assert_eq!(request.header("Connection").as_deref(), Some("Upgrade"));
    request.reply_head(101, Body::None, &[("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "x")], false);
    let head = client.head();
    assert_eq!((head.status, head.header("Upgrade")), (101, Some("websocket")));
    assert_eq!(head.header("Connection"), Some("Upgrade"));
    assert_eq!((head.header("Content-Length"), head.header("Transfer-Encoding")), (None, None));
    (backend, request, client)
}

#[test]
fn both_sides_talk_and_each_word_goes_out_at_once() {
    let proxy = quick(|_| {});
    let (mut backend, request, mut client) = open(&proxy, "");
    for word in ["ping", "GET / HTTP/1.1\r\n\r\n", "\0\u{1}\u{7f}"] {
        client.send(word);
        let (heard, is_last) = backend.piece(&request);
        assert_eq!((heard.as_slice(), is_last), (word.as_bytes(), false));
        request.data(word.as_bytes(), false);
        assert_eq!(client.bytes(word.len()), word.as_bytes());
    }
}

#[test]
fn what_the_client_says_right_behind_its_handshake_is_not_lost() {
    let proxy = quick(|_| {});
    let (mut backend, request, mut client) = open(&proxy, "the first frame");
    assert_eq!(backend.piece(&request).0, b"the first frame");
    request.data(b"heard", true);
    assert_eq!(client.bytes(5), b"heard");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn the_app_may_go_on_after_the_client_has_said_its_last() {
    let proxy = quick(|_| {});
    let (mut backend, request, mut client) = open(&proxy, "");
    client.send("goodbye");
    client.finish_sending();
    assert_eq!(backend.body(&request), b"goodbye");
    request.data(b"one more thing", false);
    assert_eq!(client.bytes(14), b"one more thing");
    request.data(b"", true);
    assert_eq!(client.end(), End::Closed);
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn a_tunnel_keeps_its_slot_until_it_ends_or_the_backend_releases_it() {
    let proxy = quick(|_| {});
    let (mut backend, request, mut client) = open(&proxy, "");
    let mut other = proxy.client();
    other.get("/");
    proxy.until_waiting(1);
    backend.has_no_request();
    request.release();
    let second = backend.request();
    assert_ne!(second.stream, request.stream);
    second.reply(200, "done");
    other.reply();
    client.send("still here");
    assert_eq!(backend.piece(&request).0, b"still here");
    request.data(b"so am I", true);
    assert_eq!(client.bytes(7), b"so am I");
    backend.round_trip();
    assert_eq!(proxy.counts().free, 1, "its slot is not given back twice");
}

#[test]
fn much_goes_through_a_tunnel_both_ways_within_its_windows() {
    let proxy = quick(|_| {});
    let (mut backend, request, mut client) = open(&proxy, "");
    const TOTAL: usize = 2 << 20;
    let mut writing = client.stream.try_clone().unwrap();
    let sending = thread::spawn(move || writing.write_all(&vec![b'x'; TOTAL]).unwrap());
    let mut heard = 0;
    while heard < TOTAL {
        let (piece, is_last) = backend.piece(&request);
        assert!(!is_last);
        heard += piece.len();
        request.grant(piece.len() as u32);
    }
    sending.join().unwrap();
    let reading = thread::spawn(move || client.bytes(TOTAL).len());
    backend.send_within_window(&request, &vec![b'y'; TOTAL]);
    assert_eq!(reading.join().unwrap(), TOTAL);
}

#[test]
fn a_client_that_is_gone_is_told_to_the_app() {
    let proxy = quick(|_| {});
    let (mut backend, request, client) = open(&proxy, "");
    client.reset();
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    request.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn the_death_of_the_backend_cuts_it() {
    let proxy = quick(|_| {});
    let (backend, _, mut client) = open(&proxy, "");
    backend.die();
    assert_ne!(client.end(), End::Whole);
}

#[test]
fn an_app_may_refuse_to_switch() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(HANDSHAKE);
    backend.request().reply(426, "not here");
    let reply = client.reply();
    assert_eq!((reply.status, reply.text()), (426, "not here"));
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn nobody_switches_who_was_not_asked() {
    for request in [
        "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let proxy = quick(|_| {});
        let (mut backend, mut client) = (proxy.backend(), proxy.client());
        client.send(request);
        let arrived = backend.request();
        assert!(!arrived.flags.upgrade && arrived.header("Upgrade").is_none());
        arrived.reply_head(101, Body::None, &[("Upgrade", "websocket")], false);
        assert_eq!(client.reply().status, 502);
        assert_eq!(backend.goodbye().0, GoodbyeCode::Breach);
    }
}

/// Where silence has an end.
fn with_timeout(time: Duration) -> TestProxy {
    quick(|config| config.sites[0].tunnel_timeout = Some(time))
}

#[test]
fn a_silent_tunnel_is_closed_where_the_site_says_so_and_nowhere_else() {
    let (endless, proxy) = (quick(|_| {}), with_timeout(Duration::from_millis(300)));
    let (mut patient, its_request, mut its_client) = open(&endless, "");
    let (mut backend, request, mut client) = open(&proxy, "");
    assert_eq!(client.end(), End::Closed);
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    request.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
    its_client.send("still here");
    assert_eq!(patient.piece(&its_request).0, b"still here");
}

#[test]
fn a_byte_in_either_direction_is_a_sign_of_life() {
    let says: [fn(&mut Backend, &Arrived, &mut Client) -> bool; 2] = [
        |backend, request, client| {
            client.try_send(b"?").is_ok() && backend.piece_unless_cancelled(request).is_some()
        },
        |_, request, client| {
            request.data(b"!", false);
            matches!(client.stream.read(&mut [0]), Ok(1))
        },
    ];
    for say in says {
        let mut tries = (0..20).filter_map(|_| outlives_a_silent_one(say));
        assert!(tries.next().expect("a machine that lets this test run often enough"));
    }
}

/// Says byte after byte through one tunnel until another one, opened later, is closed for its silence. Tells whether the
/// first one still stands then; nothing, if this machine was so busy that it may have been silent itself.
fn outlives_a_silent_one(say: fn(&mut Backend, &Arrived, &mut Client) -> bool) -> Option<bool> {
    const TIMEOUT: Duration = Duration::from_millis(900);
    let proxy = with_timeout(TIMEOUT);
    let mut said = Instant::now();
    let (mut backend, request, mut client) = open(&proxy, "");
    let (_backend, _request, silent) = open(&proxy, "");
    let (mut stands, mut is_over, mut longest) = (true, false, Duration::ZERO);
    while stands && !is_over {
        // Once more after the end: both may have had the same deadline.
        is_over = silent.has_answer();
        stands = say(&mut backend, &request, &mut client);
        longest = longest.max(said.elapsed());
        said = Instant::now();
    }
    // Two bytes pass within the time of two turns; and the proxy's clock may be early by its tick.
    (longest < TIMEOUT / 3).then_some(stands)
}

/// What it has not taken is lost, so it must not look like an orderly end.
#[test]
fn a_tunnel_whose_client_takes_nothing_is_cut() {
    let proxy = with_timeout(Duration::from_millis(600));
    let client = Client::connect_narrow(proxy.clients);
    let (mut backend, request, mut client) = open_for(client, &proxy, "");
    backend.send_until_stuck(&request);
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    let end = client.stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn the_system_looks_after_the_client_of_a_tunnel() {
    let proxy = quick(|_| {});
    let (_backend, _request, client) = open(&proxy, "");
    let until = Instant::now() + PATIENCE;
    while !is_looked_after(&client) {
        assert!(Instant::now() < until, "no keepalive in /proc/net/tcp");
        thread::yield_now();
    }
    assert!(!is_looked_after(&proxy.client()), "a plain connection has its idle_timeout");
}

/// Whether the proxy's socket has TCP's keepalive: then its timer is of kind 2 while nothing else is to be done.
fn is_looked_after(client: &Client) -> bool {
    let hex = |address: SocketAddr| format!(":{:04X}", address.port());
    let (proxy, client) = (client.stream.peer_addr().unwrap(), client.stream.local_addr().unwrap());
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&hex(proxy)) && fields[2].ends_with(&hex(client)) && fields[5].starts_with("02:")
    })
}
