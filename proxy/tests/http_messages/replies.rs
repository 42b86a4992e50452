//! Replies as the client sees them.

use std::time::{Duration, UNIX_EPOCH};

use swiftiply::http::{
    DateLine, FinalReply, Limits, ReplyFault, ReplyFraming, chunk, inform, last_chunk, reason_phrase,
    switch_protocols,
};
use swiftiply_wire::Name;
use swiftiply_wire::Version::{self, Http10, Http11};

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const OK: FinalReply<'_> = FinalReply {
    status: 200,
    reason: None,
    version: Http11,
    framing: ReplyFraming::Length(5),
    keep_alive: true,
    is_for_proxy: false,
    hsts: None,
};

type Header<'a> = (&'a [u8], &'a [u8]);

fn named<'a>(headers: &[Header<'a>]) -> impl Iterator<Item = (Name<'a>, &'a [u8])> + Clone {
    headers.iter().map(|&(name, value)| (Name::new(name), value))
}

fn date() -> DateLine {
    DateLine::new(UNIX_EPOCH + Duration::from_millis(784_111_777_900))
}

fn rendered(reply: FinalReply<'_>, headers: &[Header<'_>]) -> Result<String, ReplyFault> {
    let mut out = b"before".to_vec();
    let result = reply.head(&mut out, named(headers), &date(), Limits::default().reply_head_bytes_max);
    let text = String::from_utf8_lossy(&out).into_owned();
    match result {
        Ok(()) => Ok(text.strip_prefix("before").expect("appended").to_owned()),
        Err(fault) => {
            assert_eq!(text, "before", "a fault leaves the output as it was");
            Err(fault)
        }
    }
}

#[test]
fn a_reply_has_the_apps_headers_and_our_date_server_and_framing() {
    let headers: &[Header<'_>] =
        &[(b"Content-Type", b"text/plain"), (b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"X", b"  y ")];
    assert_eq!(
        rendered(OK, headers).unwrap(),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nset-cookie: a\r\nset-cookie: b\r\nX: y\r\n{DATE}\
             Server: swiftiply\r\nContent-Length: 5\r\n\r\n"
        )
    );
}

#[test]
fn the_apps_own_date_and_server_are_kept() {
    assert_eq!(
        rendered(OK, &[(b"server", b"mine"), (b"DATE", b"then")]).unwrap(),
        "HTTP/1.1 200 OK\r\nserver: mine\r\nDATE: then\r\nContent-Length: 5\r\n\r\n"
    );
}

#[test]
fn what_the_app_says_about_framing_and_connection_never_reaches_the_client() {
    let headers: &[Header<'_>] = &[
        (b"Content-Length", b"99"),
        (b"transfer-encoding", b"chunked"),
        (b"Connection", b"keep-alive, X-Private"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Connection", b"close"),
        (b"Proxy-Authenticate", b"Basic"),
        (b"Upgrade", b"websocket"),
        (b"TE", b"trailers"),
        (b"X-Private", b"1"),
        (b"X-Public", b"2"),
    ];
    assert_eq!(
        rendered(OK, headers).unwrap(),
        format!("HTTP/1.1 200 OK\r\nX-Public: 2\r\n{DATE}Server: swiftiply\r\nContent-Length: 5\r\n\r\n")
    );
}

#[test]
fn a_reply_that_would_break_its_head_is_a_fault_of_the_backend() {
    let bad_name = |name: &'static [u8]| rendered(OK, &[(b"A", b"b"), (name, b"c")]).unwrap_err();
    for name in [&b""[..], b"A B", b"A:", b"A\r\nB", b"A\0", b"\xe9"] {
        assert!(matches!(bad_name(name), ReplyFault::BadHeaderName(_)), "{name:?}");
    }
    let bad_value = |value: &'static [u8]| rendered(OK, &[(b"A", b"b"), (b"C", value)]).unwrap_err();
    for value in [&b"a\r\nB: c"[..], b"a\n", b"\r", b"a\0b", b"\x7f", b"\x1b[0m"] {
        assert_eq!(bad_value(value), ReplyFault::BadHeaderValue("C".into()), "{value:?}");
    }
    // A header that would be removed is checked all the same: whoever sends it is not sound.
    assert!(rendered(OK, &[(b"Connection", b"a\r\nb")]).is_err());
    assert_eq!(rendered(FinalReply { reason: Some(b"OK\r\nX: y"), ..OK }, &[]), Err(ReplyFault::BadReason));
    for status in [0, 99, 100, 101, 199, 1000, 65535] {
        assert_eq!(rendered(FinalReply { status, ..OK }, &[]), Err(ReplyFault::BadStatus(status)));
    }
}

#[test]
fn a_fault_is_told_in_one_printable_sentence() {
    let fault = rendered(OK, &[(b"A\r\nB", b"")]).unwrap_err();
    assert_eq!(fault.to_string(), "The reply's header name \"A\\r\\nB\" is not a token.");
}

#[test]
fn a_reply_head_of_the_limit_passes_and_one_byte_more_is_a_fault() {
    let render = |limit| {
        let mut out = Vec::new();
        OK.head(&mut out, named(&[]), &date(), limit).map(|()| out.len())
    };
    let bytes = render(1000).unwrap();
    assert_eq!(render(bytes), Ok(bytes));
    assert_eq!(render(bytes - 1), Err(ReplyFault::HeadTooLarge));
}

#[test]
fn statuses_and_phrases_are_sent_as_given() {
    let line = |status, reason| {
        let reply = rendered(FinalReply { status, reason, ..OK }, &[]).unwrap();
        reply.split("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(line(404, None), "HTTP/1.1 404 Not Found");
    assert_eq!(line(404, Some(&b"Nope"[..])), "HTTP/1.1 404 Nope");
    assert_eq!(line(999, Some(&b"Reason"[..])), "HTTP/1.1 999 Reason");
    assert_eq!(line(599, None), "HTTP/1.1 599 ");
    assert_eq!(line(200, Some(&b""[..])), "HTTP/1.1 200 ");
}

#[test]
fn the_framing_follows_the_version_the_method_and_the_status() {
    use ReplyFraming::{Chunked, Empty, Length, UntilEnd};
    let cases: &[(Version, bool, u16, Option<u64>, ReplyFraming)] = &[
        (Http11, false, 200, Some(5), Length(5)),
        (Http11, false, 200, Some(0), Length(0)),
        (Http11, false, 200, None, Chunked),
        (Http10, false, 200, Some(5), Length(5)),
        (Http10, false, 200, None, UntilEnd),
        (Http11, true, 200, Some(5), Empty { announced: Some(5) }),
        (Http11, true, 200, None, Empty { announced: None }),
        (Http10, true, 200, None, Empty { announced: None }),
        (Http11, false, 204, Some(5), Empty { announced: None }),
        (Http11, true, 204, Some(5), Empty { announced: None }),
        (Http10, false, 204, None, Empty { announced: None }),
        (Http11, false, 205, Some(5), Empty { announced: Some(0) }),
        (Http11, false, 304, Some(5), Empty { announced: Some(5) }),
        (Http11, false, 304, None, Empty { announced: None }),
        (Http11, false, 103, Some(5), Empty { announced: None }),
        (Http11, false, 404, None, Chunked),
        (Http11, false, 500, Some(3), Length(3)),
    ];
    for &(version, is_head, status, length, expected) in cases {
        let framing = ReplyFraming::decide(version, is_head, status, length);
        assert_eq!(framing, expected, "{version:?} HEAD {is_head} {status} {length:?}");
        assert_eq!(framing.has_body(), !matches!(framing, Empty { .. } | Length(0)));
    }
}

#[test]
fn framing_and_connection_are_told_to_the_client() {
    let told = |framing, version, keep_alive| {
        let reply = FinalReply { framing, version, keep_alive, ..OK };
        let text = rendered(reply, &[(b"Server", b"x"), (b"Date", b"x")]).unwrap();
        text.strip_prefix("HTTP/1.1 200 OK\r\nServer: x\r\nDate: x\r\n").unwrap().replace("\r\n", "|")
    };
    use ReplyFraming::{Chunked, Empty, Length, UntilEnd};
    assert_eq!(told(Length(u64::MAX), Http11, true), "Content-Length: 18446744073709551615||");
    assert_eq!(told(Length(0), Http11, false), "Content-Length: 0|Connection: close||");
    assert_eq!(told(Chunked, Http11, true), "Transfer-Encoding: chunked||");
    assert_eq!(told(Empty { announced: Some(7) }, Http11, true), "Content-Length: 7||");
    assert_eq!(told(Empty { announced: None }, Http11, true), "|");
    assert_eq!(told(Length(1), Http10, true), "Content-Length: 1|Connection: keep-alive||");
    assert_eq!(told(Length(1), Http10, false), "Content-Length: 1|Connection: close||");
    assert_eq!(told(UntilEnd, Http10, true), "Connection: close||");
    assert!(!FinalReply { framing: UntilEnd, ..OK }.keeps_connection());
    assert!(OK.keeps_connection());
}

#[test]
fn informational_replies_have_headers_and_no_framing() {
    let limit = Limits::default().reply_head_bytes_max;
    let mut out = Vec::new();
    inform(&mut out, 100, named(&[]), limit).unwrap();
    let hints: [Header<'_>; 2] = [(b"Link", b"</a.css>; rel=preload"), (b"Content-Length", b"5")];
    inform(&mut out, 103, named(&hints), limit).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    );
    for status in [99, 101, 200] {
        let mut out = Vec::new();
        let result = inform(&mut out, status, named(&[]), limit);
        assert_eq!((result, out.len()), (Err(ReplyFault::BadStatus(status)), 0));
    }
}

#[test]
fn a_change_of_protocol_keeps_the_apps_upgrade() {
    let mut out = Vec::new();
    let headers: [Header<'_>; 4] = [
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", b"x"),
        (b"Content-Length", b"0"),
    ];
    switch_protocols(&mut out, named(&headers), &date(), Limits::default().reply_head_bytes_max).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n{DATE}\
             Connection: Upgrade\r\n\r\n"
        )
    );
}

#[test]
fn chunks_have_a_size_and_only_the_last_is_empty() {
    let mut out = Vec::new();
    chunk(&mut out, b"hello");
    chunk(&mut out, b"");
    chunk(&mut out, &[b'x'; 26]);
    last_chunk(&mut out, std::iter::empty());
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("5\r\nhello\r\n1a\r\n{}\r\n0\r\n\r\n", "x".repeat(26))
    );
}

#[test]
fn trailers_of_a_reply_are_only_those_that_may_be_trailers() {
    let mut out = Vec::new();
    let trailers: [Header<'_>; 5] = [
        (b"X-Sum", b" 1 "),
        (b"Content-Length", b"5"),
        (b"A B", b"c"),
        (b"A", b"b\r\nC: d"),
        (b"Set-Cookie", b"x"),
    ];
    last_chunk(&mut out, named(&trailers));
    assert_eq!(String::from_utf8(out).unwrap(), "0\r\nX-Sum: 1\r\n\r\n");
}

#[test]
fn the_date_changes_with_the_second() {
    let mut line = date();
    assert_eq!(line.as_bytes(), DATE.as_bytes());
    line.update(UNIX_EPOCH + Duration::from_millis(784_111_777_999));
    assert_eq!(line.as_bytes(), DATE.as_bytes());
    line.update(UNIX_EPOCH + Duration::from_millis(784_111_778_000));
    assert_eq!(line.as_bytes(), b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
    line.update(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(line.as_bytes(), b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    line.update(UNIX_EPOCH + Duration::from_secs(1 << 40));
    assert_eq!(line.as_bytes(), b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
}

#[test]
fn every_status_that_we_send_ourselves_has_a_phrase() {
    for status in [400, 404, 405, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505] {
        assert!(!reason_phrase(status).is_empty(), "{status}");
    }
    assert_eq!(reason_phrase(599), "");
}
