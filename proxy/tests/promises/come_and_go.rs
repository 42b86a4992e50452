//! Backends come by dialling in, go by saying so, and are out when they die, freeze or lose a link.

use std::time::{Duration, Instant};

use swiftiply_wire::{Body, GoodbyeCode, ToProxy};

use crate::support::{Backend, Heard, quick};

#[test]
fn a_backend_that_drains_gets_nothing_new_ends_what_it_has_and_leaves() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(2);
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.get("/1");
    let running = backend.request();
    backend.drain();
    assert_eq!(proxy.counts().in_service, 0);
    second.get("/2");
    proxy.until_waiting(1);
    running.reply_head(200, Body::Length(8), &[], false);
    running.data(b"all ", false);
    running.data(b"done", true);
    assert_eq!(first.reply().text(), "all done");
    backend.has_no_request();
    backend.say_goodbye();
    backend.closed();
    proxy.until("it is forgotten", |counts| counts.backends == 0);

    let mut successor = proxy.backend();
    successor.request().reply(200, "two");
    assert_eq!(second.reply().text(), "two");
}

#[test]
fn a_request_that_crosses_the_goodbye_goes_to_another_backend() {
    let proxy = quick(|_| {});
    let mut leaver = proxy.backend();
    let mut client = proxy.client();
    client.post("/", "an order");
    leaver.request();
    leaver.say_goodbye();
    let mut other = proxy.backend();
    let request = other.request();
    assert!(request.flags.replay);
    assert_eq!(other.body(&request), b"an order");
    request.reply(200, "done");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_backend_that_dies_is_out_at_once() {
    let proxy = quick(|_| {});
    let (dying, mut other) = (proxy.backend_with_slots(8), proxy.backend());
    dying.die();
    proxy.until("one is left", |counts| counts.backends == 1 && counts.slots == 1);
    let mut client = proxy.client();
    client.get("/");
    other.request().reply(200, "done");
    client.reply();
}

#[test]
fn a_frozen_backend_is_noticed_within_two_ping_intervals_and_its_requests_saved() {
    let interval = Duration::from_millis(250);
    let proxy = quick(|config| config.ping_interval = interval);
    let mut frozen = proxy.backend_with_slots(2);
    let (mut replayed, mut lost) = (proxy.client(), proxy.client());
    replayed.get("/replayed");
    frozen.request().started();
    lost.post("/lost", "an order");
    frozen.request().started();
    frozen.round_trip();
    frozen.freeze();
    let from = Instant::now();

    let refused = lost.reply();
    // The proxy looks ten times a second; the rest is for a machine that is busy.
    assert!(from.elapsed() < 2 * interval + Duration::from_millis(1500), "{:?}", from.elapsed());
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("frozen or out of reach"), "{}", refused.text());
    assert_eq!(frozen.goodbye().0, GoodbyeCode::Silence);
    proxy.until("it is out, and its other request waits", |counts| {
        counts.backends == 0 && counts.waiting == 1
    });

    let mut other = proxy.backend();
    let request = other.request();
    assert_eq!(request.path(), "/replayed");
    request.reply(200, "saved");
    assert_eq!(replayed.reply().text(), "saved");
}

#[test]
fn a_backend_that_answers_pings_stays_for_as_long_as_a_request_takes() {
    let proxy = quick(|config| config.ping_interval = Duration::from_millis(100));
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    let request = backend.request();
    for _ in 0..4 {
        backend.pinged();
    }
    request.reply(200, "at last");
    assert_eq!(client.reply().text(), "at last");
}

#[test]
fn a_backend_that_loses_one_of_its_links_is_out_until_it_is_back() {
    let proxy = quick(|config| config.shards = 2);
    let mut backend = proxy.backend_with_slots(64);
    let mut clients: Vec<_> = (0..16).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| client.get("/"));
    let running: Vec<_> = clients.iter().map(|_| backend.request()).collect();
    assert!(
        running.iter().any(|request| request.link == 0) && running.iter().any(|request| request.link == 1)
    );
    backend.cut_link(1);
    backend.closed();
    proxy.until("out of service; half its requests wait for another chance", |counts| {
        counts.in_service == 0 && counts.backends == 1 && counts.waiting > 0
    });
    // What came on the other link goes on.
    running.iter().filter(|request| request.link == 0).for_each(|request| request.reply(200, "first try"));
    backend.bring(1).unwrap();
    proxy.until("back in service", |counts| counts.in_service == 1);
    for _ in running.iter().filter(|request| request.link == 1) {
        let again = backend.request();
        assert!(again.flags.replay);
        again.reply(200, "second try");
    }
    let replies = clients.iter_mut().map(|client| client.reply().text().to_owned());
    let first_tries = replies.filter(|text| text == "first try").count();
    assert_eq!(first_tries, running.iter().filter(|request| request.link == 0).count());
}

#[test]
fn a_second_link_with_the_same_identity_takes_the_place_of_the_first() {
    let proxy = quick(|_| {});
    let mut first = proxy.backend();
    let mut second = Backend::dial(first.dial_again()).unwrap();
    assert_eq!(first.goodbye().0, GoodbyeCode::Replaced);
    first.closed();
    let counts = proxy.counts();
    assert_eq!((counts.backends, counts.in_service, counts.slots), (1, 1, 1), "{counts:?}");
    let mut client = proxy.client();
    client.get("/");
    second.request().reply(200, "done");
    client.reply();
}

#[test]
fn a_backend_that_says_goodbye_on_one_link_and_dials_it_again_is_in_service() {
    let proxy = quick(|config| config.shards = 2);
    let mut backend = proxy.backend();
    backend.say(0, &ToProxy::Goodbye { code: GoodbyeCode::Silence, reason: "I heard nothing".into() });
    backend.closed();
    proxy.until("out of service", |counts| counts.in_service == 0 && counts.backends == 1);
    backend.bring(0).unwrap();
    proxy.until("back in service", |counts| counts.in_service == 1);
}

#[test]
fn the_proxy_answers_pings() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    backend.round_trip();
    backend.has_not_heard("anything but the answer", |heard| !matches!(heard, Heard::Pong(_)));
}
