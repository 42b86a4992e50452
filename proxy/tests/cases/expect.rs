//! Expect (RFC 9110 section 10.1.1) and Upgrade (section 7.8).

use crate::run::Fate::*;
use crate::run::{Case, check, with_host};

#[test]
fn only_a_hundred_can_be_expected_and_only_with_a_body_to_wait_for() {
    const CASES: &[Case] = &[
        (
            "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
            Passes("POST / [Expect: 100-continue] [Content-Length: 3] \"abc\""),
        ),
        (
            "POST / HTTP/1.1\r\nexpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            Passes("POST / [expect: 100-Continue] chunked \"abc\""),
        ),
        (
            "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
            Passes("POST / [Content-Length: 0]"),
        ),
        ("GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", Passes("GET /")),
        (
            "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
            Closes("POST / 1.0 [Content-Length: 3] \"abc\""),
        ),
        ("POST / HTTP/1.1\r\nExpect: 100-continue, x\r\nContent-Length: 3\r\n\r\nabc", Refused(417)),
        (
            "POST / HTTP/1.1\r\nExpect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc",
            Refused(417),
        ),
        ("GET / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", Refused(417)),
        ("GET / HTTP/1.1\r\nExpect: 100-continue;q=1\r\n\r\n", Refused(417)),
        ("GET / HTTP/1.1\r\nExpect: 100\r\n\r\n", Refused(417)),
    ];
    check(CASES, with_host);
}

#[test]
fn an_upgrade_is_offered_by_one_upgrade_and_one_connection_in_http_1_1() {
    const CASES: &[Case] = &[
        (
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            Passes("GET / [Connection: Upgrade] [Upgrade: websocket]"),
        ),
        (
            "GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: keep-alive, upgrade\r\n\r\n",
            Passes("GET / [Connection: Upgrade] [Upgrade: websocket]"),
        ),
        ("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: Upgrade\r\n\r\n", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", Passes("GET /")),
        (
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: x\r\n\r\n",
            Passes("GET /"),
        ),
        ("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", Closes("GET / 1.0")),
    ];
    check(CASES, with_host);
}
