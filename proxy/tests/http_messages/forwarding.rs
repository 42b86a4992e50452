//! Which headers of a request reach the backend.

use swiftiply::http::forward::{self, Peer};
use swiftiply::http::{HeadParser, HeaderRoom, Limits};
use swiftiply_wire::Scheme;

const CLIENT: Peer<'_> = Peer { address: "192.0.2.1", scheme: Scheme::Http, trusted: false };
const PROXY: Peer<'_> = Peer { trusted: true, ..CLIENT };

/// `Name: value` of each header that goes on.
fn forwarded(message: &str, peer: &Peer<'_>) -> Vec<String> {
    let mut room = HeaderRoom::new();
    let (_, head) = HeadParser::default()
        .parse(message.as_bytes(), &Limits::default(), &mut room)
        .expect("accepted")
        .expect("a whole head");
    let mut lines = Vec::new();
    forward::request(&head, peer, |name, value| {
        lines.push(format!("{}: {}", name.as_bytes().escape_ascii(), value.escape_ascii()));
    });
    lines
}

/// What goes on of these lines, without what we always add.
fn of_lines(lines: &str, peer: &Peer<'_>) -> Vec<String> {
    let mut forwarded = forwarded(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), peer);
    let added = ["Host: a", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"];
    let added_too = ["X-Forwarded-Host: a", "X-Forwarded-Port: 80"];
    for line in added.iter().chain(&added_too) {
        let at =
            forwarded.iter().position(|other| other == line).unwrap_or_else(|| panic!("{line} is missing"));
        forwarded.remove(at);
    }
    forwarded
}

#[test]
fn ordinary_headers_go_on_in_order_and_in_the_clients_spelling() {
    let lines = "Accept: */*\r\nX-A: 1\r\ncookie: a=b\r\nx-a: 2\r\nCookie: c=d\r\nEmpty:";
    let expected = ["Accept: */*", "X-A: 1", "cookie: a=b", "x-a: 2", "Cookie: c=d", "Empty: "];
    assert_eq!(of_lines(lines, &CLIENT), expected);
}

#[test]
fn hop_by_hop_headers_stay_behind() {
    for line in [
        "Connection: keep-alive",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "Transfer-Encoding: chunked",
        "Upgrade: websocket",
        "HTTP2-Settings: x",
        "Proxy-Authenticate: Basic",
        "Proxy-Authorization: Basic eA==",
        "Proxy-Authentication-Info: x",
        "Proxy: http://evil.example",
        "pROXY: http://evil.example",
        "X_A: b",
        "Expect: 100-continue",
    ] {
        assert_eq!(of_lines(line, &CLIENT), [""; 0], "{line}");
        assert_eq!(of_lines(line, &PROXY), [""; 0], "{line}, from a trusted proxy");
    }
}

#[test]
fn what_connection_names_stays_behind() {
    assert_eq!(of_lines("Connection: x-a, close\r\nX-A: 1\r\nX-B: 2", &CLIENT), ["X-B: 2"]);
    assert_eq!(of_lines("X-A: 1\r\nX-a: 2\r\nConnection: X-A", &CLIENT), [""; 0]);
    assert_eq!(of_lines("Connection: x-b\r\nConnection: x-a\r\nX-A: 1\r\nX-B: 2", &CLIENT), [""; 0]);
}

#[test]
fn connection_cannot_strip_what_the_app_relies_on() {
    for line in [
        "Authorization: Bearer x",
        "Cookie: a=b",
        "Content-Length: 5",
        "Content-Type: text/plain",
        "Content-Encoding: gzip",
        "Cache-Control: no-store",
        "Origin: http://a",
        "Via: 1.1 x",
        "Range: bytes=0-1",
    ] {
        let name = line.split(':').next().unwrap();
        assert_eq!(of_lines(&format!("Connection: {name}\r\n{line}"), &CLIENT), [line]);
    }
    // Host and X-Forwarded-* are required by of_lines itself.
    assert_eq!(of_lines("Connection: Host, X-Forwarded-For, X-Forwarded-Proto", &CLIENT), [""; 0]);
}

#[test]
fn a_connection_header_cannot_strip_what_a_trusted_proxy_tells() {
    let lines = "Connection: X-Forwarded-For, X-Real-IP, Forwarded\r\nX-Forwarded-For: 203.0.113.9\r\n\
                 X-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9";
    let forwarded = forwarded(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), &PROXY);
    for line in
        ["X-Forwarded-For: 203.0.113.9, 192.0.2.1", "X-Real-IP: 203.0.113.9", "Forwarded: for=203.0.113.9"]
    {
        assert!(forwarded.iter().any(|other| other == line), "{line} in {forwarded:?}");
    }
}

#[test]
fn what_a_client_says_about_itself_does_not_pass_for_ours() {
    let lines = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
                 X-Forwarded-Port: 443\r\nX-Forwarded-Ssl: on\r\nX-Forwarded-Scheme: https\r\n\
                 x-forwarded-prefix: /x\r\nX-Forwarded: for=x\r\nForwarded: for=10.0.0.1;proto=https\r\n\
                 X-Real-IP: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2";
    assert_eq!(of_lines(lines, &CLIENT), [""; 0]);
}

#[test]
fn a_trusted_proxy_is_believed_and_appended() {
    let message = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\
                   X-Forwarded-For: 10.0.0.2,10.0.0.3\r\nX-Forwarded-Host: b\r\nX-Real-IP: 10.0.0.1\r\n\r\n";
    assert_eq!(
        forwarded(message, &PROXY),
        [
            "Host: a",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: b",
            "X-Real-IP: 10.0.0.1",
            "X-Forwarded-For: 10.0.0.1, 10.0.0.2,10.0.0.3, 192.0.2.1",
            "X-Forwarded-Port: 80",
        ]
    );
}

#[test]
fn the_forwarded_port_is_that_of_the_clients_url() {
    let port = |host: &str, scheme| {
        let peer = Peer { scheme, ..CLIENT };
        let lines = forwarded(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), &peer);
        lines.last().unwrap().clone()
    };
    assert_eq!(port("a", Scheme::Http), "X-Forwarded-Port: 80");
    assert_eq!(port("a", Scheme::Https), "X-Forwarded-Port: 443");
    assert_eq!(port("a:8080", Scheme::Https), "X-Forwarded-Port: 8080");
    assert_eq!(port("[::1]", Scheme::Http), "X-Forwarded-Port: 80");
    assert_eq!(port("[::1]:81", Scheme::Http), "X-Forwarded-Port: 81");
    assert_eq!(port("a:", Scheme::Http), "X-Forwarded-Port: 80");
}

#[test]
fn an_absolute_target_replaces_the_host_header() {
    let lines = forwarded("GET http://b:81/ HTTP/1.1\r\nAccept: x\r\nHost: a\r\n\r\n", &CLIENT);
    assert_eq!(lines[..2], ["Host: b:81", "Accept: x"]);
    assert!(lines.contains(&"X-Forwarded-Host: b:81".to_string()));
}

#[test]
fn without_a_host_none_is_invented() {
    let lines = forwarded("GET / HTTP/1.0\r\n\r\n", &CLIENT);
    assert_eq!(lines, ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"]);
}

#[test]
fn a_client_without_an_address_is_not_named() {
    let lines = forwarded("GET / HTTP/1.0\r\n\r\n", &Peer { address: "", ..CLIENT });
    assert_eq!(lines, ["X-Forwarded-Proto: http"]);
}

#[test]
fn an_upgrade_a_wish_for_trailers_and_an_expectation_go_on_where_they_can_be_met() {
    assert_eq!(
        of_lines("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x", &CLIENT),
        ["Sec-WebSocket-Key: x", "Connection: Upgrade", "Upgrade: websocket"]
    );
    assert_eq!(of_lines("TE: gzip, trailers\r\nConnection: TE", &CLIENT), ["TE: trailers"]);
    assert_eq!(
        of_lines("Expect: 100-continue\r\nContent-Length: 5", &CLIENT),
        ["Expect: 100-continue", "Content-Length: 5"]
    );
    assert_eq!(of_lines("Trailer: X-Sum\r\nTransfer-Encoding: chunked", &CLIENT), ["Trailer: X-Sum"]);
}
