//! Chunked bodies (RFC 9112 section 7.1).

use crate::run::Fate::*;
use crate::run::{Case, check};

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[test]
fn chunks_have_a_plain_size_and_end_in_crlf() {
    const CASES: &[Case] = &[
        ("0\r\n\r\n", Passes("POST / chunked \"\"")),
        ("3\r\nabc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        (
            "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            Passes("POST / chunked \"01234567890123456789\""),
        ),
        ("0000000000000003\r\nabc\r\n000\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", Passes("POST / chunked \"0\\r\\n\\r\\n\"")),
        ("00000000000000003\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("10000000000000000\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("+3\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("-3\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("0x3\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3h\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n", Refused(400)),
        (" 3\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3 \r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3\t\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("\"3\"\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("g\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3\0\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("\u{ff13}\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3\nabc\n0\n\n", Refused(400)),
        ("3\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3\rabc\r\n0\r\n\r\n", Refused(400)),
        ("3\r\rabc\r\n0\r\n\r\n", Refused(400)),
        ("3\r\nabcd\r\n0\r\n\r\n", Refused(400)),
        ("3\r\nabc0\r\n\r\n", Refused(400)),
        ("3\r\nabc\n0\r\n\r\n", Refused(400)),
        ("3\r\nabc\r0\r\n\r\n", Refused(400)),
        ("3\r\nabc\n\r\n0\r\n\r\n", Refused(400)),
        ("3\r\nabc\r\n\r\n0\r\n\r\n", Refused(400)),
        ("3\r\nabc\r\n-1\r\n\r\n", Refused(400)),
        ("3\r\nabc\r\nGET /smuggled HTTP/1.1\r\n\r\n", Refused(400)),
    ];
    check(CASES, chunked);
}

#[test]
fn extensions_are_checked_and_ignored() {
    const CASES: &[Case] = &[
        ("3;a\r\nabc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("3;a=b\r\nabc\r\n0;c\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("3; a = b ;c\r\nabc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n", Passes("POST / chunked \"abc\"")),
        ("3;\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3; \r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;;a\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;=b\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3 ;a\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;a\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;a\rb\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;a\0\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;a\u{7f}\r\nabc\r\n0\r\n\r\n", Refused(400)),
        ("3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n", Refused(400)),
        (";a\r\nabc\r\n0\r\n\r\n", Refused(400)),
        (",a\r\nabc\r\n0\r\n\r\n", Refused(400)),
    ];
    check(CASES, chunked);
}

#[test]
fn extensions_have_one_limit_for_the_whole_body() {
    let short = "1;abcdefg\r\nx\r\n".repeat(512);
    let body = "x".repeat(512);
    let passes = format!("{short}0\r\n\r\n");
    let seen: &'static str = format!("POST / chunked \"{body}\"").leak();
    let one_long = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(4096));
    let many_short = format!("{short}1;\r\nx\r\n0\r\n\r\n");
    check(&[(&passes, Passes(seen)), (&one_long, Refused(400)), (&many_short, Refused(400))], chunked);
}
