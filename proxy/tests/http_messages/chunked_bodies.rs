//! Chunked bodies (RFC 9112 section 7.1).

use swiftiply::http::Refusal::*;
use swiftiply::http::{BodyDecoder, Framing, Limits, Piece, Refusal};

use super::feeding::{Decoded, decode};

/// Checks what comes of each message: the body and what is left, or `...` for a body that is not complete.
fn check(cases: &[(&str, Result<&str, Refusal>)]) {
    for (message, expected) in cases {
        let outcome = decode(message.as_bytes(), &Limits::default()).map(|decoded| sum_up(&decoded));
        assert_eq!(outcome.as_deref(), expected.as_ref().map(|text| *text), "for {message:?}");
    }
}

fn sum_up(decoded: &Decoded) -> String {
    let mut text = decoded.body.escape_ascii().to_string();
    if !decoded.is_done {
        text += "...";
    }
    for trailer in &decoded.trailers {
        text += &format!(" [{trailer}]");
    }
    if !decoded.left.is_empty() {
        text += &format!(" + {}", decoded.left.escape_ascii());
    }
    text
}

#[test]
fn chunks_are_put_together() {
    check(&[
        ("0\r\n\r\n", Ok("")),
        ("3\r\nabc\r\n0\r\n\r\n", Ok("abc")),
        ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", Ok("abcde")),
        ("A\r\n0123456789\r\n0\r\n\r\n", Ok("0123456789")),
        ("a\r\n0123456789\r\n0\r\n\r\n", Ok("0123456789")),
        ("0003\r\nabc\r\n000\r\n\r\n", Ok("abc")),
        ("0000000000000003\r\nabc\r\n0\r\n\r\n", Ok("abc")),
        ("4\r\n\r\n\r\n\r\n0\r\n\r\n", Ok("\\r\\n\\r\\n")),
        ("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n", Ok("abc + GET / HTTP/1.1\\r\\n")),
        ("3\r\nabc\r\n0\r\n\r\n\r\n", Ok("abc + \\r\\n")),
        ("5\r\nabc", Ok("abc...")),
        ("5\r\nabcde", Ok("abcde...")),
        ("5\r\nabcde\r\n0\r\n", Ok("abcde...")),
        ("5\r\nabcde\r\n0\r\n\r", Ok("abcde...")),
        ("", Ok("...")),
        ("FFFFFFFFFFFFFFFF\r\nabc", Ok("abc...")),
    ]);
}

#[test]
fn a_chunk_size_is_hexadecimal_digits_and_nothing_else() {
    check(&[
        ("\r\n", Err(BadChunkSize)),
        ("g\r\n", Err(BadChunkSize)),
        ("-1\r\n", Err(BadChunkSize)),
        ("+1\r\n", Err(BadChunkSize)),
        ("0x3\r\nabc\r\n", Err(BadChunkSize)),
        (" 3\r\nabc\r\n", Err(BadChunkSize)),
        ("3 \r\nabc\r\n", Err(BadChunkSize)),
        ("3\t\r\nabc\r\n", Err(BadChunkSize)),
        ("3 ;a\r\nabc\r\n", Err(BadChunkSize)),
        ("1_0\r\n", Err(BadChunkSize)),
        ("3.0\r\n", Err(BadChunkSize)),
        ("3,3\r\n", Err(BadChunkSize)),
        (";a\r\n", Err(BadChunkSize)),
        ("\n3\r\n", Err(BadChunkSize)),
        ("00000000000000003\r\n", Err(BadChunkSize)),
        ("10000000000000000\r\n", Err(BadChunkSize)),
        ("\u{663}\r\n", Err(BadChunkSize)),
        ("3\0\r\n", Err(BadChunkSize)),
    ]);
}

#[test]
fn lines_end_in_crlf_here_too() {
    check(&[
        ("3\nabc\r\n0\r\n\r\n", Err(BareLf)),
        ("3\rabc\r\n0\r\n\r\n", Err(BareCr)),
        ("3\r\rabc\r\n", Err(BareCr)),
        ("3;a\nabc\r\n", Err(BareLf)),
        ("3;a\rb\r\nabc\r\n", Err(BareCr)),
        ("3\r\nabc\n0\r\n\r\n", Err(BadChunkEnd)),
        ("3\r\nabc\r0\r\n\r\n", Err(BadChunkEnd)),
        ("3\r\nabc0\r\n\r\n", Err(BadChunkEnd)),
        ("3\r\nabcd\r\n0\r\n\r\n", Err(BadChunkEnd)),
        ("3\r\nab\r\n0\r\n\r\n", Err(BadChunkEnd)),
        ("0\r\n\n", Err(BareLf)),
        ("0\r\nA: b\n\r\n", Err(BareLf)),
        ("0\n\r\n", Err(BareLf)),
    ]);
}

#[test]
fn extensions_are_checked_and_ignored() {
    check(&[
        ("3;a\r\nabc\r\n0\r\n\r\n", Ok("abc")),
        ("3;a=b\r\nabc\r\n0;c=\"d;\\\"e\"\r\n\r\n", Ok("abc")),
        ("3; a = b ;c\r\nabc\r\n0\r\n\r\n", Ok("abc")),
        ("3;\r\nabc\r\n", Err(BadChunkExtension)),
        ("3; \r\nabc\r\n", Err(BadChunkExtension)),
        ("3;;a\r\nabc\r\n", Err(BadChunkExtension)),
        ("3;=b\r\nabc\r\n", Err(BadChunkExtension)),
        ("3;a\0\r\nabc\r\n", Err(BadChunkExtension)),
        ("3;a\x7f\r\nabc\r\n", Err(BadChunkExtension)),
        ("3;a=\"\x01\"\r\nabc\r\n", Err(BadChunkExtension)),
    ]);
}

#[test]
fn extensions_of_one_body_are_bounded_together() {
    let body =
        |count: usize| format!("{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "e".repeat(1023)).repeat(count));
    assert_eq!(decode(body(4).as_bytes(), &Limits::default()).unwrap().body, b"xxxx");
    assert_eq!(decode(body(5).as_bytes(), &Limits::default()), Err(ChunkExtensionsTooLong));
    let endless = format!("1;{}", "e".repeat(5000));
    assert_eq!(decode(endless.as_bytes(), &Limits::default()), Err(ChunkExtensionsTooLong));
}

#[test]
fn trailers_follow_the_rules_of_headers_and_stay_apart() {
    check(&[
        ("0\r\nA: b\r\n\r\n", Ok(" [A: b]")),
        ("1\r\nx\r\n0\r\nA: b\r\nC:  d \r\nA: e\r\n\r\nG", Ok("x [A: b] [C: d] [A: e] + G")),
        ("0\r\nA:\r\n\r\n", Ok(" [A: ]")),
        ("0\r\nA : b\r\n\r\n", Err(SpaceBeforeColon)),
        ("0\r\n A: b\r\n\r\n", Err(LeadingWhitespace)),
        ("0\r\nA: b\r\n c\r\n\r\n", Err(FoldedHeader)),
        ("0\r\nA\r\n\r\n", Err(MissingColon)),
        ("0\r\n: b\r\n\r\n", Err(EmptyHeaderName)),
        ("0\r\nA(: b\r\n\r\n", Err(BadHeaderName)),
        ("0\r\nA: \0\r\n\r\n", Err(BadHeaderValue)),
        ("0\r\nA: b\rc\r\n\r\n", Err(BareCr)),
        ("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(MissingColon)),
    ]);
}

#[test]
fn what_a_body_must_not_say_after_the_fact_is_dropped_from_its_trailers() {
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Connection",
        "TE",
        "Trailer",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Proxy-Authorization",
        "WWW-Authenticate",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "Cache-Control",
        "Expect",
        "Max-Forwards",
        "Range",
        "If-Match",
        "Date",
        "Location",
        "X-Forwarded-For",
        "X-Forwarded-Anything",
        "Forwarded",
        "X-Real-IP",
        "Proxy",
        "X_A",
    ] {
        let message = format!("0\r\n{name}: 1\r\nX-Checksum: 2\r\n\r\n");
        let decoded = decode(message.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(decoded.trailers, ["X-Checksum: 2"], "{name}");
    }
}

#[test]
fn trailers_are_bounded_in_bytes_and_in_number() {
    let limits = Limits::default();
    let of_bytes = |bytes: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(bytes - "A: \r\n\r\n".len()));
    assert!(decode(of_bytes(8192).as_bytes(), &limits).is_ok());
    assert_eq!(decode(of_bytes(8193).as_bytes(), &limits), Err(TrailersTooLarge));
    let endless = format!("0\r\nA: {}", "b".repeat(9000));
    assert_eq!(decode(endless.as_bytes(), &limits), Err(TrailersTooLarge));

    let of_count = |count: usize| format!("0\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(decode(of_count(32).as_bytes(), &limits).unwrap().trailers.len(), 32);
    assert_eq!(decode(of_count(33).as_bytes(), &limits), Err(TooManyTrailers));
    let boundless = Limits { trailers_max: usize::MAX, ..limits };
    assert_eq!(decode(of_count(64).as_bytes(), &boundless).unwrap().trailers.len(), 64);
    assert_eq!(decode(of_count(65).as_bytes(), &boundless), Err(TooManyTrailers));
}

#[test]
fn data_is_handed_out_in_place() {
    let message = b"5\r\nhello\r\n0\r\n\r\n";
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let (used, piece) = decoder.decode(message, &Limits::default()).unwrap();
    let Piece::Data(data) = piece else { panic!("data first, not {piece:?}") };
    assert_eq!((used, data), (8, &b"hello"[..]));
    assert!(std::ptr::eq(data, &message[3..8]), "a slice of the input, not a copy");
}

#[test]
fn a_body_by_length_takes_its_bytes_and_no_more() {
    let limits = Limits::default();
    let mut decoder = BodyDecoder::new(Framing::Length(5));
    assert_eq!(decoder.decode(b"", &limits), Ok((0, Piece::More)));
    assert_eq!(decoder.decode(b"abc", &limits), Ok((3, Piece::Data(b"abc"))));
    assert!(!decoder.is_done());
    assert_eq!(decoder.decode(b"defGET", &limits), Ok((2, Piece::Data(b"de"))));
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(b"fGET", &limits), Ok((0, Piece::End)));
    assert!(decoder.take_trailers().is_empty());
}

#[test]
fn a_request_without_framing_has_no_body() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut decoder = BodyDecoder::new(framing);
        assert!(decoder.is_done());
        assert_eq!(decoder.decode(b"GET", &Limits::default()), Ok((0, Piece::End)));
    }
}
