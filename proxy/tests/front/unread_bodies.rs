//! An app may reply before it has read the request's body.

use crate::support::{End, quick};

#[test]
fn what_is_left_of_a_short_body_is_read_and_the_connection_kept() {
    for is_chunked in [false, true] {
        let proxy = quick(|_| {});
        let (mut backend, mut client) = (proxy.backend(), proxy.client());
        if is_chunked {
            client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n");
        } else {
            client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 30000\r\n\r\n");
        }
        client.send(vec![b'a'; 20_000]);
        backend.request().reply(403, "no");
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (403, false));
        client.send(vec![b'a'; 10_000]);
        if is_chunked {
            client.send("\r\n0\r\nX-Trailer: unread\r\n\r\n");
        }
        client.get("/next");
        let request = backend.request();
        assert_eq!(request.path(), "/next");
        request.reply(200, "next");
        assert_eq!(client.reply().text(), "next");
    }
}

#[test]
fn a_short_body_that_has_come_does_not_make_the_next_request_wait() {
    let proxy = quick(|config| config.limits.idle_timeout = std::time::Duration::from_millis(50));
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 30000\r\n\r\n");
    client.send(vec![b'a'; 20_000]);
    backend.request().reply(403, "no");
    client.reply();
    let from = std::time::Instant::now();
    client.send(vec![b'a'; 10_000]);
    assert_eq!(client.end(), End::Closed, "it is idle, not waited for");
    assert!(from.elapsed() < std::time::Duration::from_millis(1500), "{:?}", from.elapsed());
}

#[test]
fn a_long_body_that_nobody_reads_closes_the_connection_without_losing_the_reply() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10000000\r\n\r\n");
    client.send(vec![b'a'; 20_000]);
    let request = backend.request();
    request.reply(413, "too much for this app");
    // Many clients send on before they read.
    client.send(vec![b'a'; 200_000]);
    let reply = client.reply();
    assert_eq!((reply.status, reply.text(), reply.closes()), (413, "too much for this app", true));
    client.finish_sending();
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn after_the_reply_nothing_more_of_the_body_reaches_the_app() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 30000\r\n\r\n");
    client.send(vec![b'a'; 20_000]);
    backend.request().reply(403, "no");
    client.reply();
    // The next request has the same stream number: what belongs to the old one must not reach it.
    let mut other = proxy.client();
    other.get("/other");
    let request = backend.request();
    client.send(vec![b'b'; 10_000]);
    client.get("/next");
    proxy.until_waiting(1);
    backend.has_not_heard(
        "a piece of the old body",
        |heard| matches!(heard, crate::support::Heard::Data { data, .. } if data.contains(&b'b')),
    );
    request.reply(200, "done");
    other.reply();
    backend.request().reply(200, "next");
    client.reply();
}

#[test]
fn behind_an_answer_of_our_own_a_short_body_is_thrown_away_and_a_long_one_closes() {
    let proxy = quick(|config| config.sites[0].is_default = false);
    let mut backend = proxy.backend();
    let nowhere = "POST / HTTP/1.1\r\nHost: nowhere.test\r\n";
    for short in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"] {
        let mut client = proxy.client();
        client.send(format!("{nowhere}{short}GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (404, false), "{short:?}");
        let request = backend.request();
        assert_eq!(request.path(), "/next");
        request.reply(200, "next");
        assert_eq!(client.reply().text(), "next");
    }
    for long in ["Content-Length: 65537", "Content-Length: 3\r\nExpect: 100-continue"] {
        let mut client = proxy.client();
        client.send(format!("{nowhere}{long}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (404, true), "{long:?}");
        client.finish_sending();
        assert_eq!(client.end(), End::Closed);
    }
    backend.has_no_request();
}
