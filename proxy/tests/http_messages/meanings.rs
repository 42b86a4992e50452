//! What the other headers of a head mean to us: Connection, Expect, Upgrade, TE, Content-Type.

use swiftiply::http::Refusal::*;

use super::feeding::{Case, check, with_headers};

#[test]
fn the_connection_header_decides_about_another_request() {
    const CASES: &[Case] = &[
        ("Connection: close", Ok("GET /p 1.1 a close")),
        ("connection: CLOSE", Ok("GET /p 1.1 a close")),
        ("Connection: keep-alive", Ok("GET /p 1.1 a")),
        ("Connection: keep-alive, close", Ok("GET /p 1.1 a close")),
        ("Connection: x , close,", Ok("GET /p 1.1 a close")),
        ("Connection: keep-alive\r\nConnection: close", Ok("GET /p 1.1 a close")),
        ("Connection: closed", Ok("GET /p 1.1 a")),
        ("Connection:", Ok("GET /p 1.1 a")),
        ("Proxy-Connection: close", Ok("GET /p 1.1 a")),
    ];
    check(CASES, with_headers);
    const HTTP_1_0: &[Case] = &[
        ("X: y", Ok("GET / 1.0 - close")),
        ("Connection: keep-alive", Ok("GET / 1.0 -")),
        ("Connection: Keep-Alive", Ok("GET / 1.0 -")),
        ("Connection: keep-alive, close", Ok("GET / 1.0 - close")),
    ];
    check(HTTP_1_0, |lines| format!("GET / HTTP/1.0\r\n{lines}\r\n\r\n"));
}

#[test]
fn a_connection_header_names_at_most_32_options() {
    let options = |count| with_headers(&format!("Connection: {}", vec!["x"; count].join(",")));
    check(&[("", Ok("GET /p 1.1 a"))], |_| options(32));
    check(&[("", Err(TooManyOptions))], |_| options(33));
}

#[test]
fn the_only_expectation_is_100_continue() {
    const CASES: &[Case] = &[
        ("Expect: 100-continue\r\nContent-Length: 5", Ok("GET /p 1.1 a length=5 expects")),
        ("Expect: 100-Continue\r\nTransfer-Encoding: chunked", Ok("GET /p 1.1 a chunked expects")),
        ("Expect: 100-continue", Ok("GET /p 1.1 a")),
        ("Expect: 100-continue\r\nContent-Length: 0", Ok("GET /p 1.1 a length=0")),
        ("Expect: 200-ok\r\nContent-Length: 5", Err(UnknownExpectation)),
        ("Expect: 100-continue, x\r\nContent-Length: 5", Err(UnknownExpectation)),
        ("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5", Err(UnknownExpectation)),
        ("Expect:", Err(UnknownExpectation)),
    ];
    check(CASES, with_headers);
    const HTTP_1_0: &[Case] =
        &[("Expect: 100-continue\r\nContent-Length: 5", Ok("POST / 1.0 - length=5 close"))];
    check(HTTP_1_0, |lines| format!("POST / HTTP/1.0\r\n{lines}\r\n\r\n"));
}

#[test]
fn an_upgrade_is_offered_by_two_headers_and_in_http_1_1() {
    const CASES: &[Case] = &[
        ("Connection: Upgrade\r\nUpgrade: websocket", Ok("GET /p 1.1 a upgrade=websocket")),
        ("Connection: keep-alive, upgrade\r\nUpgrade: websocket", Ok("GET /p 1.1 a upgrade=websocket")),
        ("Upgrade: websocket", Ok("GET /p 1.1 a")),
        ("Connection: upgrade", Ok("GET /p 1.1 a")),
        ("Connection: upgrade\r\nUpgrade:", Ok("GET /p 1.1 a")),
        ("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: x", Ok("GET /p 1.1 a")),
        ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x", Ok("GET /p 1.1 a")),
        ("Connection: Upgrade\r\nUpgrade: websocket, H2C", Ok("GET /p 1.1 a")),
    ];
    check(CASES, with_headers);
    const HTTP_1_0: &[Case] = &[("Connection: upgrade\r\nUpgrade: websocket", Ok("GET / 1.0 - close"))];
    check(HTTP_1_0, |lines| format!("GET / HTTP/1.0\r\n{lines}\r\n\r\n"));
}

#[test]
fn a_client_says_with_te_that_it_takes_trailers() {
    const CASES: &[Case] = &[
        ("TE: trailers", Ok("GET /p 1.1 a trailers")),
        ("te: gzip;q=0.5, Trailers", Ok("GET /p 1.1 a trailers")),
        ("TE: gzip", Ok("GET /p 1.1 a")),
        ("TE:", Ok("GET /p 1.1 a")),
    ];
    check(CASES, with_headers);
}

#[test]
fn a_content_type_stands_once() {
    const CASES: &[Case] = &[
        ("Content-Type: text/plain", Ok("GET /p 1.1 a")),
        ("Content-Type: text/plain\r\ncontent-type: text/plain", Err(RepeatedContentType)),
    ];
    check(CASES, with_headers);
}
