//! Request lines (RFC 9112 section 3).

use swiftiply::http::Refusal::*;

use super::feeding::{Case, check};

fn with_host(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

#[test]
fn a_request_line_is_method_space_target_space_version() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1", Ok("GET / 1.1 a")),
        ("GET / HTTP/1.0", Ok("GET / 1.0 a close")),
        ("GET  / HTTP/1.1", Err(BadRequestLine)),
        ("GET /  HTTP/1.1", Err(BadRequestLine)),
        ("GET / HTTP/1.1 ", Err(BadRequestLine)),
        (" GET / HTTP/1.1", Err(BadMethod)),
        ("GET\t/ HTTP/1.1", Err(BadMethod)),
        ("GET /\tHTTP/1.1", Err(BadRequestLine)),
        ("GET /\x0bHTTP/1.1", Err(BadRequestLine)),
        ("GET / a HTTP/1.1", Err(BadRequestLine)),
        ("GET /", Err(BadRequestLine)),
        ("GET", Err(BadRequestLine)),
        ("GET HTTP/1.1", Err(BadRequestLine)),
        ("GET  HTTP/1.1", Err(BadRequestLine)),
        ("/ HTTP/1.1", Err(BadMethod)),
        ("GET /\rHTTP/1.1", Err(BareCr)),
        ("GET / HTTP/1.1\r", Err(BareCr)),
        ("GET / HTTP/1.1\0", Err(BadVersion)),
    ];
    check(CASES, with_host);
}

#[test]
fn any_token_is_a_method_and_its_case_matters() {
    const CASES: &[Case] = &[
        ("get / HTTP/1.1", Ok("get / 1.1 a")),
        ("PROPFIND / HTTP/1.1", Ok("PROPFIND / 1.1 a")),
        ("!#$%&'*+-.^_`|~0aZ / HTTP/1.1", Ok("!#$%&'*+-.^_`|~0aZ / 1.1 a")),
        ("connect / HTTP/1.1", Ok("connect / 1.1 a")),
        ("G(ET / HTTP/1.1", Err(BadMethod)),
        ("GET: / HTTP/1.1", Err(BadMethod)),
        ("G\0ET / HTTP/1.1", Err(BadMethod)),
        ("GÉT / HTTP/1.1", Err(BadMethod)),
        ("\"GET\" / HTTP/1.1", Err(BadMethod)),
    ];
    check(CASES, with_host);
}

#[test]
fn connect_and_trace_are_not_served() {
    const CASES: &[Case] = &[
        ("CONNECT example.com:443 HTTP/1.1", Err(MethodNotAllowed)),
        ("CONNECT / HTTP/1.1", Err(MethodNotAllowed)),
        ("CONNECT example.com:443 HTTP/1.0", Err(MethodNotAllowed)),
        ("TRACE / HTTP/1.1", Err(MethodNotAllowed)),
    ];
    check(CASES, with_host);
}

#[test]
fn a_path_and_a_query_are_passed_on_as_they_came() {
    const CASES: &[Case] = &[
        ("GET /a/b?c=d HTTP/1.1", Ok("GET /a/b?c=d 1.1 a")),
        ("GET /? HTTP/1.1", Ok("GET /? 1.1 a")),
        ("GET /?a?b HTTP/1.1", Ok("GET /?a?b 1.1 a")),
        ("GET //evil.example/x HTTP/1.1", Ok("GET //evil.example/x 1.1 a")),
        ("GET /../a/./b HTTP/1.1", Ok("GET /../a/./b 1.1 a")),
        ("GET /%2e%2E/%2F HTTP/1.1", Ok("GET /%2e%2E/%2F 1.1 a")),
        ("GET /a;b=c,d@e:f!$&'()*+=~-._ HTTP/1.1", Ok("GET /a;b=c,d@e:f!$&'()*+=~-._ 1.1 a")),
        (
            "GET /a|b[c]^{d}`\\\"<>?a|b[c]^{d}`\\\"<> HTTP/1.1",
            Ok("GET /a|b[c]^{d}`\\\"<>?a|b[c]^{d}`\\\"<> 1.1 a"),
        ),
        ("GET /?q=100% HTTP/1.1", Ok("GET /?q=100% 1.1 a")),
        ("GET /?a=%zz%00 HTTP/1.1", Ok("GET /?a=%zz%00 1.1 a")),
        ("GET /http://b/ HTTP/1.1", Ok("GET /http://b/ 1.1 a")),
    ];
    check(CASES, with_host);
}

#[test]
fn a_target_that_servers_read_differently_is_refused() {
    const CASES: &[Case] = &[
        ("GET /a#b HTTP/1.1", Err(FragmentInTarget)),
        ("GET /?a#b HTTP/1.1", Err(FragmentInTarget)),
        ("GET # HTTP/1.1", Err(FragmentInTarget)),
        ("GET /\u{e9} HTTP/1.1", Err(BadTarget)),
        ("GET /?\u{e9} HTTP/1.1", Err(BadTarget)),
        ("GET /\0 HTTP/1.1", Err(BadTarget)),
        ("GET /\x7f HTTP/1.1", Err(BadTarget)),
        ("GET /\x01 HTTP/1.1", Err(BadTarget)),
        ("GET /% HTTP/1.1", Err(BadEscape)),
        ("GET /%2 HTTP/1.1", Err(BadEscape)),
        ("GET /%zz HTTP/1.1", Err(BadEscape)),
        ("GET /%+1 HTTP/1.1", Err(BadEscape)),
        ("GET /a%00b HTTP/1.1", Err(BadEscape)),
        ("GET a HTTP/1.1", Err(BadTarget)),
        ("GET ?a HTTP/1.1", Err(BadTarget)),
        ("GET example.com:80 HTTP/1.1", Err(BadTarget)),
    ];
    check(CASES, with_host);
}

#[test]
fn an_asterisk_is_for_options_only() {
    const CASES: &[Case] = &[
        ("OPTIONS * HTTP/1.1", Ok("OPTIONS * 1.1 a")),
        ("OPTIONS / HTTP/1.1", Ok("OPTIONS / 1.1 a")),
        ("GET * HTTP/1.1", Err(AsteriskWithoutOptions)),
        ("options * HTTP/1.1", Err(AsteriskWithoutOptions)),
        ("OPTIONS *a HTTP/1.1", Err(BadTarget)),
        ("OPTIONS ** HTTP/1.1", Err(BadTarget)),
    ];
    check(CASES, with_host);
}

#[test]
fn an_absolute_target_replaces_the_host() {
    const CASES: &[Case] = &[
        ("GET http://b/c?d HTTP/1.1", Ok("GET /c?d 1.1 b")),
        ("GET http://b HTTP/1.1", Ok("GET / 1.1 b")),
        ("GET http://b?c HTTP/1.1", Ok("GET /?c 1.1 b")),
        ("GET http://b:8080/ HTTP/1.1", Ok("GET / 1.1 b:8080")),
        ("GET http://[::1]:80/ HTTP/1.1", Ok("GET / 1.1 [::1]:80")),
        ("GET HTTP://B/ HTTP/1.1", Ok("GET / 1.1 b")),
        ("GET https://b/ HTTP/1.1", Ok("GET / 1.1 b")),
        ("GET http://b/ HTTP/1.0", Ok("GET / 1.0 b close")),
        ("OPTIONS http://b HTTP/1.1", Ok("OPTIONS * 1.1 b")),
        ("OPTIONS http://b/ HTTP/1.1", Ok("OPTIONS / 1.1 b")),
        ("OPTIONS http://b?c HTTP/1.1", Ok("OPTIONS /?c 1.1 b")),
        ("GET ftp://b/ HTTP/1.1", Err(BadTarget)),
        ("GET http:/b HTTP/1.1", Err(BadTarget)),
        ("GET http: HTTP/1.1", Err(BadTarget)),
        ("GET ://b/ HTTP/1.1", Err(BadTarget)),
        ("GET http:// HTTP/1.1", Err(BadHost)),
        ("GET http:///a HTTP/1.1", Err(BadHost)),
        ("GET http://user@b/ HTTP/1.1", Err(BadHost)),
        ("GET http://user:secret@b/ HTTP/1.1", Err(BadHost)),
        ("GET http://b:0x50/ HTTP/1.1", Err(BadHost)),
        ("GET http://b\\@c/ HTTP/1.1", Err(BadHost)),
    ];
    check(CASES, with_host);
}

#[test]
fn only_http_1_0_and_1_1_are_spoken() {
    const CASES: &[Case] = &[
        ("GET / HTTP/2.0", Err(UnsupportedVersion)),
        ("GET / HTTP/1.2", Err(UnsupportedVersion)),
        ("GET / HTTP/0.9", Err(UnsupportedVersion)),
        ("GET / HTTP/3.0", Err(UnsupportedVersion)),
        ("GET / HTTP/2", Err(UnsupportedVersion)),
        ("GET / HTTP/3", Err(UnsupportedVersion)),
        ("GET / HTTP/9.9", Err(UnsupportedVersion)),
        ("GET / HTTP/1.10", Err(BadVersion)),
        ("GET / HTTP/01.1", Err(BadVersion)),
        ("GET / HTTP/1.1.1", Err(BadVersion)),
        ("GET / HTTP/1", Err(BadVersion)),
        ("GET / HTTP/1.", Err(BadVersion)),
        ("GET / HTTP/1,1", Err(BadVersion)),
        ("GET / HTTP/+1.1", Err(BadVersion)),
        ("GET / HTTP /1.1", Err(BadRequestLine)),
        ("GET / http/1.1", Err(BadVersion)),
        ("GET / Http/1.1", Err(BadVersion)),
        ("GET / HTTP/", Err(BadVersion)),
        ("GET / HTTPS/1.1", Err(BadVersion)),
        ("GET / ICY/1.0", Err(BadVersion)),
        ("GET / /1.1", Err(BadVersion)),
    ];
    check(CASES, with_host);
}

#[test]
fn the_preface_of_http_2_is_an_unsupported_version() {
    check(&[("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err(UnsupportedVersion))], str::to_owned);
}

#[test]
fn what_cannot_become_a_method_is_refused_at_its_first_byte() {
    const CASES: &[Case] = &[
        ("\x16\x03\x01", Err(BadMethod)),
        ("\0", Err(BadMethod)),
        ("(", Err(BadMethod)),
        ("\n", Err(BareLf)),
        ("\rG", Err(BareCr)),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn at_most_two_empty_lines_before_a_request_are_skipped() {
    const CASES: &[Case] = &[
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok("GET / 1.1 a")),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok("GET / 1.1 a")),
        ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(TooManyEmptyLines)),
        ("\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(BareLf)),
        ("\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(BadMethod)),
        ("\r\n", Ok("not yet")),
        ("\r\n\r", Ok("not yet")),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn the_next_request_begins_where_the_head_ends() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Ok("GET / 1.1 a + GET")),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", Ok("GET / 1.1 a + \\r\\n")),
        ("GET / HTTP/1.0\r\n\r\nbody", Ok("GET / 1.0 - close + body")),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r", Ok("not yet")),
        ("GET / HTTP/1.1\r\n", Ok("not yet")),
        ("GET / HTTP/1.1", Ok("not yet")),
        ("G", Ok("not yet")),
        ("", Ok("not yet")),
    ];
    check(CASES, str::to_owned);
}
