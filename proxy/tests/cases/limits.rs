//! How large a head may be, line by line: at its limit it passes, one byte beyond it is refused.

use swiftiply::config::Config;

use crate::run::Fate::*;
use crate::run::{check, check_with};

/// So small that every byte can be sent by itself in no time.
fn narrow(config: &mut Config) {
    config.limits.request_line = 100;
    config.limits.head = 400;
    config.limits.headers = 5;
}

/// A head whose request line has this many bytes.
fn with_line_of(length: usize) -> String {
    let path = "x".repeat(length - "GET / HTTP/1.1".len());
    format!("GET /{path} HTTP/1.1\r\nHost: app.test\r\n\r\n")
}

/// A head of this many bytes.
fn head_of(length: usize) -> String {
    let empty = "GET / HTTP/1.1\r\nHost: app.test\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: app.test\r\nX: {}\r\n\r\n", "x".repeat(length - empty))
}

/// A head with this many headers.
fn with_headers(count: usize) -> String {
    let lines: String = (1..count).map(|n| format!("X-{n}: 1\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n")
}

/// What the backend sees of a good one.
fn seen(of: &str) -> &'static str {
    let (line, rest) = of.split_once(" HTTP/1.1\r\nHost: app.test\r\n").unwrap();
    let headers = rest.split("\r\n").filter(|header| !header.is_empty());
    headers.fold(line.to_owned(), |seen, header| format!("{seen} [{header}]")).leak()
}

#[test]
fn a_head_at_its_limits_passes_and_one_byte_or_header_more_is_refused() {
    let good = [with_line_of(100), head_of(400), with_headers(5)];
    let cases = [
        (good[0].as_str(), Passes(seen(&good[0]))),
        (good[1].as_str(), Passes(seen(&good[1]))),
        (good[2].as_str(), Passes(seen(&good[2]))),
        (&with_line_of(101), Refused(414)),
        (&with_line_of(300), Refused(414)),
        (&with_line_of(3000), Refused(414)),
        (&head_of(401), Refused(431)),
        (&head_of(3000), Refused(431)),
        (&with_headers(6), Refused(431)),
        (&with_headers(20), Refused(431)),
        // What is dropped or ignored counts too.
        (&with_headers(5).replace("X-4: 1", "X_4: 1\r\nY_4: 1"), Refused(431)),
    ];
    check_with(narrow, &cases, str::to_owned);
}

#[test]
fn the_limits_are_8_kib_for_the_line_32_kib_for_the_head_and_100_headers() {
    let good = [with_line_of(8 * 1024), head_of(32 * 1024), with_headers(100)];
    let cases = [
        (good[0].as_str(), Passes(seen(&good[0]))),
        (good[1].as_str(), Passes(seen(&good[1]))),
        (good[2].as_str(), Passes(seen(&good[2]))),
        (&with_line_of(8 * 1024 + 1), Refused(414)),
        (&head_of(32 * 1024 + 1), Refused(431)),
        (&with_headers(101), Refused(431)),
    ];
    check(&cases, str::to_owned);
}

#[test]
fn a_body_at_its_limit_passes_and_one_byte_more_is_refused() {
    let cases = [
        ("Content-Length: 5\r\n\r\nabcde", Passes("POST / [Content-Length: 5] \"abcde\"")),
        ("Content-Length: 6\r\n\r\nabcdef", Refused(413)),
        ("Content-Length: 18446744073709551615\r\n\r\n", Refused(413)),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
            Passes("POST / chunked \"abcde\""),
        ),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n", Refused(413)),
        ("Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabcdef", Refused(413)),
    ];
    let change = |config: &mut Config| config.sites[0].max_body = Some(5);
    check_with(change, &cases, |rest| format!("POST / HTTP/1.1\r\nHost: app.test\r\n{rest}"));
}
