//! SIGTERM drains: what runs is finished, and nothing new is taken.

use std::time::{Duration, Instant};

use swiftiply::run::Event;
use swiftiply_wire::GoodbyeCode;

use crate::support::{End, PATIENCE, quick, until_refused};

#[test]
fn a_stop_finishes_what_runs_and_what_waits_and_takes_nothing_new() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let (mut running, mut waiting, mut idle) = (proxy.client(), proxy.client(), proxy.client());
    idle.get("/idle");
    backend.request().reply(200, "done");
    idle.reply();
    running.get("/1");
    let request = backend.request();
    waiting.get("/2");
    proxy.until_waiting(1);

    proxy.tell(Event::Stop);
    assert_eq!(idle.end(), End::Closed, "nothing was owed to it");
    until_refused(&proxy);
    request.reply(200, "one");
    assert_eq!(running.reply().text(), "one");
    assert_eq!(running.end(), End::Closed);
    backend.request().reply(200, "two");
    let reply = waiting.reply();
    assert_eq!(reply.text(), "two");
    assert_eq!(waiting.end(), End::Closed);
    assert_eq!(backend.goodbye().0, GoodbyeCode::Done);
    backend.closed();
    proxy.join();
}

#[test]
fn a_head_that_had_begun_to_arrive_is_still_served() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/1");
    client.send("GET /2 HTTP/1.1\r\nHost: app.");
    backend.request().reply(200, "one");
    client.reply();
    let mut idle = proxy.client();
    idle.get("/idle");
    backend.request().reply(200, "done");
    idle.reply();
    proxy.tell(Event::Stop);
    assert_eq!(idle.end(), End::Closed);
    client.send("test\r\n\r\n");
    backend.request().reply(200, "two");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.closes()), ("two", true));
    assert_eq!(client.end(), End::Closed);
    proxy.join();
}

#[test]
fn a_second_stop_ends_at_once() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request();
    let from = Instant::now();
    proxy.tell(Event::Stop);
    proxy.tell(Event::Stop);
    proxy.join();
    assert!(from.elapsed() < PATIENCE / 2, "{:?}", from.elapsed());
    assert_ne!(client.end(), End::Whole);
}

#[test]
fn a_request_that_does_not_end_is_cut_when_the_time_is_up() {
    let proxy = quick(|config| config.drain_timeout = Duration::from_millis(50));
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    let _endless = backend.request();
    proxy.tell(Event::Stop);
    proxy.join();
    assert_ne!(client.end(), End::Whole);
}

#[test]
fn a_proxy_without_clients_stops_at_once() {
    let proxy = quick(|config| config.shards = 2);
    let mut backend = proxy.backend();
    let from = Instant::now();
    proxy.tell(Event::Stop);
    assert_eq!(backend.goodbye().0, GoodbyeCode::Done);
    proxy.join();
    assert!(from.elapsed() < PATIENCE / 2, "{:?}", from.elapsed());
}
