//! Tunnels outlive the process that they were opened in being replaced: it stays for them, until `drain_timeout`.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::client::Http2;
use crate::service::Service;
use crate::support::{Client, End};

const HANDSHAKE: &str =
    "GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A service with `drain_timeout` so long; its app, which has a thread for each of two tunnels and one more; and a
/// tunnel of each version.
fn open(drain_timeout: &str) -> (Service, App, Client, Http2, crate::client::Stream) {
    let service = Service::start(&format!("shards: 1\ndrain_timeout: {drain_timeout}"));
    let app = App::start(&service.door(), 1, 3);
    let address = service.address.parse().unwrap();
    let mut client = Client::connect(address);
    client.send(HANDSHAKE);
    assert_eq!(client.head().status, 101);
    let http2 = Http2::connect(address);
    let mut stream = http2.open_websocket("/chat");
    assert_eq!(stream.head().status().as_u16(), 200);
    (service, app, client, http2, stream)
}

fn talk(client: &mut Client, stream: &mut crate::client::Stream) {
    client.send("ping");
    assert_eq!(client.bytes(4), b"ping");
    stream.send(b"pong", false);
    assert_eq!(stream.piece().as_deref(), Some(&b"pong"[..]));
}

#[test]
fn an_open_tunnel_goes_on_and_the_old_process_ends_with_it() {
    let (mut service, _app, mut client, _http2, mut stream) = open("20");
    let old = service.pid().unwrap();
    talk(&mut client, &mut stream);
    service.upgrade();
    // The new process serves, and what is said in the old one is still heard.
    assert_eq!(service.status(), "200");
    talk(&mut client, &mut stream);
    service.upgrade();
    assert_eq!(service.status(), "200");
    talk(&mut client, &mut stream);
    stream.send(b"bye", true);
    assert_eq!(stream.piece().as_deref(), Some(&b"bye"[..]));
    assert_eq!(stream.piece(), None);
    client.send("bye");
    client.finish_sending();
    assert_eq!(client.bytes(3), b"bye");
    assert_eq!(client.end(), End::Closed);
    assert!(service.wait().success());
    service.until_gone(old);
    assert!(!service.log().contains("cut"), "{}", service.log());
}

#[test]
fn a_tunnel_that_does_not_end_is_cut_after_the_drain_timeout() {
    const DRAIN: Duration = Duration::from_secs(4);
    let (mut service, _app, mut client, _http2, mut stream) = open("4");
    let asked = Instant::now();
    service.upgrade();
    talk(&mut client, &mut stream);
    assert!(matches!(client.end(), End::Closed | End::Reset));
    assert!(asked.elapsed() >= DRAIN, "cut after {:?}", asked.elapsed());
    assert!(stream.try_piece().is_none_or(|piece| piece.is_err()));
    assert!(service.wait().success());
    assert_eq!(service.status(), "200");
}
