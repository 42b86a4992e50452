//! Header lines (RFC 9112 section 5, RFC 9110 section 5): what two readers could read in two ways is refused.

use crate::run::Fate::*;
use crate::run::{Case, check, with_lines};

#[test]
fn every_line_ends_in_crlf() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: y\r\n\r\n", Passes("GET / [X: y]")),
        ("GET / HTTP/1.1\nHost: app.test\n\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\nX: y\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: y\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: y\r\n\n", Refused(400)),
        ("GET / HTTP/1.1\rHost: app.test\r\rX: y\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: a\rb\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX\r: a\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\n\rHost: app.test\r\n\r\n", Refused(400)),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn a_name_is_a_token_right_before_its_colon() {
    const CASES: &[Case] = &[
        ("X-Y: z", Passes("GET / [X-Y: z]")),
        ("!#$%&'*+-.^`|~9: z", Passes("GET / [!#$%&\\'*+-.^`|~9: z]")),
        ("X : z", Refused(400)),
        ("X\t: z", Refused(400)),
        (" X: z", Refused(400)),
        ("\tX: z", Refused(400)),
        (": z", Refused(400)),
        (":", Refused(400)),
        ("X", Refused(400)),
        ("X z", Refused(400)),
        ("X Y: z", Refused(400)),
        ("X(Y): z", Refused(400)),
        ("X/Y: z", Refused(400)),
        ("\"X\": z", Refused(400)),
        ("X\0: z", Refused(400)),
        ("X\u{1}: z", Refused(400)),
        ("X\u{7f}: z", Refused(400)),
        ("X\u{e9}: z", Refused(400)),
        ("X@: z", Refused(400)),
        ("{X}: z", Refused(400)),
    ];
    check(CASES, with_lines);
}

#[test]
fn whitespace_neither_begins_a_head_nor_continues_a_line() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\n Host: app.test\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\n\tHost: app.test\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\n \r\nHost: app.test\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n b\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n\tb\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX:\r\n a\r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n \r\n\r\n", Refused(400)),
        ("GET / HTTP/1.1\r\nHost: app.test\r\n Content-Length: 5\r\n\r\n", Refused(400)),
        ("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", Refused(400)),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn a_value_has_no_control_characters_and_loses_only_the_space_around_it() {
    const CASES: &[Case] = &[
        ("X:", Passes("GET / [X: ]")),
        ("X: \t ", Passes("GET / [X: ]")),
        ("X:z", Passes("GET / [X: z]")),
        ("X: \t a\tb  c \t", Passes("GET / [X: a\\tb  c]")),
        ("X: a:b", Passes("GET / [X: a:b]")),
        ("X: \"a, b\"", Passes("GET / [X: \\\"a, b\\\"]")),
        ("X: caf\u{e9}", Passes("GET / [X: caf\\xc3\\xa9]")),
        ("X: 1\r\nX: 2\r\nx: 1", Passes("GET / [X: 1] [X: 2] [x: 1]")),
        ("X: a\0b", Refused(400)),
        ("X: \0", Refused(400)),
        ("X: a\u{1}b", Refused(400)),
        ("X: a\u{8}", Refused(400)),
        ("X: a\u{b}b", Refused(400)),
        ("X: a\u{c}b", Refused(400)),
        ("X: a\u{1b}[2J", Refused(400)),
        ("X: a\u{7f}", Refused(400)),
    ];
    check(CASES, with_lines);
}

/// As `HTTP_CONTENT_LENGTH` an app could not tell `Content_Length` from `Content-Length` (CVE-2015-7519).
#[test]
fn a_name_with_an_underscore_is_dropped_and_means_nothing() {
    const CASES: &[Case] = &[
        ("X_Y: z", Passes("GET /")),
        ("_: z", Passes("GET /")),
        ("X-Y_: z\r\nX-Y: a", Passes("GET / [X-Y: a]")),
        ("Content_Length: 5", Passes("GET /")),
        ("Transfer_Encoding: chunked", Passes("GET /")),
        ("Connection: X_Y", Passes("GET /")),
        ("X_Forwarded_For: 6.6.6.6", Passes("GET /")),
        ("Content-Length: 0\r\nContent_Length: 5", Passes("GET / [Content-Length: 0]")),
        ("Host_: evil.test", Passes("GET /")),
        ("Remote_User: root", Passes("GET /")),
        ("X_Y z", Refused(400)),
        ("X_Y : z", Refused(400)),
    ];
    check(CASES, with_lines);
}

#[test]
fn a_content_type_stands_there_once() {
    const CASES: &[Case] = &[
        ("Content-Type: text/plain", Passes("GET / [Content-Type: text/plain]")),
        ("Content-Type: text/plain\r\nContent-Type: text/html", Refused(400)),
        ("Content-Type: text/plain\r\ncontent-type: text/plain", Refused(400)),
    ];
    check(CASES, with_lines);
}
