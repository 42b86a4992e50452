//! The Host header (RFC 9112 section 3.2): once, valid, and there in HTTP/1.1.

use crate::run::Fate::*;
use crate::run::{Case, check};

#[test]
fn a_host_is_a_name_or_an_address_with_an_optional_port() {
    const CASES: &[Case] = &[
        ("Host: app.test", Passes("GET /")),
        ("host:app.test", Passes("GET /")),
        ("Host: \t app.test \t", Passes("GET /")),
        ("HOST: App.Test.", Passes("GET / at App.Test.")),
        ("Host: app.test:80", Passes("GET / at app.test:80")),
        ("Host: app.test:65535", Passes("GET / at app.test:65535")),
        ("Host: 127.0.0.1:80", Passes("GET / at 127.0.0.1:80")),
        ("Host: [2001:db8::1]:80", Passes("GET / at [2001:db8::1]:80")),
        ("Host: my_app-1.test", Passes("GET / at my_app-1.test")),
        ("Host:", Refused(400)),
        ("Host: ", Refused(400)),
        ("Host: a b", Refused(400)),
        ("Host: app.test, other.test", Refused(400)),
        ("Host: app.test/path", Refused(400)),
        ("Host: http://app.test", Refused(400)),
        ("Host: user@app.test", Refused(400)),
        ("Host: app.test?", Refused(400)),
        ("Host: app.test#", Refused(400)),
        ("Host: app..test", Refused(400)),
        ("Host: .app.test", Refused(400)),
        ("Host: .", Refused(400)),
        ("Host: app%2etest", Refused(400)),
        ("Host: caf\u{e9}.test", Refused(400)),
        ("Host: *.test", Refused(400)),
        ("Host: app.test:http", Refused(400)),
        ("Host: app.test:-1", Refused(400)),
        ("Host: app.test:+80", Refused(400)),
        ("Host: app.test:0x50", Refused(400)),
        ("Host: app.test:0", Refused(400)),
        ("Host: app.test:65536", Refused(400)),
        ("Host: app.test:80:80", Refused(400)),
        ("Host: :80", Refused(400)),
        ("Host: ::1", Refused(400)),
        ("Host: [::1", Refused(400)),
        ("Host: [::1]80", Refused(400)),
        ("Host: [::zz]", Refused(400)),
        ("Host: [fe80::1%25eth0]", Refused(400)),
        ("Host: [v1.a]", Refused(400)),
        ("Host: \"app.test\"", Refused(400)),
        ("Host: app.test\\", Refused(400)),
    ];
    check(CASES, |line| format!("GET / HTTP/1.1\r\n{line}\r\n\r\n"));
}

#[test]
fn there_is_exactly_one_in_http_1_1() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1", Refused(400)),
        ("GET / HTTP/1.1\r\nX-Host: app.test", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nhost: other.test", Refused(400)),
        ("GET / HTTP/1.0\r\nHost: app.test\r\nHost: app.test", Refused(400)),
        ("GET / HTTP/1.0\r\nHost: a b", Refused(400)),
        ("GET / HTTP/1.0", Closes("GET / 1.0 at ")),
        ("GET http://app.test/ HTTP/1.1", Refused(400)),
        ("GET http://app.test/ HTTP/1.1\r\nHost: a b", Refused(400)),
        ("GET http://app.test/ HTTP/1.1\r\nHost: other.test", Passes("GET /")),
        ("GET http://app.test/ HTTP/1.0", Closes("GET / 1.0")),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Host: evil.test", Passes("GET /")),
    ];
    check(CASES, |head| format!("{head}\r\n\r\n"));
}
