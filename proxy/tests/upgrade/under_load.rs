//! What clients notice of it: nothing.

use std::io;
use std::net::TcpStream;

use nix::sys::signal::Signal;
use rustls::{ClientConnection, StreamOwned};

use crate::app::App;
use crate::client::Http2;
use crate::load::{Load, connect, http1, http2};
use crate::service::Service;
use crate::support::{Authority, TlsDial};

const CLIENTS: usize = 12;

fn assert_nothing_failed(load: Load, app: &App) -> usize {
    let (answered, posts) = nothing_failed(load);
    assert_eq!(app.posts(), posts, "each ran once");
    answered
}

fn nothing_failed(load: Load) -> (usize, usize) {
    let (answered, posts, failures) = load.end();
    assert!(
        failures.is_empty(),
        "{} of {answered} failed: {:?}",
        failures.len(),
        &failures[..failures.len().min(5)]
    );
    (answered, posts)
}

#[test]
fn a_hundred_thousand_requests_notice_nothing_of_four_upgrades() {
    let mut service = Service::start("shards: 2");
    let app = App::start(&service.door(), 3, 2);
    let first = service.pid().unwrap();
    let load = Load::start(&service.address, CLIENTS);
    for shards in [2, 3, 1, 2] {
        load.wait_for_more(20_000);
        service.configure(&format!("shards: {shards}"));
        let old = service.pid().unwrap();
        service.upgrade();
        service.until_gone(old);
    }
    load.wait_for_more(20_001);
    let answered = assert_nothing_failed(load, &app);
    assert!(answered > 100_000, "{answered}");
    assert_eq!(app.connected(), 3);
    assert!(service.wait().success(), "{first} has ended in order");
    assert!(!service.log().contains(" WARN ") && !service.log().contains("ERROR"), "{}", service.log());

    let last = service.pid().unwrap();
    service.signal(Signal::SIGTERM);
    service.until_gone(last);
    assert!(!service.pidfile().exists() && !service.door().exists(), "the last one cleans up");
}

#[test]
fn clients_of_tls_and_of_http_2_notice_nothing_of_upgrades_either() {
    let mut service = Service::new("");
    let authority = Authority::new();
    authority.issue_into(&service.folder, "app", &["app.test"]);
    let (plain, secure) = (service.address.clone(), service.second_address());
    let keys =
        |shards| format!("shards: {shards}\ntls: {{at: \"{secure}\", certfile: app.pem, keyfile: app.key}}");
    service.configure(&keys(2));
    service.launch(service.command());
    // Addresses are bound one after the other, and `launch` has seen the first.
    service.until("it listens for TLS", || TcpStream::connect(&secure).is_ok());
    let app = App::start(&service.door(), 3, 2);
    let dial = authority.dial(secure.parse().unwrap());
    let loads = [
        Load::of(0..4, || http1(connect_secure(dial.clone()))),
        Load::of(10..14, || {
            let address = plain.parse().unwrap();
            http2(move || Http2::connect(address))
        }),
        Load::of(20..22, || {
            let dial = dial.clone();
            http2(move || Http2::connect_secure(&dial))
        }),
    ];
    let every_load_goes_on = || loads.iter().for_each(|load| load.wait_for_more(150));
    for shards in [2, 1, 3] {
        every_load_goes_on();
        service.configure(&keys(shards));
        let old = service.pid().unwrap();
        service.upgrade();
        // Its connections are in use, and still come to their end.
        service.until_gone(old);
    }
    every_load_goes_on();
    let posts: usize = loads.into_iter().map(|load| nothing_failed(load).1).sum();
    assert_eq!(app.posts(), posts, "each ran once");
    assert!(service.wait().success());
    assert!(!service.log().contains(" WARN ") && !service.log().contains("ERROR"), "{}", service.log());
    let last = service.pid().unwrap();
    service.signal(Signal::SIGTERM);
    service.until_gone(last);
}

fn connect_secure(dial: TlsDial) -> impl Fn() -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    move || {
        let name = dial.name.clone().try_into().expect("a name");
        let tls = ClientConnection::new(dial.config.clone(), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(tls, connect(&dial.address.to_string())?))
    }
}

#[test]
fn twenty_reloads_with_changing_maps_and_upgrades_among_them_fail_nothing_and_a_stop_ends_in_order() {
    let mut service = Service::start("shards: 2");
    let app = App::start(&service.door(), 2, 2);
    let load = Load::start(&service.address, CLIENTS);
    for round in 0..20 {
        let (more, said) = (["# more", ""][round % 2], round / 7 + 1);
        service.configure(&format!("shards: 2\n{more}"));
        service.signal(Signal::SIGHUP);
        let expected = if more.is_empty() { "again: 1 sites" } else { "again: 2 sites" };
        service.until_said(expected, (round / 2 + 1).min(said));
        load.wait_for_more(100);
        if round % 7 == 6 {
            service.upgrade();
        }
    }
    let answered = assert_nothing_failed(load, &app);
    assert!(answered >= 2_000);
    assert!(service.wait().success());
    let last = service.pid().unwrap();
    service.signal(Signal::SIGTERM);
    service.until_gone(last);
    assert!(!service.pidfile().exists());
}

#[test]
fn a_stop_in_the_middle_of_it_all_answers_what_it_has_taken() {
    let mut service = Service::start("shards: 2");
    let app = App::start(&service.door(), 2, 2);
    let load = Load::start(&service.address, CLIENTS);
    load.wait_for_more(200);
    service.upgrade();
    service.configure("shards: 2\n# more");
    service.signal(Signal::SIGHUP);
    let last = service.pid().unwrap();
    service.signal(Signal::SIGTERM);
    service.until_gone(last);
    assert!(service.wait().success());
    let (answered, posts, failures) = load.end();
    assert!(answered >= 200);
    // New connections are refused, or were waiting when the sockets closed; nobody who was let in gets less than a reply.
    let cut: Vec<_> = failures.iter().filter(|failure| failure.contains("closed after")).collect();
    assert!(cut.is_empty(), "{cut:?}");
    assert_eq!(app.posts(), posts);
}
