//! How long a connection lasts, and in which order it is served.

use std::time::Duration;

use swiftiply_wire::{Body, Version};

use crate::support::{End, quick};

#[test]
fn one_connection_serves_request_after_request() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    for number in 0..20 {
        client.get(&format!("/{number}"));
        let request = backend.request();
        assert_eq!(request.path(), format!("/{number}"));
        request.reply(200, &format!("reply {number}"));
        let reply = client.reply();
        assert_eq!(reply.text(), format!("reply {number}"));
        assert!(!reply.closes());
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_each_with_its_own_reply() {
    let proxy = quick(|_| {});
    let mut backends = [proxy.backend(), proxy.backend(), proxy.backend()];
    let mut client = proxy.client();
    let requests: Vec<_> = (0..9).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: app.test\r\n\r\n")).collect();
    client.send(requests.concat());
    for number in 0..9 {
        let request = backends[number % 3].request();
        assert_eq!(request.path(), format!("/{number}"));
        request.reply(200, &request.path());
    }
    for number in 0..9 {
        assert_eq!(client.reply().text(), format!("/{number}"));
    }
}

#[test]
fn bodies_of_pipelined_requests_end_where_they_should() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(
        "POST /1 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc\
         POST /2 HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndefg\r\n0\r\n\r\n\
         POST /3 HTTP/1.1\r\nHost: app.test\r\n\r\n\
         GET /4 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n",
    );
    for (path, body) in [("/1", "abc"), ("/2", "defg"), ("/3", ""), ("/4", "")] {
        let request = backend.request();
        assert_eq!(request.path(), path);
        if !body.is_empty() {
            assert_eq!(backend.body(&request), body.as_bytes());
        }
        assert_eq!(request.flags.end, body.is_empty());
        request.reply(200, path);
        assert_eq!(client.reply().text(), path);
    }
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_client_that_wants_to_close_is_closed_after_its_reply() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    backend.request().reply(200, "done");
    let reply = client.reply();
    assert!(reply.closes());
    assert_eq!((reply.text(), client.end()), ("done", End::Closed));
}

#[test]
fn http_1_0_closes_unless_it_asks_to_stay() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    for is_last in [false, true] {
        let keep = if is_last { "" } else { "Connection: keep-alive\r\n" };
        client.send(format!("GET / HTTP/1.0\r\nHost: app.test\r\n{keep}\r\n"));
        let request = backend.request();
        assert_eq!(request.head.version(), Version::Http10);
        request.reply(200, "done");
        let reply = client.reply();
        assert_eq!(reply.text(), "done");
        assert_eq!(reply.header("Connection"), Some(if is_last { "close" } else { "keep-alive" }));
    }
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn http_1_0_gets_no_chunks_but_an_end() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let request = backend.request();
    assert_eq!(request.authority(), "", "the default site serves what names no host");
    request.reply_head(200, Body::Unknown, &[], false);
    request.data(b"one ", false);
    request.data(b"two", true);
    let reply = client.reply_as_far_as_it_comes();
    assert_eq!((reply.text(), reply.end), ("one two", End::Closed));
    assert_eq!(reply.header("Transfer-Encoding"), None);
    assert!(reply.closes());
}

#[test]
fn an_idle_connection_is_closed_in_silence() {
    let proxy = quick(|config| config.limits.idle_timeout = Duration::from_millis(50));
    let mut never_used = proxy.client();
    assert_eq!(never_used.end(), End::Closed);
    let (mut backend, mut used) = (proxy.backend(), proxy.client());
    used.get("/");
    backend.request().reply(200, "done");
    used.reply();
    assert_eq!(used.end(), End::Closed);
}

#[test]
fn a_slow_app_is_not_an_idle_connection() {
    let proxy = quick(|config| {
        config.limits.idle_timeout = Duration::from_millis(50);
        config.limits.head_timeout = Duration::from_millis(50);
        config.ping_interval = Duration::from_millis(100);
    });
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = backend.request();
    (0..3).for_each(|_| backend.pinged());
    request.reply(200, "at last");
    assert_eq!(client.reply().text(), "at last");
}

#[test]
fn empty_lines_between_requests_are_skipped() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nok\r\n");
    backend.request().reply(200, "done");
    client.reply();
    client.get("/2");
    backend.request().reply(200, "two");
    assert_eq!(client.reply().text(), "two");
}

#[test]
fn a_request_may_come_one_byte_at_a_time() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    for byte in
        b"PUT /p HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    {
        client.send([*byte]);
    }
    let request = backend.request();
    assert_eq!(backend.body(&request), b"abc");
    request.reply(200, "done");
    client.reply();
}
