//! What the app says, as the client gets it.

use swiftiply_wire::Body;

use crate::support::{Arrived, Backend, Client, End, quick};

/// One exchange: the request as given, the reply as `answer` gives it.
fn exchange(request: &str, answer: impl FnOnce(&mut Backend, Arrived), check: impl FnOnce(&mut Client)) {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(request);
    let arrived = backend.request();
    answer(&mut backend, arrived);
    check(&mut client);
    // Whatever it was, the connection and the link are as good as before.
    client.get("/next");
    backend.request().reply(200, "next");
    assert_eq!(client.reply().text(), "next");
}

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n";

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    exchange(
        HEAD,
        |_, request| request.reply_head(200, Body::Length(1234), &[("Content-Type", "text/html")], true),
        |client| {
            let reply = client.reply_to_head();
            assert_eq!(reply.header("Content-Length"), Some("1234"));
            assert_eq!(reply.header("Content-Type"), Some("text/html"));
        },
    );
}

#[test]
fn a_body_that_the_app_gives_to_a_head_request_is_dropped() {
    exchange(
        HEAD,
        |_, request| {
            request.reply_head(200, Body::Length(5), &[], false);
            request.data(b"hello", true);
        },
        |client| assert_eq!(client.reply_to_head().header("Content-Length"), Some("5")),
    );
}

#[test]
fn no_content_has_none_and_no_length() {
    for status in [204, 304] {
        exchange(
            GET,
            |_, request| request.reply_head(status, Body::None, &[("ETag", "\"x\"")], true),
            |client| {
                let reply = client.reply();
                assert_eq!(reply.status, status);
                assert_eq!((reply.header("Content-Length"), reply.header("Transfer-Encoding")), (None, None));
                assert_eq!(reply.header("ETag"), Some("\"x\""));
            },
        );
    }
}

#[test]
fn not_modified_may_say_the_length_that_there_would_be() {
    exchange(
        GET,
        |_, request| request.reply_head(304, Body::Length(99), &[], true),
        |client| assert_eq!(client.reply().header("Content-Length"), Some("99")),
    );
}

#[test]
fn an_empty_reply_says_that_it_is_empty() {
    exchange(
        GET,
        |_, request| request.reply_head(200, Body::None, &[], true),
        |client| {
            let reply = client.reply();
            assert_eq!((reply.header("Content-Length"), reply.body.len()), (Some("0"), 0));
        },
    );
}

#[test]
fn a_reply_of_unknown_length_is_chunked_and_each_piece_goes_out_at_once() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(GET);
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[], false);
    assert_eq!(client.head().header("Transfer-Encoding"), Some("chunked"));
    for piece in ["one", "twenty-two"] {
        request.data(piece.as_bytes(), false);
        assert_eq!(client.up_to(piece.as_bytes()), format!("{:x}\r\n{piece}", piece.len()));
        client.up_to(b"\r\n");
    }
    request.data(b"", false);
    request.data(b"last", true);
    assert_eq!(client.up_to(b"0\r\n\r\n"), "4\r\nlast\r\n0\r\n\r\n");
}

#[test]
fn trailers_reach_only_a_client_that_takes_them() {
    let answer = |_: &mut Backend, request: Arrived| {
        request.reply_head(200, Body::Unknown, &[], false);
        request.data(b"body", false);
        request.trailers(&[("X-Sum", "42"), ("Content-Length", "7")]);
    };
    exchange(
        "GET / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n",
        answer,
        |client| {
            let reply = client.reply();
            assert_eq!(reply.text(), "body");
            assert_eq!(reply.trailers, [("X-Sum".to_owned(), "42".to_owned())]);
        },
    );
    exchange(GET, answer, |client| {
        let reply = client.reply();
        assert_eq!((reply.text(), reply.trailers.len()), ("body", 0));
    });
}

#[test]
fn early_hints_go_to_http_1_1_and_not_to_http_1_0() {
    let answer = |_: &mut Backend, request: Arrived| {
        request.inform(103, &[("Link", "</a.css>; rel=preload")]);
        request.inform(103, &[("Link", "</b.css>; rel=preload")]);
        request.reply(200, "done");
    };
    exchange(GET, answer, |client| {
        for link in ["</a.css>; rel=preload", "</b.css>; rel=preload"] {
            let hint = client.head();
            assert_eq!((hint.status, hint.header("Link")), (103, Some(link)));
        }
        assert_eq!(client.reply().text(), "done");
    });
    exchange("GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n", answer, |client| {
        assert_eq!(client.reply().status, 200);
    });
}

#[test]
fn a_hundred_that_nobody_waits_for_is_not_passed_on() {
    exchange(
        GET,
        |_, request| {
            request.inform(100, &[]);
            request.reply(200, "done");
        },
        |client| assert_eq!(client.reply().status, 200),
    );
}

#[test]
fn date_and_server_are_added_unless_the_app_gave_them() {
    exchange(
        GET,
        |_, request| request.reply(200, ""),
        |client| {
            let reply = client.reply();
            assert!(reply.header("Date").unwrap().ends_with(" GMT"));
            assert!(reply.header("Server").is_some());
        },
    );
    let own = [("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Server", "mine")];
    exchange(
        GET,
        |_, request| request.reply_head(200, Body::None, &own, true),
        |client| {
            let reply = client.reply();
            for (name, value) in own {
                let values: Vec<_> = reply.headers.iter().filter(|(found, _)| found == name).collect();
                assert_eq!(values, [&(name.to_owned(), value.to_owned())]);
            }
        },
    );
}

#[test]
fn headers_keep_their_order_and_their_duplicates() {
    let cookies = [("Set-Cookie", "a=1"), ("X-Between", "x"), ("Set-Cookie", "b=2")];
    exchange(
        GET,
        |_, request| request.reply_head(200, Body::None, &cookies, true),
        |client| {
            let reply = client.reply();
            let seen = reply.headers.iter().filter(|(name, _)| name == "Set-Cookie" || name == "X-Between");
            assert!(
                seen.map(|(name, value)| (name.as_str(), value.as_str())).eq(cookies),
                "{:?}",
                reply.headers
            );
        },
    );
}

#[test]
fn the_app_does_not_decide_about_the_connection() {
    let headers = [
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
    ];
    exchange(
        GET,
        |_, request| {
            request.reply_head(200, Body::Length(4), &headers, false);
            request.data(b"body", true);
        },
        |client| {
            let reply = client.reply();
            assert_eq!(reply.text(), "body");
            for gone in ["Connection", "X-Hop", "Keep-Alive", "Transfer-Encoding", "Upgrade"] {
                assert_eq!(reply.header(gone), None, "{gone}");
            }
            assert_eq!(reply.header("X-Kept"), Some("1"));
        },
    );
}

#[test]
fn a_large_reply_arrives_byte_for_byte() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    let body: Vec<u8> = (0..4 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    client.send(GET);
    let request = backend.request();
    let sent = body.clone();
    let sending = std::thread::spawn(move || {
        request.reply_head(200, Body::Length(sent.len() as u64), &[], false);
        backend.send_within_window(&request, &sent);
        request.data(b"", true);
        backend
    });
    let reply = client.reply();
    assert!(reply.body == body, "{} bytes came", reply.body.len());
    assert_eq!(reply.end, End::Whole);
    sending.join().unwrap();
}
