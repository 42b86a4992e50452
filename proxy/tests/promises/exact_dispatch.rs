//! A request goes to a backend only when that backend has a free slot.

use crate::support::{Dial, quick};

#[test]
fn a_slot_never_has_two_requests() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.get("/1");
    let running = backend.request();
    second.get("/2");
    proxy.until_waiting(1);
    backend.has_no_request();

    running.reply(200, "one");
    assert_eq!(first.reply().text(), "one");
    backend.request().reply(200, "two");
    assert_eq!(second.reply().text(), "two");
    proxy.until("the slot is free", |counts| counts.free == 1 && counts.in_flight == 0);
}

#[test]
fn as_many_requests_run_as_the_backend_has_slots() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(3);
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| client.get("/"));
    let running = [backend.request(), backend.request(), backend.request()];
    proxy.until_waiting(1);
    backend.has_no_request();
    let streams: std::collections::HashSet<_> = running.iter().map(|request| request.stream).collect();
    assert_eq!(streams.len(), 3);
    running.iter().for_each(|request| request.reply(200, "done"));
    backend.request().reply(200, "done");
    clients.iter_mut().for_each(|client| assert_eq!(client.reply().text(), "done"));
}

#[test]
fn the_least_busy_backend_is_next() {
    let proxy = quick(|_| {});
    let (mut small, mut large) = (proxy.backend_with_slots(2), proxy.backend_with_slots(4));
    let mut clients: Vec<_> = (0..3).map(|_| proxy.client()).collect();
    // Both are idle; after one request the small one is half busy, the large one a quarter.
    clients[0].get("/1");
    let on_small = small.request();
    clients[1].get("/2");
    let first_on_large = large.request();
    clients[2].get("/3");
    let second_on_large = large.request();
    for request in [on_small, first_on_large, second_on_large] {
        request.reply(200, &request.path());
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply().text(), format!("/{}", number + 1));
    }
}

#[test]
fn among_equals_the_one_that_has_been_idle_for_longest_is_next() {
    let proxy = quick(|_| {});
    let mut backends = [proxy.backend(), proxy.backend(), proxy.backend()];
    let mut client = proxy.client();
    for number in [0, 1, 2, 0, 1, 2] {
        client.get("/");
        backends[number].request().reply(200, "done");
        client.reply();
    }
}

#[test]
fn a_freed_slot_is_handed_to_the_first_that_waits() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut clients: Vec<_> = (0..4).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get(&format!("/{number}"));
        proxy.until("it has its place", |counts| counts.in_flight + counts.waiting == number + 1);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let request = backend.request();
        assert_eq!(request.path(), format!("/{number}"));
        request.reply(200, "done");
        client.reply();
    }
}

#[test]
fn a_slot_that_is_held_after_the_reply_is_busy_until_it_is_released() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.get("/1");
    let held = backend.request();
    held.reply_head(200, swiftiply_wire::Body::Length(3), &[], false);
    held.end_and_hold(b"one");
    assert_eq!(first.reply().text(), "one");
    second.get("/2");
    proxy.until_waiting(1);
    backend.has_no_request();
    held.release();
    backend.request().reply(200, "two");
    assert_eq!(second.reply().text(), "two");
}

#[test]
fn slots_may_change_and_what_runs_goes_on() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(2);
    let mut clients: Vec<_> = (0..3).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| client.get("/"));
    let running = [backend.request(), backend.request()];
    proxy.until_waiting(1);
    backend.slots(1);
    running[0].reply(200, "done");
    backend.has_no_request();
    running[1].reply(200, "done");
    let last = backend.request();
    backend.slots(0);
    last.reply(200, "done");
    let mut paused = proxy.client();
    paused.get("/");
    proxy.until_waiting(1);
    backend.has_no_request();
    backend.slots(1);
    backend.request().reply(200, "done");
    paused.reply();
}

/// Connections are spread over the shards by the system, so with this many each has some.
const ENOUGH_FOR_EACH_SHARD: usize = 16;

#[test]
fn one_slot_serves_the_clients_of_two_shards_one_at_a_time() {
    let proxy = quick(|config| config.shards = 2);
    let mut backend = proxy.backend();
    let mut clients: Vec<_> = (0..ENOUGH_FOR_EACH_SHARD).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get(&format!("/{number}"));
        proxy.until("it has its place", |counts| counts.in_flight + counts.waiting == number + 1);
    }
    let mut links = [0, 0];
    for (number, client) in clients.iter_mut().enumerate() {
        let request = backend.request();
        assert_eq!(request.path(), format!("/{number}"), "first in, first out over all shards");
        backend.has_no_request();
        links[request.link] += 1;
        request.reply(200, "done");
        client.reply();
    }
    assert!(links.iter().all(|&requests| requests > 0), "{links:?}: each shard uses its own link");
}

#[test]
fn a_backend_is_in_service_only_with_a_link_to_each_shard() {
    let proxy = quick(|config| config.shards = 2);
    let mut backend = crate::support::Backend::only_link(Dial { slots: 4, ..proxy.dial() }, 0).unwrap();
    let mut client = proxy.client();
    client.get("/");
    proxy.until("the backend is known and not in service", |counts| {
        counts.backends == 1 && counts.in_service == 0 && counts.waiting == 1
    });
    backend.has_no_request();
    backend.bring(1).unwrap();
    backend.request().reply(200, "done");
    client.reply();
}
