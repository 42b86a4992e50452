//! Whether a connection serves another request (RFC 9112 section 9.3).

use crate::run::Fate::*;
use crate::run::{Case, check, with_host};

#[test]
fn a_connection_stays_unless_somebody_says_close() {
    const CASES: &[Case] = &[
        ("GET / HTTP/1.1", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: keep-alive", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: x", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection:", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: closed", Passes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: close", Closes("GET /")),
        ("GET / HTTP/1.1\r\nconnection: CLOSE", Closes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: keep-alive, close", Closes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close", Closes("GET /")),
        ("GET / HTTP/1.1\r\nConnection: ,\tclose ,", Closes("GET /")),
        ("HEAD / HTTP/1.1\r\nConnection: close", Closes("HEAD /")),
        ("GET / HTTP/1.0", Closes("GET / 1.0")),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive", Passes("GET / 1.0")),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close", Closes("GET / 1.0")),
        ("GET / HTTP/1.0\r\nProxy-Connection: keep-alive", Closes("GET / 1.0")),
        ("GET / HTTP/1.0\r\nKeep-Alive: timeout=5", Closes("GET / 1.0")),
    ];
    check(CASES, |head| with_host(&format!("{head}\r\n\r\n")));
}
