//! Host (RFC 9112 section 3.2, RFC 9110 section 7.2).

use swiftiply::http::Refusal::*;
use swiftiply::http::{Authority, Refusal};

use super::feeding::{Case, check};

fn with_host(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[test]
fn a_host_is_a_name_or_an_address_with_an_optional_port() {
    const CASES: &[Case] = &[
        ("example.com", Ok("GET / 1.1 example.com")),
        ("example.com:8080", Ok("GET / 1.1 example.com:8080")),
        ("EXAMPLE.Com", Ok("GET / 1.1 example.com")),
        ("example.com.", Ok("GET / 1.1 example.com")),
        ("example.com.:80", Ok("GET / 1.1 example.com:80")),
        ("example.com:", Ok("GET / 1.1 example.com")),
        ("a_b.internal", Ok("GET / 1.1 a_b.internal")),
        ("127.0.0.1:1", Ok("GET / 1.1 127.0.0.1:1")),
        ("localhost:65535", Ok("GET / 1.1 localhost:65535")),
        ("[::1]", Ok("GET / 1.1 [::1]")),
        ("[::1]:80", Ok("GET / 1.1 [::1]:80")),
        ("[0:0:0:0:0:0:0:1]", Ok("GET / 1.1 [::1]")),
        ("[2001:DB8::1]:443", Ok("GET / 1.1 [2001:db8::1]:443")),
        ("[::ffff:1.2.3.4]", Ok("GET / 1.1 [::ffff:1.2.3.4]")),
        ("", Err(BadHost)),
        (".", Err(BadHost)),
        ("..", Err(BadHost)),
        (".example.com", Err(BadHost)),
        ("example..com", Err(BadHost)),
        ("example.com..", Err(BadHost)),
        (":80", Err(BadHost)),
        ("a b", Err(BadHost)),
        ("a,b", Err(BadHost)),
        ("a/b", Err(BadHost)),
        ("a?b", Err(BadHost)),
        ("a#b", Err(BadHost)),
        ("a\\b", Err(BadHost)),
        ("user@a", Err(BadHost)),
        ("http://a", Err(BadHost)),
        ("a:b", Err(BadHost)),
        ("a:80:80", Err(BadHost)),
        ("a:0", Err(BadHost)),
        ("a:65536", Err(BadHost)),
        ("a:+80", Err(BadHost)),
        ("a:-1", Err(BadHost)),
        ("a: 80", Err(BadHost)),
        ("a:80a", Err(BadHost)),
        ("a%20b", Err(BadHost)),
        ("a'b", Err(BadHost)),
        ("<script>", Err(BadHost)),
        ("b\u{fc}cher.example", Err(BadHost)),
        ("::1", Err(BadHost)),
        ("[::1", Err(BadHost)),
        ("[::1]80", Err(BadHost)),
        ("[::1]:", Ok("GET / 1.1 [::1]")),
        ("[]", Err(BadHost)),
        ("[1.2.3.4]", Err(BadHost)),
        ("[fe80::1%25eth0]", Err(BadHost)),
        ("[v1.x]", Err(BadHost)),
        ("[::1]x:80", Err(BadHost)),
    ];
    check(CASES, with_host);
}

#[test]
fn an_http_1_1_request_has_exactly_one_host() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\n\r\n", Err(MissingHost)),
        ("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", Err(MissingHost)),
        ("GET http://a/ HTTP/1.1\r\n\r\n", Err(MissingHost)),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Err(RepeatedHost)),
        ("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", Err(RepeatedHost)),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Err(RepeatedHost)),
        ("GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", Err(BadHost)),
        ("GET / HTTP/1.0\r\n\r\n", Ok("GET / 1.0 - close")),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", Ok("GET / 1.0 a close")),
        ("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Err(BadHost)),
        ("GET http://b/ HTTP/1.0\r\n\r\n", Ok("GET / 1.0 b close")),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn a_host_name_is_no_longer_than_dns_can_carry() {
    let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
    assert_eq!(longest.len(), 253);
    assert!(Authority::parse(longest.as_bytes()).is_ok());
    assert!(Authority::parse(format!("{longest}.").as_bytes()).is_ok());
    let longer = format!("{longest}dd");
    assert_eq!(Authority::parse(longer.as_bytes()), Err(Refusal::BadHost));
}

#[test]
fn the_spelling_of_the_client_is_kept_for_forwarding() {
    let authority = Authority::parse(b"Example.COM.:8080").unwrap();
    assert_eq!(authority.text, "Example.COM.:8080");
    assert_eq!((&*authority.host, authority.port), ("example.com", Some(8080)));
}
