//! Replies that an app writes as text, on a connection that it was handed.

mod fake;

use fake::looped::TestLoop;
use fake::{FakeLink, FakeProxy, Said, request as request_bytes};
use swiftiply_connector::{Options, RawReply, Read, ReplyError, Request};
use swiftiply_wire::{Body, RequestFlags};

/// A backend of one slot and one tunnel, and a request that offers an upgrade.
fn offered() -> (FakeProxy, TestLoop, FakeLink, Request) {
    let proxy = FakeProxy::start();
    let mut looped = TestLoop::start(Options { tunnels: 1, ..proxy.options(1) });
    let mut link = proxy.welcome();
    let flags = RequestFlags { end: true, upgrade: true, ..RequestFlags::default() };
    link.send_bytes(&request_bytes(1, "GET", "/", Body::None, flags));
    let request = looped.request();
    (proxy, looped, link, request)
}

/// What the proxy hears when an app writes this, in one piece or byte by byte, and closes.
fn said(text: &[u8], in_bytes: bool) -> (Result<(), ReplyError>, Vec<Said>) {
    let (_proxy, looped, mut link, request) = offered();
    let mut raw = RawReply::new(request.reply());
    let piece = if in_bytes { 1 } else { text.len().max(1) };
    let written = text.chunks(piece).try_for_each(|piece| {
        assert_eq!(raw.try_write(piece)?, piece.len());
        Ok(())
    });
    let outcome = written.and_then(|()| raw.finish());
    looped.connector.flush();
    let mut heard = vec![link.hear()];
    let is_last = |said: &Said| match said {
        Said::Reply { end, .. } | Said::Data { end, .. } => *end,
        Said::Reset { .. } => true,
        _ => false,
    };
    while !is_last(heard.last().unwrap()) {
        heard.push(link.hear());
    }
    (outcome, heard)
}

/// Status, body as announced, and the bytes of it.
fn whole(heard: &[Said]) -> (u16, Body, Vec<u8>) {
    let mut head = (0, Body::None);
    let mut bytes = Vec::new();
    for said in heard {
        match said {
            Said::Reply { status, body, .. } => head = (*status, *body),
            Said::Data { data, .. } => bytes.extend_from_slice(data),
            Said::Inform { .. } | Said::Release(_) => {}
            other => panic!("{other:?}"),
        }
    }
    (head.0, head.1, bytes)
}

#[test]
fn a_101_opens_the_tunnel_and_what_follows_is_said_in_it() {
    for in_bytes in [false, true] {
        let text = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi";
        let (outcome, heard) = said(text, in_bytes);
        assert_eq!(outcome, Ok(()));
        assert_eq!(whole(&heard), (101, Body::Unknown, b"\x81\x02hi".to_vec()));
        assert!(heard.iter().all(|said| !matches!(said, Said::Release(_))), "nobody claimed a tunnel");
    }
}

#[test]
fn both_directions_of_the_tunnel_are_open_and_it_takes_no_slot() {
    let (_proxy, mut looped, mut link, request) = offered();
    assert!(request.claim_tunnel());
    let mut raw = RawReply::new(request.reply());
    assert!(!raw.is_tunnel());
    raw.try_write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    assert!(raw.is_tunnel());
    looped.connector.flush();
    assert!(matches!(link.hear(), Said::Reply { status: 101, .. }));
    assert_eq!(link.hear(), Said::Release(1));
    assert_eq!(request.try_read(9), Read::Nothing);
    link.data(1, b"ping", false);
    looped.readable(&request);
    assert_eq!(request.try_read(9), Read::Data(b"ping".to_vec()));
    link.request(2, "GET", "/");
    looped.request();
}

#[test]
fn a_refusal_is_an_ordinary_reply_whatever_its_framing() {
    for (text, body) in [
        (&b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nno"[..], None),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nnomore", Some(Body::Length(2))),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\nno", Some(Body::Unknown)),
        (b"HTTP/1.0 401 Unauthorized\r\n\r\nno", Some(Body::Unknown)),
        (b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nn\r\n1;x=y\r\no\r\n0\r\nA: b\r\n\r\nmore", Some(Body::Unknown)),
        (b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno", None),
    ] {
        for in_bytes in [false, true] {
            let (_, heard) = said(text, in_bytes);
            match body {
                Some(body) => assert_eq!(whole(&heard), (401, body, b"no".to_vec()), "{}", text.escape_ascii()),
                None => assert!(matches!(heard.last(), Some(Said::Reset { .. })), "{heard:?}"),
            }
        }
    }
}

#[test]
fn informational_replies_may_come_before() {
    let (outcome, heard) =
        said(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", true);
    assert_eq!(outcome, Ok(()));
    assert!(matches!(&heard[0], Said::Inform { status: 103, .. }));
    assert!(matches!(&heard[1], Said::Reply { status: 204, .. }));
}

#[test]
fn what_is_no_reply_is_cut_and_named() {
    for text in [
        &b"hello\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
        b"HTTP/1.1 700 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    ] {
        for in_bytes in [false, true] {
            let (outcome, heard) = said(text, in_bytes);
            assert!(outcome.is_err(), "{}", text.escape_ascii());
            assert!(matches!(heard.last(), Some(Said::Reset { .. })), "{heard:?}");
        }
    }
    let (outcome, _) = said(&[&b"HTTP/1.1 200 OK\r\nA: "[..], &[b'x'; 70_000]].concat(), false);
    assert!(matches!(outcome, Err(ReplyError::HeadTooLong { .. })));
}

#[test]
fn a_connection_that_is_closed_before_its_head_is_whole_is_cut() {
    for text in [&b""[..], b"HTTP/1.1 101 Switching Protocols\r\nUpgr"] {
        assert!(matches!(said(text, false).1.last(), Some(Said::Reset { .. })));
    }
}

#[test]
fn a_full_window_takes_no_more_and_then_goes_on() {
    let (_proxy, mut looped, mut link, request) = offered();
    let mut raw = RawReply::new(request.reply());
    raw.try_write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    let much = vec![b'x'; 300_000];
    let taken = raw.try_write(&much).unwrap();
    assert!(taken < much.len());
    looped.connector.flush();
    let reader = std::thread::spawn(move || {
        let mut heard = 0;
        while heard < taken {
            if let Said::Data { data, .. } = link.hear() {
                heard += data.len();
            }
        }
        link.grant(1, 300_000);
        link
    });
    looped.writable(&request);
    assert_eq!(raw.try_write(&much[taken..]).unwrap(), much.len() - taken);
    drop(reader.join().unwrap());
}
