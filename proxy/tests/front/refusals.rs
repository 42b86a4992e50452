//! What could be read in two ways, or is more than we take, is refused and reaches no backend.

use crate::support::{End, quick};

/// What a client sends, and the status that it gets. `http_messages` has many more; these go through the whole proxy.
fn cases() -> Vec<(u16, Vec<u8>)> {
    let with = |lines: &str| format!("POST / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n\r\n").into_bytes();
    let line = |line: &str| format!("{line}\r\nHost: app.test\r\n\r\n").into_bytes();
    vec![
        (400, with("Content-Length: 3\r\nTransfer-Encoding: chunked")),
        (400, with("Content-Length: 3\r\nContent-Length: 3")),
        (400, with("Content-Length: +3")),
        (400, with("Content-Length: 3, 3")),
        (400, with("Transfer-Encoding: chunked, chunked")),
        (400, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        (501, with("Transfer-Encoding: gzip, chunked")),
        (400, with("Host: app.test")),
        (400, with("Bad Name: x")),
        (400, with("Name : x")),
        (400, with("X: a\r\n folded")),
        (400, with("X: a\0b")),
        (400, with("X: a\rb")),
        (400, b"POST / HTTP/1.1\nHost: app.test\n\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\nHost: app.test:http\r\n\r\n".to_vec()),
        (400, line("GET  / HTTP/1.1")),
        (400, line("GET nowhere HTTP/1.1")),
        (400, line("GET / HTTP/1.x")),
        (400, line("GET /#part HTTP/1.1")),
        (405, line("TRACE / HTTP/1.1")),
        (405, b"CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n".to_vec()),
        (505, line("GET / HTTP/2.0")),
        (414, line(&format!("GET /{} HTTP/1.1", "x".repeat(9_000)))),
        (431, with(&format!("X: {}", "x".repeat(40_000)))),
        (431, with((0..120).map(|n| format!("X-{n}: 1\r\n")).collect::<String>().trim_end())),
        (400, with("Transfer-Encoding: chunked\r\n\r\nnonsense")),
        (400, with("Transfer-Encoding: chunked\r\n\r\n3\r\nabcd")),
        (431, with(&format!("Transfer-Encoding: chunked\r\n\r\n0\r\nX: {}", "x".repeat(9_000)))),
        (400, with(&format!("Transfer-Encoding: chunked\r\n\r\n3;{}\r\nabc", "x".repeat(5_000)))),
    ]
}

#[test]
fn a_request_that_is_refused_closes_its_connection_and_reaches_no_backend() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    for (status, request) in cases() {
        let mut client = proxy.client();
        client.send(&request);
        let what = String::from_utf8_lossy(&request[..request.len().min(100)]).into_owned();
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (status, true), "{what:?}");
        client.finish_sending();
        assert_eq!(client.end(), End::Closed, "{what:?}");
        backend.has_no_request();
    }
}

#[test]
fn what_stands_behind_a_refused_request_is_not_a_request() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(
        "GET / HTTP/1.1\r\nHost: app.test\r\n bad: x\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n",
    );
    assert_eq!(client.reply().status, 400);
    assert_eq!(client.end(), End::Closed);
    backend.has_no_request();
}

#[test]
fn a_good_request_before_a_bad_one_is_served() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET /good HTTP/1.1\r\nHost: app.test\r\n\r\nnonsense\r\n\r\n");
    backend.request().reply(200, "good");
    assert_eq!(client.reply().text(), "good");
    assert_eq!(client.reply().status, 400);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_head_that_is_cut_is_told_so() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET / HTTP/1.1\r\nHost: app.");
    client.finish_sending();
    assert_eq!(client.reply().status, 400);
    assert_eq!(client.end(), End::Closed);
    backend.has_no_request();
}
