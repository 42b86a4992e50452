//! When memory is short, what is new is told to come back, what is under way goes on, and it passes.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{End, TestProxy, one_site};

const MAX: usize = 64 << 20;

/// A proxy that believes to have allocated what the test says.
macro_rules! proxy_with {
    ($allocated:ident) => {{
        static $allocated: AtomicUsize = AtomicUsize::new(0);
        let mut config = one_site();
        config.memory_max = Some(MAX as u64);
        (TestProxy::start_counting(&config, || $allocated.load(Ordering::SeqCst)), &$allocated)
    }};
}

#[test]
fn new_requests_are_told_to_come_back_and_what_runs_or_waits_is_served() {
    let (proxy, allocated) = proxy_with!(ALLOCATED);
    let mut backend = proxy.backend();
    let (mut running, mut waiting, mut late) = (proxy.client(), proxy.client(), proxy.client());
    late.get("/warm");
    backend.request().reply(200, "warm");
    late.reply();
    running.post("/running", "an order");
    let request = backend.request();
    waiting.post("/waiting", "another");
    proxy.until_waiting(1);

    allocated.store(MAX, Ordering::SeqCst);
    late.get("/late");
    let reply = late.reply();
    assert_eq!((reply.status, reply.header("Retry-After"), reply.closes()), (503, Some("1"), true));
    assert!(reply.text().contains("short of memory"), "{}", reply.text());
    assert_eq!(late.end(), End::Closed, "what its connection holds is needed");
    assert_eq!(backend.body(&request), b"an order");
    request.reply(200, "done");
    assert_eq!(running.reply().text(), "done");
    let request = backend.request();
    assert_eq!(backend.body(&request), b"another");
    request.reply(200, "done too");
    assert_eq!(waiting.reply().text(), "done too");

    allocated.store(0, Ordering::SeqCst);
    let mut again = proxy.client();
    again.get("/again");
    backend.request().reply(200, "again");
    assert_eq!(again.reply().text(), "again");
}

#[test]
fn new_clients_wait_and_are_served_when_it_is_over() {
    let (proxy, allocated) = proxy_with!(ALLOCATED);
    let mut backend = proxy.backend();
    let mut first = proxy.client();
    first.get("/first");
    backend.request().reply(200, "first");
    first.reply();
    allocated.store(MAX, Ordering::SeqCst);
    // The listener had been asked before; the one after the next waits.
    let mut clients: Vec<_> = (0..3).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| client.get("/new"));
    assert_eq!(clients[0].reply().status, 503);
    backend.has_no_request();
    allocated.store(0, Ordering::SeqCst);
    for client in &mut clients[1..] {
        backend.request().reply(200, "served");
        assert_eq!(client.reply().text(), "served");
    }
}

#[test]
fn when_it_is_tight_uploads_that_are_still_to_come_make_way_for_what_is_small() {
    let (proxy, allocated) = proxy_with!(ALLOCATED);
    let mut backend = proxy.backend();
    let (mut begun, mut slow) = (proxy.client(), proxy.client());
    begun.send("POST /begun HTTP/1.1\r\nHost: app.test\r\nContent-Length: 40000\r\n\r\n");
    begun.send(vec![b'x'; 20_000]);
    let request = backend.request();
    slow.send("POST /slow HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");

    allocated.store(MAX / 100 * 75, Ordering::SeqCst);
    let mut new = proxy.client();
    new.send("POST /new HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");
    slow.send("6");
    for client in [&mut slow, &mut new] {
        let reply = client.reply();
        assert_eq!((reply.status, reply.header("Retry-After"), reply.closes()), (503, Some("1"), true));
    }
    // An app has seen this one.
    begun.send(vec![b'x'; 20_000]);
    assert_eq!(backend.body(&request).len(), 40_000);
    request.reply(200, "whole");
    assert_eq!(begun.reply().text(), "whole");
    // And these are there already.
    let mut small = proxy.client();
    small.get("/page");
    backend.request().reply(200, "page");
    assert_eq!(small.reply().text(), "page");
    small.post("/form", "a form");
    let request = backend.request();
    assert_eq!(backend.body(&request), b"a form");
    request.reply(200, "form");
    assert_eq!(small.reply().text(), "form");
}
