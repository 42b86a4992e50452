//! Every limit holds exactly, and also for a head that never ends.

use swiftiply::http::Refusal::*;
use swiftiply::http::{HEADERS_ROOM, HeadParser, HeaderRoom, Limits, Refusal};

use super::feeding::read;

const SMALL: Limits = Limits {
    request_line_max: 40,
    head_bytes_max: 120,
    headers_max: 4,
    chunk_extension_bytes_max: 8,
    trailer_bytes_max: 32,
    trailers_max: 2,
    reply_head_bytes_max: 200,
};

fn request_line(bytes: usize) -> String {
    let line = format!("GET /{} HTTP/1.1", "a".repeat(bytes - "GET / HTTP/1.1".len()));
    assert_eq!(line.len(), bytes);
    line
}

#[test]
fn a_request_line_of_the_limit_passes_and_one_byte_more_is_414() {
    let message = |bytes| format!("{}\r\nHost: a\r\n\r\n", request_line(bytes));
    assert!(read(message(40).as_bytes(), &SMALL).is_ok());
    assert_eq!(read(message(41).as_bytes(), &SMALL), Err(RequestLineTooLong));
    assert!(read(message(8192).as_bytes(), &Limits::default()).is_ok());
    assert_eq!(read(message(8193).as_bytes(), &Limits::default()), Err(RequestLineTooLong));
}

#[test]
fn an_endless_request_line_is_414_as_soon_as_it_is_too_long() {
    let endless = request_line(40).replace(" HTTP/1.1", "aaaaaaaaa");
    assert_eq!(read(endless.as_bytes(), &SMALL).as_deref(), Ok("not yet"));
    assert_eq!(read(format!("{endless}\r").as_bytes(), &SMALL).as_deref(), Ok("not yet"));
    assert_eq!(read(format!("{endless}aa").as_bytes(), &SMALL), Err(RequestLineTooLong));
}

#[test]
fn a_head_of_the_limit_passes_and_one_byte_more_is_431() {
    let message = |bytes: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
        frame.replace("X: ", &format!("X: {}", "b".repeat(bytes - frame.len())))
    };
    assert!(read(message(120).as_bytes(), &SMALL).is_ok());
    assert_eq!(read(message(121).as_bytes(), &SMALL), Err(HeadTooLarge));
    assert!(read(message(32 * 1024).as_bytes(), &Limits::default()).is_ok());
    assert_eq!(read(message(32 * 1024 + 1).as_bytes(), &Limits::default()), Err(HeadTooLarge));
}

#[test]
fn an_endless_head_is_431_as_soon_as_it_is_too_large() {
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "b".repeat(200));
    assert_eq!(read(&endless.as_bytes()[..120], &SMALL).as_deref(), Ok("not yet"));
    assert_eq!(read(&endless.as_bytes()[..121], &SMALL), Err(HeadTooLarge));
    assert_eq!(read(endless.as_bytes(), &SMALL), Err(HeadTooLarge));
}

#[test]
fn skipped_empty_lines_do_not_count() {
    let line = request_line(40);
    assert!(read(format!("\r\n\r\n{line}\r\nHost: a\r\n\r\n").as_bytes(), &SMALL).is_ok());
}

#[test]
fn as_many_headers_as_the_limit_pass_and_one_more_is_431() {
    let message = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X:\r\n".repeat(count - 1));
    assert!(read(message(4).as_bytes(), &SMALL).is_ok());
    assert_eq!(read(message(5).as_bytes(), &SMALL), Err(TooManyHeaders));
    assert!(read(message(100).as_bytes(), &Limits::default()).is_ok());
    assert_eq!(read(message(101).as_bytes(), &Limits::default()), Err(TooManyHeaders));
    let boundless = Limits { headers_max: usize::MAX, ..Limits::default() };
    assert!(read(message(HEADERS_ROOM).as_bytes(), &boundless).is_ok());
    assert_eq!(read(message(HEADERS_ROOM + 1).as_bytes(), &boundless), Err(TooManyHeaders));
}

#[test]
fn dropped_headers_count_too() {
    let message = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X_Y:\r\n".repeat(4));
    assert_eq!(read(message.as_bytes(), &SMALL), Err(TooManyHeaders));
}

#[test]
fn the_statuses_are_those_of_the_rfcs() {
    assert_eq!(RequestLineTooLong.status(), 414);
    assert_eq!(HeadTooLarge.status(), 431);
    assert_eq!(TooManyHeaders.status(), 431);
    assert_eq!(MethodNotAllowed.status(), 405);
    assert_eq!(UnknownExpectation.status(), 417);
    assert_eq!(UnknownCoding.status(), 501);
    assert_eq!(UnsupportedVersion.status(), 505);
    for refusal in Refusal::ALL {
        assert!((400..=505).contains(&refusal.status()));
        assert!(refusal.explain().ends_with('.'), "one sentence: {refusal}");
    }
}

#[test]
fn a_parser_knows_when_a_request_has_begun() {
    let mut parser = HeadParser::default();
    let limits = Limits::default();
    let message = b"\r\nGET / HTTP/1.0\r\n\r\n";
    for (bytes, has_begun) in [(0, false), (1, false), (2, false), (3, true), (10, true), (20, false)] {
        let mut room = HeaderRoom::new();
        let head = parser.parse(&message[..bytes.min(message.len())], &limits, &mut room).unwrap();
        assert_eq!(head.is_some(), bytes == 20);
        assert_eq!(parser.has_begun(), has_begun, "after {bytes} bytes");
    }
}
