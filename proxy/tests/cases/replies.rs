//! What a backend says in the head of a reply: passed on as it is, left out, or a breach that costs it its link.

use swiftiply_wire::{Body, GoodbyeCode};

use crate::support::quick;

/// What becomes of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    /// The client gets it.
    Passes,
    /// It is ours to say, or nobody's.
    LeftOut,
    /// The client gets 502, and the link is closed with a reason.
    Breach,
}

use Header::{Breach, LeftOut, Passes};

const CASES: &[(&str, &str, Header)] = &[
    ("X", "y", Passes),
    ("x-lower", "y", Passes),
    ("X_Underscore", "y", Passes),
    ("!#$%&'*+-.^_`|~9", "y", Passes),
    ("X", "", Passes),
    ("X", "a\tb", Passes),
    ("X", "caf\u{e9}", Passes),
    ("Set-Cookie", "a=b; HttpOnly", Passes),
    ("Location", "http://other.test/?a=b", Passes),
    ("WWW-Authenticate", "Basic realm=\"a\"", Passes),
    ("Date", "Sun, 06 Nov 1994 08:49:37 GMT", Passes),
    ("Server", "an app", Passes),
    ("X-Forwarded-For", "1.2.3.4", Passes),
    ("Connection", "close", LeftOut),
    ("connection", "X", LeftOut),
    ("Keep-Alive", "timeout=5", LeftOut),
    ("Proxy-Connection", "close", LeftOut),
    ("Proxy-Authenticate", "Basic", LeftOut),
    ("TE", "gzip", LeftOut),
    ("Upgrade", "websocket", LeftOut),
    ("Transfer-Encoding", "chunked", LeftOut),
    ("transfer-encoding", "gzip", LeftOut),
    ("Content-Length", "99999", LeftOut),
    ("CONTENT-LENGTH", "-1", LeftOut),
    ("X", "a\r\nSet-Cookie: stolen=1", Breach),
    ("X", "a\r\n\r\nbody", Breach),
    ("X", "a\rb", Breach),
    ("X", "a\nb", Breach),
    ("X", "\n", Breach),
    ("X", "a\0", Breach),
    ("X", "a\u{1b}[2J", Breach),
    ("X", "a\u{7f}", Breach),
    ("Set-Cookie", "a\r\nb", Breach),
    ("Content-Length", "1\r\nX: y", Breach),
    ("Connection", "close\r\nX: y", Breach),
    ("X Y", "z", Breach),
    ("X:", "z", Breach),
    ("X:Y", "z", Breach),
    (" X", "z", Breach),
    ("X\r\nY", "z", Breach),
    ("X\0", "z", Breach),
    ("X\u{e9}", "z", Breach),
    ("X/Y", "z", Breach),
];

#[test]
fn each_header_of_a_reply_is_checked_before_the_client_sees_a_byte() {
    let proxy = quick(|_| {});
    let mut client = proxy.client();
    for (name, value, fate) in CASES {
        let mut backend = proxy.backend();
        client.get("/");
        let request = backend.request();
        request.reply_head(200, Body::Length(2), &[(name, value)], false);
        if *fate != Breach {
            request.data(b"ok", true);
        }
        let what = format!("{name:?}: {value:?}");
        if *fate == Breach {
            let reply = client.reply();
            assert_eq!(reply.status, 502, "{what}: {reply:?}");
            assert!(
                reply.headers.iter().all(|(_, found)| found != value && found != "stolen=1"),
                "{what}: {reply:?}"
            );
            let (code, reason) = backend.goodbye();
            assert_eq!((code, reason.is_empty()), (GoodbyeCode::Breach, false), "{what}");
            backend.closed();
        } else {
            let reply = client.raw_reply(2);
            let line = format!("\r\n{name}: {value}\r\n").into_bytes();
            let is_there = reply.windows(line.len()).any(|window| window == line);
            assert_eq!(is_there, *fate == Passes, "{what}: {}", reply.escape_ascii());
            let head = String::from_utf8_lossy(&reply).to_ascii_lowercase();
            assert_eq!(head.matches("content-length:").count(), 1, "{what}: {head}");
            assert!(
                head.contains("content-length: 2\r\n") && !head.contains("transfer-encoding"),
                "{what}: {head}"
            );
        }
        drop(backend);
        proxy.until("the backend is out", |counts| counts.backends == 0);
    }
}

#[test]
fn a_status_is_one_of_a_final_reply() {
    let proxy = quick(|_| {});
    for (status, passes) in [
        (200, true),
        (299, true),
        (418, true),
        (599, true),
        (0, false),
        (99, false),
        (100, false),
        (102, false),
        (600, false),
        (999, false),
    ] {
        let (mut backend, mut client) = (proxy.backend(), proxy.client());
        client.get("/");
        backend.request().reply(status, "ok");
        let reply = client.reply();
        assert_eq!(reply.status, if passes { status } else { 502 });
        if !passes {
            assert_eq!(backend.goodbye().0, GoodbyeCode::Breach, "{status}");
        }
        drop(backend);
        proxy.until("the backend is out", |counts| counts.backends == 0);
    }
}

#[test]
fn a_head_of_64_kib_passes_and_a_longer_one_is_a_breach() {
    let proxy = quick(|_| {});
    for (bytes, passes) in [(30_000, true), (33_000, false)] {
        let (mut backend, mut client) = (proxy.backend(), proxy.client());
        client.get("/");
        let value = "x".repeat(bytes);
        backend.request().reply_head(200, Body::None, &[("X", &value), ("Y", &value)], true);
        assert_eq!(client.reply().status, if passes { 200 } else { 502 }, "{bytes}");
        if !passes {
            assert_eq!(backend.goodbye().0, GoodbyeCode::Breach);
        }
        drop(backend);
        proxy.until("the backend is out", |counts| counts.backends == 0);
    }
}
