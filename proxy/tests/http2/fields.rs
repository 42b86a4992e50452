//! The fields of a request's head: which are malformed, which are refused, and what the app is told of the rest.

use crate::frames::*;
use crate::support::{Arrived, quick};

/// What is malformed resets its stream, and no backend hears of it (RFC 9113 section 8.1.1).
#[test]
fn a_malformed_head_resets_its_stream() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let get = fields_of("GET");
    let with = |more: &[(&'static str, &'static str)]| [&get[..], more].concat();
    let without = |name: &str| get.iter().copied().filter(|(found, _)| *found != name).collect::<Vec<_>>();
    let cases = [
        ("no :method", without(":method")),
        ("no :scheme", without(":scheme")),
        ("no :path", without(":path")),
        ("an empty :path", [&without(":path")[..], &[(":path", "")]].concat()),
        ("two :method", with(&[(":method", "GET")])),
        ("two :path", with(&[(":path", "/other")])),
        ("two :authority", with(&[(":authority", "app.test")])),
        ("a pseudo-header behind a field", with(&[("x-own", "1"), (":late", "1")])),
        (":path behind a field", [&without(":path")[..], &[("x-own", "1"), (":path", "/")]].concat()),
        ("an unknown pseudo-header", with(&[(":own", "1")])),
        ("a pseudo-header of replies", with(&[(":status", "200")])),
        ("Connection", with(&[("connection", "close")])),
        ("Keep-Alive", with(&[("keep-alive", "timeout=5")])),
        ("Proxy-Connection", with(&[("proxy-connection", "keep-alive")])),
        ("Transfer-Encoding", with(&[("transfer-encoding", "chunked")])),
        ("Upgrade", with(&[("upgrade", "websocket")])),
        ("TE of more than trailers", with(&[("te", "trailers, deflate")])),
        ("a name in upper case", with(&[("X-Own", "1")])),
        ("a name with a space", with(&[("x own", "1")])),
        ("an empty name", with(&[("", "1")])),
        ("a line feed in a value", with(&[("x-own", "1\nx-smuggled: 2")])),
        ("a NUL in a value", with(&[("x-own", "1\0")])),
        ("two lengths", with(&[("content-length", "1"), ("content-length", "2")])),
        ("a length that is none", with(&[("content-length", "five")])),
        ("user information in :authority", [&without(":authority")[..], &[(":authority", "a b")]].concat()),
        (":protocol without CONNECT", with(&[(":protocol", "websocket")])),
    ];
    for (name, fields) in &cases {
        let mut peer = Peer::connect(proxy.clients);
        peer.request(1, fields);
        let answer = peer.wait(name, |frame| frame.kind == RST_STREAM || frame.kind == GOAWAY);
        let is_expected = [PROTOCOL_ERROR, COMPRESSION_ERROR].contains(&answer.code());
        assert!(is_expected, "{name}: {answer:?}");
        backend.has_no_request();
    }
}

/// What is well-formed and not served here is answered on its stream; the connection stays.
#[test]
fn what_is_not_served_is_answered_on_its_stream() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let get = fields_of("GET");
    let with = |more: &[(&'static str, &'static str)]| [&get[..], more].concat();
    let other = |name: &'static str, value: &'static str| {
        get.map(|(found, old)| if found == name { (found, value) } else { (found, old) }).to_vec()
    };
    let connect = vec![(":method", "CONNECT"), (":authority", "app.test:443")];
    let cases = [
        ("CONNECT", connect, 405),
        ("TRACE", other(":method", "TRACE"), 405),
        ("another host in Host", with(&[("host", "other.test")]), 400),
        ("another port in Host", with(&[("host", "app.test:81")]), 400),
        ("two Hosts", with(&[("host", "app.test"), ("host", "app.test")]), 400),
        ("no authority at all", vec![get[0], get[1], get[3]], 400),
        ("user information", other(":authority", "me@app.test"), 400),
        ("another scheme", other(":scheme", "ftp"), 400),
        ("an asterisk without OPTIONS", other(":path", "*"), 400),
        ("a broken escape", other(":path", "/%zz"), 400),
        ("whitespace before a value", with(&[("x-own", " 1")]), 400),
        ("whitespace behind a value", with(&[("x-own", "1\t")]), 400),
        ("two equal lengths", with(&[("content-length", "0"), ("content-length", "0")]), 400),
        ("two types", with(&[("content-type", "a/b"), ("content-type", "a/b")]), 400),
        ("an unknown expectation", with(&[("expect", "miracles")]), 417),
    ];
    let mut peer = Peer::connect(proxy.clients);
    for (number, (name, fields, status)) in cases.iter().enumerate() {
        let stream = 2 * number as u32 + 1;
        peer.request(stream, fields);
        assert_eq!(peer.head(stream).status(), *status, "{name}");
        backend.has_no_request();
    }
    peer.is_alive();
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let long = |length: usize| "x".repeat(length);
    let (path, value, huge) = (format!("/{}", long(9_000)), long(9_000), long(9_000));
    let get = fields_of("GET");
    let many: Vec<(&str, &str)> = get.iter().copied().chain((0..101).map(|_| ("x-own", "1"))).collect();
    let cases = [
        ("a long path", vec![get[0], get[1], get[2], (":path", &path)], 414),
        ("many fields", many, 431),
        ("a head of 36 KiB", [&get[..], &[("x-own", value.as_str()); 4]].concat(), 431),
        ("a head of 90 KiB", [&get[..], &[("x-own", huge.as_str()); 10]].concat(), 431),
    ];
    for (name, fields, status) in cases {
        let mut peer = Peer::connect(proxy.clients);
        let bytes = block(&fields);
        let mut pieces = bytes.chunks(16_384).peekable();
        peer.send(HEADERS, END_STREAM, 1, pieces.next().expect("a block"));
        while let Some(piece) = pieces.next() {
            peer.send(CONTINUATION, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, piece);
        }
        if bytes.len() <= 16_384 {
            peer.send(CONTINUATION, END_HEADERS, 1, &[]);
        }
        assert_eq!(peer.head(1).status(), status, "{name}");
        backend.has_no_request();
    }
}

/// A request with these fields besides the usual ones, as the backend gets it.
fn arrives(more: &[(&'static str, &'static str)]) -> Arrived {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.request(1, &[&fields_of("GET")[..], more].concat());
    backend.request()
}

#[test]
fn the_app_is_told_what_http_1_1_would_tell_it() {
    let request = arrives(&[
        ("cookie", "a=1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("cookie", "b=2"),
        ("te", "trailers"),
        ("x_forged", "1"),
        ("proxy", "http://evil.test"),
        ("x-own", "one"),
        ("cookie", "c=3"),
        ("x-own", "two"),
    ]);
    assert_eq!((request.method().as_str(), request.path().as_str()), ("GET", "/"));
    assert_eq!(request.head.version(), swiftiply_wire::Version::Http2);
    assert_eq!(
        (request.authority().as_str(), request.header("Host").as_deref()),
        ("app.test", Some("app.test"))
    );
    assert_eq!(request.header("Cookie").as_deref(), Some("a=1; b=2; c=3"), "crumbs are joined");
    assert_eq!(request.header("X-Forwarded-For").as_deref(), Some("127.0.0.1"));
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("http"));
    assert_eq!(request.header("TE").as_deref(), Some("trailers"));
    assert_eq!(request.header("X-Own").as_deref(), Some("one|two"));
    assert_eq!((request.header("X_Forged"), request.header("Proxy")), (None, None));
    assert!(request.flags.end);
}

#[test]
fn a_host_may_stand_in_for_the_authority() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.request(1, &[(":method", "GET"), (":scheme", "http"), (":path", "/a?b=c"), ("host", "App.Test:80")]);
    let request = backend.request();
    assert_eq!((request.authority().as_str(), request.path().as_str()), ("App.Test:80", "/a"));
    assert_eq!(request.head.query(), Some(&b"b=c"[..]));
}

#[test]
fn an_equal_host_beside_the_authority_is_no_contradiction() {
    assert_eq!(arrives(&[("host", "APP.test")]).authority(), "app.test");
}

#[test]
fn options_may_ask_about_the_server_as_a_whole() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut peer = Peer::connect(proxy.clients);
    peer.request(
        1,
        &[(":method", "OPTIONS"), (":scheme", "http"), (":authority", "app.test"), (":path", "*")],
    );
    assert_eq!((backend.request().method().as_str(), "OPTIONS"), ("OPTIONS", "OPTIONS"));
}
