//! Trailers (RFC 9112 section 7.1.2, RFC 9110 section 6.5): read by the rules of header lines, and never one of them.

use crate::run::Fate::*;
use crate::run::{Case, check};

fn with_trailers(lines: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{lines}\r\n\r\n"
    )
}

#[test]
fn a_trailer_line_is_as_strict_as_a_header_line() {
    const CASES: &[Case] = &[
        ("X-Sum: 1", Passes("POST / chunked \"x\" +[X-Sum: 1]")),
        ("X-Sum: 1\r\nX-Sum: 2", Passes("POST / chunked \"x\" +[X-Sum: 1] +[X-Sum: 2]")),
        ("X-Sum:\t a b \t", Passes("POST / chunked \"x\" +[X-Sum: a b]")),
        ("X-Sum : 1", Refused(400)),
        (" X-Sum: 1", Refused(400)),
        ("X-Sum: 1\r\n folded", Refused(400)),
        ("X-Sum", Refused(400)),
        (": 1", Refused(400)),
        ("X Sum: 1", Refused(400)),
        ("X-Sum: a\0b", Refused(400)),
        ("X-Sum: a\rb", Refused(400)),
        ("X-Sum: a\u{1}b", Refused(400)),
        ("X-Sum: 1\nX-More: 2", Refused(400)),
        ("X-Sum: 1\r\n\n", Refused(400)),
    ];
    check(CASES, with_trailers);
}

#[test]
fn what_must_be_known_before_a_body_is_no_trailer() {
    const CASES: &[Case] = &[
        ("Host: evil.test", Passes("POST / chunked \"x\"")),
        ("Content-Length: 5", Passes("POST / chunked \"x\"")),
        ("Transfer-Encoding: chunked", Passes("POST / chunked \"x\"")),
        ("Content-Type: text/html", Passes("POST / chunked \"x\"")),
        ("Content-Encoding: gzip", Passes("POST / chunked \"x\"")),
        ("Connection: close", Passes("POST / chunked \"x\"")),
        ("Authorization: Basic x", Passes("POST / chunked \"x\"")),
        ("Cookie: a=b", Passes("POST / chunked \"x\"")),
        ("X-Forwarded-For: 6.6.6.6", Passes("POST / chunked \"x\"")),
        ("X-Real-IP: 6.6.6.6", Passes("POST / chunked \"x\"")),
        ("Forwarded: for=6.6.6.6", Passes("POST / chunked \"x\"")),
        ("Proxy: http://evil.test", Passes("POST / chunked \"x\"")),
        ("Expect: 100-continue", Passes("POST / chunked \"x\"")),
        ("Upgrade: websocket", Passes("POST / chunked \"x\"")),
        ("Trailer: X", Passes("POST / chunked \"x\"")),
        ("X_Sum: 1", Passes("POST / chunked \"x\"")),
        ("If-Match: *\r\nX-Sum: 1", Passes("POST / chunked \"x\" +[X-Sum: 1]")),
    ];
    check(CASES, with_trailers);
}

#[test]
fn trailers_have_limits_of_their_own() {
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: {n}")).collect::<Vec<_>>().join("\r\n");
    let (most, too_many) = (many(32), many(33));
    let shown: String = (0..32).map(|n| format!(" +[X-{n}: {n}]")).collect();
    let seen: &'static str = format!("POST / chunked \"x\"{shown}").leak();
    let too_long = format!("X-Sum: {}", "x".repeat(8 * 1024));
    check(&[(&most, Passes(seen)), (&too_many, Refused(431)), (&too_long, Refused(431))], with_trailers);
}
