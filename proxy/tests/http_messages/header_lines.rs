//! Header lines (RFC 9112 section 5, RFC 9110 section 5).

use swiftiply::http::Refusal::*;
use swiftiply::http::{HeadParser, HeaderRoom, Limits};

use super::feeding::{Case, check, read, with_headers};

#[test]
fn every_line_ends_in_crlf() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", Err(BareLf)),
        ("GET / HTTP/1.1\nHost: a\n\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n", Err(BareLf)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", Err(BareCr)),
        ("GET / HTTP/1.1\rHost: a\r\r", Ok("not yet")),
        ("GET / HTTP/1.1\rHost: a\r\r\r\n\r\n", Err(BareCr)),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn a_header_is_a_token_a_colon_and_a_value() {
    const CASES: &[Case] = &[
        ("X: b", Ok("GET /p 1.1 a")),
        ("X:b", Ok("GET /p 1.1 a")),
        ("X:", Ok("GET /p 1.1 a")),
        ("X: ", Ok("GET /p 1.1 a")),
        ("X:\t b \t", Ok("GET /p 1.1 a")),
        ("X: a:b", Ok("GET /p 1.1 a")),
        ("!#$%&'*+-.^`|~09azAZ: b", Ok("GET /p 1.1 a")),
        ("X: a\tb", Ok("GET /p 1.1 a")),
        ("X: \u{e9}", Ok("GET /p 1.1 a")),
        ("X b", Err(MissingColon)),
        ("X", Err(MissingColon)),
        (": b", Err(EmptyHeaderName)),
        (":", Err(EmptyHeaderName)),
        ("X : b", Err(SpaceBeforeColon)),
        ("X\t: b", Err(SpaceBeforeColon)),
        ("X Y: b", Err(BadHeaderName)),
        ("X(: b", Err(BadHeaderName)),
        ("X\0: b", Err(BadHeaderName)),
        ("X\x7f: b", Err(BadHeaderName)),
        ("\u{e9}: b", Err(BadHeaderName)),
        ("\"X\": b", Err(BadHeaderName)),
        ("X/Y: b", Err(BadHeaderName)),
        ("X: a\0b", Err(BadHeaderValue)),
        ("X: a\x01b", Err(BadHeaderValue)),
        ("X: a\x0bb", Err(BadHeaderValue)),
        ("X: \x1b[0m", Err(BadHeaderValue)),
        ("X: a\x7f", Err(BadHeaderValue)),
        ("X: \0", Err(BadHeaderValue)),
    ];
    check(CASES, with_headers);
}

#[test]
fn folded_and_indented_lines_are_refused() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Err(LeadingWhitespace)),
        ("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", Err(LeadingWhitespace)),
        ("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", Err(LeadingWhitespace)),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", Err(FoldedHeader)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tX: b\r\n\r\n", Err(FoldedHeader)),
        ("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", Err(FoldedHeader)),
    ];
    check(CASES, str::to_owned);
}

#[test]
fn a_control_character_is_found_wherever_it_stands_in_a_long_value() {
    // The lexer looks at 8, 16 or 32 bytes at once: every place in such a block is tried.
    for control in [0u8, 1, 8, 11, 12, 31, 127] {
        for place in 0..100 {
            let mut value = vec![b'v'; 100];
            value[place] = control;
            let mut message = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
            message.extend_from_slice(&value);
            message.extend_from_slice(b"\r\n\r\n");
            let mut room = HeaderRoom::new();
            let outcome = HeadParser::default().parse(&message, &Limits::default(), &mut room);
            assert_eq!(outcome.err(), Some(BadHeaderValue), "{control:#x} at {place}");
        }
    }
}

#[test]
fn a_byte_that_no_token_has_is_found_wherever_it_stands_in_a_long_name() {
    for other in [0u8, b' ', b'\t', b'(', b'@', b'[', b'{', 0x7f, 0x80, 0xff] {
        for place in 0..70 {
            let mut name = vec![b'n'; 70];
            name[place] = other;
            let mut message = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
            message.extend_from_slice(&name);
            message.extend_from_slice(b": v\r\n\r\n");
            let mut room = HeaderRoom::new();
            assert!(
                HeadParser::default().parse(&message, &Limits::default(), &mut room).is_err(),
                "{other:#x} at {place}"
            );
        }
    }
}

#[test]
fn bytes_above_ascii_pass_in_values_and_nowhere_else() {
    let message = |line: &[u8]| [b"GET / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat();
    assert!(read(&message(b"X: \xff\x80"), &Limits::default()).is_ok());
    assert_eq!(read(&message(b"X\xff: a"), &Limits::default()), Err(BadHeaderName));
    assert_eq!(read(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", &Limits::default()), Err(BadTarget));
    assert_eq!(read(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", &Limits::default()), Err(BadHost));
}

#[test]
fn names_with_an_underscore_are_dropped_and_counted() {
    let message =
        b"GET / HTTP/1.1\r\nHost: a\r\nX_A: 1\r\nX-A: 2\r\nContent_Length: 5\r\n_: 3\r\nB: 4\r\n\r\n";
    let mut room = HeaderRoom::new();
    let (_, head) =
        HeadParser::default().parse(message, &Limits::default(), &mut room).unwrap().expect("a whole head");
    assert_eq!(head.underscored, 3);
    let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"Host"[..], b"X-A", b"B"]);
    assert_eq!(head.framing, swiftiply::http::Framing::None);
}

#[test]
fn an_underscore_is_found_wherever_it_stands_in_a_name() {
    let underscored = |name: &[u8]| {
        let message = [b"GET / HTTP/1.0\r\n", name, b": v\r\n\r\n"].concat();
        let mut room = HeaderRoom::new();
        let head = HeadParser::default().parse(&message, &Limits::default(), &mut room).unwrap();
        head.expect("a whole head").1.underscored
    };
    for length in 1..40 {
        // Its neighbours in ASCII must not pass for it.
        for neighbour in [b'^', b'`'] {
            let mut name = vec![neighbour; length];
            assert_eq!(underscored(&name), 0, "{length} bytes without");
            for place in 0..length {
                name.fill(neighbour);
                name[place] = b'_';
                assert_eq!(underscored(&name), 1, "{length} bytes, at {place}");
            }
        }
    }
}

#[test]
fn values_are_trimmed_and_otherwise_untouched() {
    let message = b"GET / HTTP/1.1\r\nHost: a\r\nX: \t a  b \t \r\nY:\r\nX: second\r\n\r\n";
    let mut room = HeaderRoom::new();
    let (_, head) =
        HeadParser::default().parse(message, &Limits::default(), &mut room).unwrap().expect("a whole head");
    let headers: Vec<_> = head.headers().skip(1).collect();
    assert_eq!(headers, [(&b"X"[..], &b"a  b"[..]), (b"Y", b""), (b"X", b"second")]);
}
