//! With no free slot, or no backend at all, a request waits.

use std::time::Duration;

use swiftiply::config::{Outgoing, SiteConfig};

use crate::support::{Dial, End, Folder, TestProxy, one_site, quick};

#[test]
fn with_no_backend_a_request_waits_and_is_served_when_one_dials_in() {
    let proxy = quick(|_| {});
    let mut client = proxy.client();
    client.post("/", "kept while it waits");
    proxy.until_waiting(1);
    let mut backend = proxy.backend();
    let request = backend.request();
    assert_eq!(backend.body(&request), b"kept while it waits");
    request.reply(200, "done");
    assert_eq!(client.reply().text(), "done");
}

#[test]
fn a_request_that_has_waited_for_too_long_is_told_to_come_back() {
    let proxy = quick(|config| config.sites[0].timeout = Duration::from_millis(30));
    let mut client = proxy.client();
    client.get("/");
    let reply = client.reply();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("Retry-After"), Some("1"));
    assert!(reply.text().contains("No process of this site was free in time."), "{}", reply.text());
    assert_eq!(proxy.counts().waiting, 0);
    // The connection is as good as before.
    let mut backend = proxy.backend();
    client.get("/again");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn the_time_in_the_queue_is_bounded_over_all_deliveries() {
    let proxy = quick(|config| config.sites[0].timeout = Duration::from_millis(50));
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request();
    backend.die();
    assert_eq!(client.reply().status, 503);
}

#[test]
fn a_full_queue_turns_the_next_request_away_at_once() {
    let proxy = quick(|config| config.sites[0].queue = 2);
    let mut waiting = [proxy.client(), proxy.client()];
    for (number, client) in waiting.iter_mut().enumerate() {
        client.get("/");
        proxy.until_waiting(number + 1);
    }
    let mut late = proxy.client();
    late.get("/late");
    let reply = late.reply();
    assert_eq!((reply.status, reply.header("Retry-After")), (503, Some("1")));
    let mut backend = proxy.backend();
    for client in &mut waiting {
        backend.request().reply(200, "done");
        client.reply();
    }
    backend.has_no_request();
}

#[test]
fn a_site_whose_queue_is_nought_lets_nothing_wait() {
    let proxy = quick(|config| config.sites[0].queue = 0);
    let mut client = proxy.client();
    client.get("/");
    assert_eq!(client.reply().status, 503);
    let mut backend = proxy.backend();
    client.get("/");
    backend.request().reply(200, "done");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_client_that_leaves_is_out_of_the_queue_at_once_and_never_dispatched() {
    let proxy = quick(|_| {});
    let (mut first, mut leaver, mut last) = (proxy.client(), proxy.client(), proxy.client());
    for (number, client) in [&mut first, &mut leaver, &mut last].into_iter().enumerate() {
        client.get(&format!("/{number}"));
        proxy.until_waiting(number + 1);
    }
    drop(leaver);
    proxy.until_waiting(2);
    let mut backend = proxy.backend();
    for (path, client) in [("/0", &mut first), ("/2", &mut last)] {
        let request = backend.request();
        assert_eq!(request.path(), path);
        request.reply(200, "done");
        client.reply();
    }
    backend.has_no_request();
}

#[test]
fn a_client_that_is_reset_is_out_of_the_queue_too() {
    let proxy = quick(|_| {});
    let mut client = proxy.client();
    client.get("/");
    proxy.until_waiting(1);
    client.reset();
    proxy.until_waiting(0);
    let mut backend = proxy.backend();
    backend.has_no_request();
}

#[test]
fn a_full_restart_of_every_backend_loses_nothing() {
    let proxy = quick(|_| {});
    let mut old = [proxy.backend(), proxy.backend()];
    let mut clients: Vec<_> = (0..6).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.post("/", &format!("order {number}"));
        proxy.until("it has its place", |counts| counts.in_flight + counts.waiting == number + 1);
    }
    // All are asked to stop at once: what they run they finish.
    for backend in &mut old {
        backend.drain();
        let running = backend.request();
        running.started();
        running.reply(200, "done");
        backend.say_goodbye();
        backend.closed();
    }
    proxy.until("nobody is left, four wait", |counts| counts.backends == 0 && counts.waiting == 4);
    let mut new = [proxy.backend(), proxy.backend()];
    for _ in 0..2 {
        for backend in &mut new {
            backend.request().reply(200, "done");
        }
    }
    clients.iter_mut().for_each(|client| assert_eq!(client.reply().status, 200));
}

#[test]
fn when_every_backend_is_killed_only_what_had_begun_and_cannot_run_twice_fails() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(3);
    let mut clients: Vec<_> = (0..5).map(|_| proxy.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.post(&format!("/{number}"), "an order");
        proxy.until("it has its place", |counts| counts.in_flight + counts.waiting == number + 1);
    }
    // The first has reached the app; the next two were only sent; the others wait.
    backend.request().started();
    backend.request();
    backend.request();
    backend.round_trip();
    backend.die();
    assert_eq!(clients[0].reply().status, 502);
    proxy.until("all others wait", |counts| counts.waiting == 4);
    let mut backend = proxy.backend_with_slots(4);
    for _ in 0..4 {
        let request = backend.request();
        assert_eq!(backend.body(&request), b"an order");
        request.reply(200, &request.path());
    }
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        assert_eq!(client.reply().text(), format!("/{number}"));
    }
}

#[test]
fn requests_of_one_site_do_not_wait_for_another() {
    let mut config = one_site();
    let folder = Folder::new();
    config.sites.push(SiteConfig::new("other.test", Outgoing::Unix(folder.path("other.sock"))));
    let proxy = TestProxy::start(&config);
    let mut waiting = proxy.client();
    waiting.get("/");
    proxy.until_waiting(1);
    let mut backend = proxy.backend_as(Dial::to(proxy.doors[1].clone()));
    let mut client = proxy.client();
    client.send("GET /other HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n");
    let request = backend.request();
    assert_eq!(request.path(), "/other");
    request.reply(200, "done");
    client.reply();
    assert_eq!(client.end(), End::Closed);
    backend.has_no_request();
    assert_eq!(proxy.counts().waiting, 1);
}
