//! How much, and how slowly.

use std::time::Duration;

use swiftiply_wire::{CancelCode, ResetCode};

use crate::support::{End, quick};

#[test]
fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let proxy = quick(|config| config.sites[0].max_body = Some(10));
    let mut backend = proxy.backend();
    for lines in ["Content-Length: 11", "Content-Length: 11\r\nExpect: 100-continue"] {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (413, true));
        client.finish_sending();
        assert_eq!(client.end(), End::Closed);
    }
    let mut client = proxy.client();
    client.post("/", "0123456789");
    backend.request().reply(200, "just enough");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_chunked_body_that_grows_too_large_is_refused_when_it_does() {
    let proxy = quick(|config| config.sites[0].max_body = Some(10));
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n");
    assert_eq!(client.reply().status, 413);
    backend.has_no_request();
}

#[test]
fn a_chunked_body_that_grows_too_large_on_its_way_is_cut() {
    let proxy = quick(|config| config.sites[0].max_body = Some(30_000));
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n");
    client.send(vec![b'a'; 0x5000]);
    let request = backend.request();
    client.send("\r\n5000\r\n");
    client.send(vec![b'a'; 0x5000]);
    assert_eq!(client.reply().status, 413);
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    request.reset(ResetCode::Cancelled, "the body broke off");
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn a_head_that_takes_too_long_is_answered_408() {
    let proxy = quick(|config| config.limits.head_timeout = Duration::from_millis(50));
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET / HTTP/1.1\r\nHost: app.");
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (408, true));
    assert_eq!(client.end(), End::Closed);
    backend.has_no_request();
}

#[test]
fn a_body_that_comes_too_slowly_is_answered_408() {
    // The rate is averaged over ten seconds, so this test takes as long.
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let (mut small, mut large) = (proxy.client(), proxy.client());
    small.send("POST /small HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");
    large.send("POST /large HTTP/1.1\r\nHost: app.test\r\nContent-Length: 40000\r\n\r\n");
    large.send(vec![b'a'; 20_000]);
    let request = backend.request();
    assert_eq!(request.path(), "/large");
    for client in [&mut small, &mut large] {
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (408, true));
        assert_eq!(client.end(), End::Closed);
    }
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    request.reset(ResetCode::Cancelled, "the body broke off");
    backend.has_no_request();
}

#[test]
fn clients_beyond_the_limit_wait_until_others_leave() {
    let proxy = quick(|config| config.limits.connections = 1);
    let (mut backend, mut first, mut second) = (proxy.backend(), proxy.client(), proxy.client());
    first.get("/1");
    second.get("/2");
    let request = backend.request();
    assert_eq!(request.path(), "/1");
    request.reply(200, "one");
    first.reply();
    backend.has_no_request();
    drop(first);
    backend.request().reply(200, "two");
    assert_eq!(second.reply().text(), "two");
}

#[test]
fn clients_that_idle_make_room_for_those_that_wait() {
    // `idle_timeout` is a minute; where others wait it is five seconds.
    let proxy = quick(|config| config.limits.connections = 2);
    let (mut backend, mut idle, mut busy) = (proxy.backend(), proxy.client(), proxy.client());
    for client in [&mut idle, &mut busy] {
        client.get("/");
        backend.request().reply(200, "done");
        client.reply();
    }
    let mut new = proxy.client();
    new.get("/new");
    loop {
        busy.get("/busy");
        let (mut is_new_in, mut is_busy_served) = (false, false);
        while !is_busy_served {
            let request = backend.request();
            is_new_in |= request.path() == "/new";
            is_busy_served |= request.path() == "/busy";
            request.reply(200, &request.path());
        }
        assert_eq!(busy.reply().text(), "/busy", "who asks again and again keeps his place");
        if is_new_in {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(new.reply().text(), "/new");
    assert_eq!(idle.end(), End::Closed);
}
