//! Where a body ends (RFC 9112 section 6): one length or chunks, never both, never a guess.

use crate::run::Fate::*;
use crate::run::{Case, check};

fn post(lines_and_body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: app.test\r\n{lines_and_body}")
}

fn post_1_0(lines_and_body: &str) -> String {
    format!("POST / HTTP/1.0\r\nHost: app.test\r\n{lines_and_body}")
}

#[test]
fn a_length_is_one_decimal_number() {
    const CASES: &[Case] = &[
        ("\r\n", Passes("POST /")),
        ("Content-Length: 0\r\n\r\n", Passes("POST / [Content-Length: 0]")),
        ("Content-Length: 3\r\n\r\nabc", Passes("POST / [Content-Length: 3] \"abc\"")),
        ("content-length:\t3 \r\n\r\n\r\n0", Passes("POST / [content-length: 3] \"\\r\\n0\"")),
        ("Content-Length: 003\r\n\r\nabc", Passes("POST / [Content-Length: 003] \"abc\"")),
        ("Content-Length: +3\r\n\r\nabc", Refused(400)),
        ("Content-Length: -3\r\n\r\nabc", Refused(400)),
        ("Content-Length: -0\r\n\r\n", Refused(400)),
        ("Content-Length: 0x3\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3 3\r\n\r\nabc", Refused(400)),
        ("Content-Length: 1_0\r\n\r\nabcdefghij", Refused(400)),
        ("Content-Length:\r\n\r\n", Refused(400)),
        ("Content-Length: 3, 3\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3,\r\n\r\nabc", Refused(400)),
        ("Content-Length: ,3\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3;a\r\n\r\nabc", Refused(400)),
        ("Content-Length: \"3\"\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3.0\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3e0\r\n\r\nabc", Refused(400)),
        ("Content-Length: abc\r\n\r\nabc", Refused(400)),
        ("Content-Length: \u{ff13}\r\n\r\nabc", Refused(400)),
        ("Content-Length: 18446744073709551616\r\n\r\n", Refused(400)),
        ("Content-Length: 99999999999999999999999\r\n\r\n", Refused(400)),
        ("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", Refused(400)),
        ("Content-Length: 3\r\ncontent-length: 4\r\n\r\nabc", Refused(400)),
        ("Content-Length : 3\r\n\r\nabc", Refused(400)),
    ];
    check(CASES, post);
}

#[test]
fn the_only_coding_is_one_chunked() {
    const CASES: &[Case] = &[
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("transfer-encoding:\tCHUNKED \r\n\r\n0\r\n\r\n", Passes("POST / chunked \"\"")),
        ("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: identity\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: gzip\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
        ("Transfer-Encoding: x, deflate, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
        ("Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding:\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chun ked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer\u{2010}Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ];
    check(CASES, post);
}

#[test]
fn a_length_and_a_coding_never_stand_together() {
    const CASES: &[Case] = &[
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: gzip, chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", Refused(400)),
        ("Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc", Refused(400)),
        (
            "Connection: Content-Length\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            Refused(400),
        ),
        (
            "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
            Refused(400),
        ),
    ];
    check(CASES, post);
}

#[test]
fn http_1_0_has_no_codings_and_no_body_without_a_length() {
    const CASES: &[Case] = &[
        ("\r\n", Closes("POST / 1.0")),
        ("\r\nGET /smuggled HTTP/1.0\r\n\r\n", Closes("POST / 1.0")),
        ("Content-Length: 3\r\n\r\nabc", Closes("POST / 1.0 [Content-Length: 3] \"abc\"")),
        ("Connection: keep-alive\r\n\r\n", Passes("POST / 1.0")),
        (
            "Connection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
            Passes("POST / 1.0 [Content-Length: 3] \"abc\""),
        ),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: identity\r\n\r\n", Refused(400)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", Refused(400)),
        ("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ];
    check(CASES, post_1_0);
}

#[test]
fn a_body_is_possible_with_any_method_and_ends_where_it_says() {
    const CASES: &[Case] = &[
        (
            "GET / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc",
            Passes("GET / [Content-Length: 3] \"abc\""),
        ),
        (
            "HEAD / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            Passes("HEAD / chunked \"a\""),
        ),
        (
            "DELETE / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 27\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n!",
            Passes("DELETE / [Content-Length: 27] \"GET /smuggled HTTP/1.1\\r\\n\\r\\n!\""),
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\n*",
            Passes("OPTIONS * [Content-Length: 1] \"*\""),
        ),
        (
            "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nab\r\n",
            Passes("POST / [Content-Length: 2] \"ab\""),
        ),
    ];
    check(CASES, str::to_owned);
}
