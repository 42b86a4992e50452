//! Heads of replies: what the app may say in them, before them and behind them.

use swiftiply_wire::Body;

use crate::client::{Http2, request};
use crate::support::quick;

#[test]
fn early_hints_come_before_the_reply() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    let request = backend.request();
    request.inform(103, &[("Link", "</style.css>; rel=preload"), ("Connection", "close")]);
    let early = stream.informational();
    assert_eq!(
        (early.status().as_u16(), &early.headers()["link"]),
        (103, &"</style.css>; rel=preload".parse().unwrap())
    );
    assert!(!early.headers().contains_key("connection"));
    request.reply(200, "late");
    assert_eq!(stream.reply().text(), "late");
}

#[test]
fn a_client_that_waits_for_100_is_told_when_the_app_reads() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut post = request("POST", "/");
    post.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let mut stream = client.send(post, false);
    let arrived = backend.request();
    assert!(arrived.flags.expects_continue);
    arrived.inform(100, &[]);
    assert_eq!(stream.informational().status().as_u16(), 100);
    stream.send(b"body", true);
    assert_eq!(backend.body(&arrived), b"body");
    arrived.reply(200, "done");
    assert_eq!(stream.reply().text(), "done");
}

#[test]
fn an_app_that_does_not_want_the_body_says_so_at_once() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut post = request("POST", "/");
    post.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let mut stream = client.send(post, false);
    backend.request().reply(403, "no");
    let reply = stream.reply();
    assert_eq!((reply.status, reply.text()), (403, "no"));
}

#[test]
fn a_reply_that_cannot_have_a_body_has_none() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut head = client.send(request("HEAD", "/"), true);
    backend.request().reply_head(200, Body::Length(1234), &[], true);
    let reply = head.reply();
    assert_eq!(
        (reply.status, reply.text(), &reply.headers["content-length"]),
        (200, "", &"1234".parse().unwrap())
    );
    for status in [204, 304] {
        let mut stream = client.get("/");
        backend.request().reply_head(status, Body::None, &[("ETag", "\"x\"")], true);
        let reply = stream.reply();
        assert_eq!((reply.status, reply.text()), (status, ""));
        assert!(!reply.headers.contains_key("content-length"));
    }
}

#[test]
fn a_head_is_checked_as_in_http_1_1() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    let headers = [
        ("Content-Type", "text/plain"),
        ("Set-Cookie", "a=1"),
        ("Connection", "X-Named"),
        ("X-Named", "dropped"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("set-cookie", "b=2"),
        ("X-Spaced", "  value\t"),
        ("Server", "own"),
    ];
    backend.request().reply_head(200, Body::None, &headers, true);
    let reply = stream.reply();
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(
        (&reply.headers["x-spaced"], &reply.headers["server"]),
        (&"value".parse().unwrap(), &"own".parse().unwrap())
    );
    for name in ["connection", "x-named", "keep-alive", "transfer-encoding", "upgrade"] {
        assert!(!reply.headers.contains_key(name), "{name}");
    }
    assert_eq!(reply.headers["content-length"], "0");

    let mut stream = client.get("/");
    backend.request().reply_head(200, Body::None, &[("X-Bad", "a\r\nb: c")], true);
    assert_eq!(stream.reply().status, 502);
}

#[test]
fn trailers_go_both_ways() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut post = request("POST", "/package.Service/Method");
    post.headers_mut().insert("te", "trailers".parse().unwrap());
    post.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let mut stream = client.send(post, false);
    stream.send(b"\0\0\0\0\x05hello", false);
    stream.send_trailers("x-checksum", "4711");
    let arrived = backend.request();
    assert_eq!(arrived.header("TE").as_deref(), Some("trailers"));
    assert_eq!(backend.piece(&arrived), (b"\0\0\0\0\x05hello".to_vec(), false));
    assert_eq!(backend.trailers(&arrived), [("x-checksum".to_owned(), "4711".to_owned())]);
    arrived.reply_head(200, Body::Unknown, &[("Content-Type", "application/grpc")], false);
    arrived.data(b"\0\0\0\0\x02hi", false);
    arrived.trailers(&[("grpc-status", "0"), ("Content-Length", "7"), ("grpc-message", "fine")]);
    let reply = stream.reply();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"\0\0\0\0\x02hi"[..]));
    assert_eq!(
        (&reply.trailers["grpc-status"], &reply.trailers["grpc-message"]),
        (&"0".parse().unwrap(), &"fine".parse().unwrap())
    );
    assert!(!reply.trailers.contains_key("content-length"));
}

#[test]
fn a_reply_may_be_nothing_but_trailers() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.get("/");
    backend.request().reply_head(200, Body::None, &[("grpc-status", "12")], true);
    let reply = stream.reply();
    assert_eq!((&reply.headers["grpc-status"], reply.text()), (&"12".parse().unwrap(), ""));
}
