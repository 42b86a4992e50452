//! Where a request's body ends (RFC 9112 section 6).

use swiftiply::http::Refusal::*;

use super::feeding::{Case, check, with_headers};

#[test]
fn a_length_is_one_decimal_number() {
    const CASES: &[Case] = &[
        ("X: y", Ok("GET /p 1.1 a")),
        ("Content-Length: 0", Ok("GET /p 1.1 a length=0")),
        ("Content-Length: 5", Ok("GET /p 1.1 a length=5")),
        ("content-length:5", Ok("GET /p 1.1 a length=5")),
        ("Content-Length: \t5 ", Ok("GET /p 1.1 a length=5")),
        ("Content-Length: 007", Ok("GET /p 1.1 a length=7")),
        ("Content-Length: 18446744073709551615", Ok("GET /p 1.1 a length=18446744073709551615")),
        ("Content-Length: 18446744073709551616", Err(BadContentLength)),
        ("Content-Length: 99999999999999999999999999", Err(BadContentLength)),
        ("Content-Length:", Err(BadContentLength)),
        ("Content-Length: +5", Err(BadContentLength)),
        ("Content-Length: -5", Err(BadContentLength)),
        ("Content-Length: -0", Err(BadContentLength)),
        ("Content-Length: 0x5", Err(BadContentLength)),
        ("Content-Length: 5 5", Err(BadContentLength)),
        ("Content-Length: 5,5", Err(BadContentLength)),
        ("Content-Length: 5, 5", Err(BadContentLength)),
        ("Content-Length: 5,", Err(BadContentLength)),
        ("Content-Length: ,5", Err(BadContentLength)),
        ("Content-Length: 1_0", Err(BadContentLength)),
        ("Content-Length: 5.0", Err(BadContentLength)),
        ("Content-Length: 5e1", Err(BadContentLength)),
        ("Content-Length: five", Err(BadContentLength)),
        ("Content-Length: \"5\"", Err(BadContentLength)),
        ("Content-Length: 5;a=b", Err(BadContentLength)),
        ("Content-Length: \u{665}", Err(BadContentLength)),
        ("Content-Length: 5\r\nContent-Length: 5", Err(RepeatedContentLength)),
        ("Content-Length: 5\r\nCONTENT-LENGTH: 6", Err(RepeatedContentLength)),
        ("Content-Length: 5\r\nContent_Length: 6", Ok("GET /p 1.1 a length=5 dropped")),
        ("Content-Length : 5", Err(SpaceBeforeColon)),
    ];
    check(CASES, with_headers);
}

#[test]
fn the_only_transfer_coding_is_a_single_chunked() {
    const CASES: &[Case] = &[
        ("Transfer-Encoding: chunked", Ok("GET /p 1.1 a chunked")),
        ("transfer-encoding:CHUNKED", Ok("GET /p 1.1 a chunked")),
        ("Transfer-Encoding: \tchunked\t", Ok("GET /p 1.1 a chunked")),
        ("Transfer-Encoding:", Err(BadCoding)),
        ("Transfer-Encoding: chunked, chunked", Err(BadCoding)),
        ("Transfer-Encoding: chunked, gzip", Err(BadCoding)),
        ("Transfer-Encoding: chunked,", Err(BadCoding)),
        ("Transfer-Encoding: ,chunked", Err(BadCoding)),
        ("Transfer-Encoding: ,", Err(BadCoding)),
        ("Transfer-Encoding: chunked;q=1", Err(BadCoding)),
        ("Transfer-Encoding: chunked;", Err(BadCoding)),
        ("Transfer-Encoding: \"chunked\"", Err(BadCoding)),
        ("Transfer-Encoding: 'chunked'", Err(BadCoding)),
        ("Transfer-Encoding: chun ked", Err(BadCoding)),
        ("Transfer-Encoding: identity", Err(BadCoding)),
        ("Transfer-Encoding: identity, chunked", Err(BadCoding)),
        ("Transfer-Encoding: xchunked", Err(BadCoding)),
        ("Transfer-Encoding: chunkedx", Err(BadCoding)),
        ("Transfer-Encoding: gzip", Err(BadCoding)),
        ("Transfer-Encoding: gzip, chunked", Err(UnknownCoding)),
        ("Transfer-Encoding: gorgonzola, chunked", Err(UnknownCoding)),
        ("Transfer-Encoding: \x0bchunked", Err(BadHeaderValue)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Err(RepeatedCoding)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Err(RepeatedCoding)),
        ("Transfer-Encoding: chunked\r\nTransfer-encoding: identity", Err(RepeatedCoding)),
        ("Transfer-Encoding\r\n : chunked", Err(MissingColon)),
        ("Transfer-Encoding:\r\n chunked", Err(FoldedHeader)),
        ("Transfer_Encoding: chunked", Ok("GET /p 1.1 a dropped")),
    ];
    check(CASES, with_headers);
}

#[test]
fn length_and_coding_never_stand_together() {
    const CASES: &[Case] = &[
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Err(LengthAndCoding)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", Err(LengthAndCoding)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", Err(LengthAndCoding)),
        ("Transfer-Encoding: chunked\r\nContent-Length:", Err(LengthAndCoding)),
        ("Transfer-Encoding: xchunked\r\nContent-Length: 5", Err(LengthAndCoding)),
    ];
    check(CASES, with_headers);
}

#[test]
fn http_1_0_knows_lengths_and_no_codings() {
    const CASES: &[Case] = &[
        ("X: y", Ok("POST / 1.0 - close")),
        ("Content-Length: 5", Ok("POST / 1.0 - length=5 close")),
        ("Transfer-Encoding: chunked", Err(CodingInHttp10)),
        ("Transfer-Encoding: gzip", Err(CodingInHttp10)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", Err(CodingInHttp10)),
    ];
    check(CASES, |lines| format!("POST / HTTP/1.0\r\n{lines}\r\n\r\n"));
}

#[test]
fn a_body_is_possible_with_any_method() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", Ok("GET / 1.1 a length=3 + abc")),
        ("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Ok("HEAD / 1.1 a chunked")),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", Ok("OPTIONS * 1.1 a length=3")),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Ok("POST / 1.1 a")),
    ];
    check(CASES, str::to_owned);
}
