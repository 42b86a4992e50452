//! The request line (RFC 9112 section 3): one method, one target, one version, one space between.

use crate::run::Fate::*;
use crate::run::{Case, check};

fn with_line(line: &str) -> String {
    format!("{line}\r\nHost: app.test\r\n\r\n")
}

#[test]
fn a_method_is_any_token_in_its_own_case_but_for_connect_and_trace() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1", Passes("GET /")),
        ("get / HTTP/1.1", Passes("get /")),
        ("Get / HTTP/1.1", Passes("Get /")),
        ("HEAD / HTTP/1.1", Passes("HEAD /")),
        ("DELETE / HTTP/1.1", Passes("DELETE /")),
        ("PATCH / HTTP/1.1", Passes("PATCH /")),
        ("PROPFIND / HTTP/1.1", Passes("PROPFIND /")),
        ("M-SEARCH / HTTP/1.1", Passes("M-SEARCH /")),
        ("!#$%&'*+.^_`|~ / HTTP/1.1", Passes("!#$%&\\'*+.^_`|~ /")),
        ("trace / HTTP/1.1", Passes("trace /")),
        ("TRACE / HTTP/1.1", Refused(405)),
        ("CONNECT app.test:80 HTTP/1.1", Refused(405)),
        ("CONNECT / HTTP/1.1", Refused(405)),
        ("G@T / HTTP/1.1", Refused(400)),
        ("G:T / HTTP/1.1", Refused(400)),
        ("(GET) / HTTP/1.1", Refused(400)),
        ("G\u{c9}T / HTTP/1.1", Refused(400)),
        ("\u{1}GET / HTTP/1.1", Refused(400)),
        ("GET\0 / HTTP/1.1", Refused(400)),
    ];
    check(CASES, with_line);
}

#[test]
fn one_space_and_nothing_else_stands_between_the_parts() {
    const CASES: &[Case] = &[
        (" GET / HTTP/1.1", Refused(400)),
        ("\tGET / HTTP/1.1", Refused(400)),
        ("GET  / HTTP/1.1", Refused(400)),
        ("GET /  HTTP/1.1", Refused(400)),
        ("GET / HTTP/1.1 ", Refused(400)),
        ("GET\t/ HTTP/1.1", Refused(400)),
        ("GET /\tHTTP/1.1", Refused(400)),
        ("GET\u{b}/ HTTP/1.1", Refused(400)),
        ("GET / HTTP/1.1 extra", Refused(400)),
        ("GET /a b HTTP/1.1", Refused(400)),
        ("GET /\r HTTP/1.1", Refused(400)),
        ("GET / HTTP/1.1\r", Refused(400)),
        ("GET /", Refused(400)),
        ("GET", Refused(400)),
        ("GET HTTP/1.1", Refused(400)),
        ("GET  HTTP/1.1", Refused(400)),
        ("nonsense", Refused(400)),
        ("{\"json\": true}", Refused(400)),
    ];
    check(CASES, with_line);
}

#[test]
fn only_http_1_0_and_1_1_are_spoken() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.0\r\nConnection: keep-alive", Passes("GET / 1.0")),
        ("GET / HTTP/1.0", Closes("GET / 1.0")),
        ("GET / HTTP/1.2", Refused(505)),
        ("GET / HTTP/1.9", Refused(505)),
        ("GET / HTTP/0.9", Refused(505)),
        ("GET / HTTP/2.0", Refused(505)),
        ("GET / HTTP/3.0", Refused(505)),
        ("GET / HTTP/2", Refused(505)),
        ("GET / HTTP/9.9", Refused(505)),
        ("GET / http/1.1", Refused(400)),
        ("GET / Http/1.1", Refused(400)),
        ("GET / HTTP/1", Refused(400)),
        ("GET / HTTP/1.", Refused(400)),
        ("GET / HTTP/.1", Refused(400)),
        ("GET / HTTP/11", Refused(400)),
        ("GET / HTTP/1.10", Refused(400)),
        ("GET / HTTP/01.1", Refused(400)),
        ("GET / HTTP/1.01", Refused(400)),
        ("GET / HTTP/1,1", Refused(400)),
        ("GET / HTTP 1.1", Refused(400)),
        ("GET / HTTP/-1.1", Refused(400)),
        ("GET / HTTP/1.1a", Refused(400)),
        ("GET / HTTPS/1.1", Refused(400)),
        ("GET / ICY/1.1", Refused(400)),
        ("GET / \u{ff28}TTP/1.1", Refused(400)),
    ];
    check(CASES, with_line);
}

#[test]
fn two_empty_lines_may_stand_before_it_and_no_more() {
    const CASES: &[Case] = &[
        ("\r\n", Passes("GET /")),
        ("\r\n\r\n", Passes("GET /")),
        ("\r\n\r\n\r\n", Refused(400)),
        ("\n", Refused(400)),
        ("\r", Refused(400)),
        ("\r\r\n", Refused(400)),
        (" \r\n", Refused(400)),
        ("\0", Refused(400)),
        ("\u{feff}", Refused(400)),
    ];
    check(CASES, |before| format!("{before}GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"));
}
