//! What is said from hop to hop stays behind (RFC 9110 section 7.6.1), and nobody can use that to strip other headers.

use crate::run::Fate::*;
use crate::run::{Case, check, with_lines};

#[test]
fn headers_of_one_connection_end_with_it() {
    const CASES: &[Case] = &[
        ("Keep-Alive: timeout=5", Passes("GET /")),
        ("Proxy-Connection: keep-alive", Passes("GET /")),
        ("Proxy-Connection: close", Passes("GET /")),
        ("Proxy-Authorization: Basic x", Passes("GET /")),
        ("Proxy-Authenticate: Basic", Passes("GET /")),
        ("TE: gzip", Passes("GET /")),
        ("TE: trailers", Passes("GET / [TE: trailers]")),
        ("te: gzip;q=0.5, Trailers", Passes("GET / [TE: trailers]")),
        ("Connection: keep-alive", Passes("GET /")),
        ("HTTP2-Settings: AAMAAABkAAQAAP__", Passes("GET /")),
        ("Trailer: X-Sum", Passes("GET / [Trailer: X-Sum]")),
    ];
    check(CASES, with_lines);
}

#[test]
fn what_connection_names_stays_behind() {
    const CASES: &[Case] = &[
        ("Connection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 2", Passes("GET / [X-Kept: 2]")),
        ("X-Hop: 1\r\nConnection: x-hop", Passes("GET /")),
        ("Connection: keep-alive, X-A ,,X-B\r\nX-A: 1\r\nx-b: 2\r\nX-C: 3", Passes("GET / [X-C: 3]")),
        ("Connection: X-A\r\nConnection: X-B\r\nX-A: 1\r\nX-B: 2", Passes("GET /")),
        ("Connection: X-A\r\nX-A: 1\r\nX-A: 2", Passes("GET /")),
        ("Connection: X-Hop-Not\r\nX-Hop: 1", Passes("GET / [X-Hop: 1]")),
        ("Connection: \"X-Hop\"\r\nX-Hop: 1", Passes("GET / [X-Hop: 1]")),
    ];
    check(CASES, with_lines);
}

#[test]
fn connection_cannot_strip_what_an_app_relies_on() {
    const CASES: &[Case] = &[
        ("Connection: Host", Passes("GET /")),
        ("Connection: host, HOST", Passes("GET /")),
        ("Connection: Content-Length\r\nContent-Length: 0", Passes("GET / [Content-Length: 0]")),
        ("Connection: Content-Type\r\nContent-Type: a/b", Passes("GET / [Content-Type: a/b]")),
        ("Connection: Authorization\r\nAuthorization: Basic x", Passes("GET / [Authorization: Basic x]")),
        ("Connection: Cookie\r\nCookie: a=b", Passes("GET / [Cookie: a=b]")),
        ("Connection: Cache-Control\r\nCache-Control: no-store", Passes("GET / [Cache-Control: no-store]")),
        ("Connection: Origin\r\nOrigin: http://a", Passes("GET / [Origin: http://a]")),
        ("Connection: Range\r\nRange: bytes=0-1", Passes("GET / [Range: bytes=0-1]")),
        (
            "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port",
            Passes("GET /"),
        ),
        ("Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6", Passes("GET /")),
    ];
    check(CASES, with_lines);
}

#[test]
fn connection_names_only_so_many_options() {
    let options = |count: usize| format!("Connection: {}", vec!["x"; count].join(","));
    let (most, too_many) = (options(32), options(33));
    check(&[(&most, Passes("GET /")), (&too_many, Refused(400))], with_lines);
}
