//! A backend is only half trusted: what it says is checked before it becomes HTTP.

use swiftiply_wire::{Body, GoodbyeCode};

use crate::support::{Arrived, Backend, End, Reply, quick};

/// What the client gets when the app says this; the link is closed in any case.
fn fate(say: impl FnOnce(&mut Backend, &Arrived)) -> Reply {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = backend.request();
    say(&mut backend, &request);
    let (code, reason) = backend.goodbye();
    assert_eq!((code, reason.is_empty()), (GoodbyeCode::Breach, false));
    backend.closed();
    let reply = client.reply_as_far_as_it_comes();
    proxy.until("the backend is out", |counts| counts.backends == 0);
    reply
}

#[test]
fn a_head_that_is_no_http_is_answered_502() {
    for (name, value) in [
        ("X", "a\r\nSet-Cookie: stolen=1"),
        ("X", "a\nb"),
        ("X", "a\0b"),
        ("X\r\nY", "a"),
        ("Bad Name", "a"),
        ("Bad:Name", "a"),
    ] {
        let reply = fate(|_, request| request.reply_head(200, Body::None, &[(name, value)], true));
        assert_eq!((reply.status, reply.end), (502, End::Whole), "{name:?}: {value:?}");
        assert!(reply.text().contains("The app's reply cannot be passed on."), "{}", reply.text());
        assert_eq!(reply.header("Set-Cookie"), None);
    }
}

#[test]
fn early_hints_that_are_no_http_are_answered_502() {
    let reply = fate(|_, request| request.inform(103, &[("Link", "a\r\n\r\nHTTP/1.1 200 OK")]));
    assert_eq!(reply.status, 502);
}

#[test]
fn a_head_without_end_is_answered_502() {
    let value = "x".repeat(40_000);
    let reply = fate(|_, request| request.reply_head(200, Body::None, &[("X", &value), ("Y", &value)], true));
    assert_eq!(reply.status, 502);
}

#[test]
fn a_body_that_is_longer_than_announced_never_runs_into_the_next_reply() {
    let reply = fate(|_, request| {
        request.reply_head(200, Body::Length(5), &[], false);
        request.data(b"helloHTTP/1.1 200 OK\r\n\r\n", true);
    });
    assert!("hello".starts_with(reply.text()), "{}", reply.text());
}

#[test]
fn a_body_that_is_shorter_than_announced_is_visibly_cut() {
    let reply = fate(|_, request| {
        request.reply_head(200, Body::Length(10), &[], false);
        request.data(b"hello", true);
    });
    assert!("hello".starts_with(reply.text()), "{}", reply.text());
    assert_ne!(reply.end, End::Whole);
}

#[test]
fn a_body_where_none_was_announced_is_not_sent() {
    let reply = fate(|_, request| {
        request.reply_head(200, Body::None, &[], false);
        request.data(b"hello", true);
    });
    assert_eq!(reply.text(), "");
}

#[test]
fn a_second_head_in_one_reply_is_not_sent() {
    let reply = fate(|_, request| {
        request.reply_head(200, Body::Length(10), &[], false);
        request.reply_head(200, Body::Length(10), &[], false);
    });
    assert_ne!(reply.end, End::Whole);
    assert_eq!(reply.text(), "");
}

#[test]
fn early_hints_after_the_head_are_not_sent() {
    let reply = fate(|_, request| {
        request.reply_head(200, Body::Length(10), &[], false);
        request.inform(103, &[]);
    });
    assert_ne!(reply.end, End::Whole);
    assert_eq!(reply.text(), "");
}

#[test]
fn other_requests_of_a_backend_that_is_thrown_out_are_given_to_another() {
    let proxy = quick(|_| {});
    let mut faulty = proxy.backend_with_slots(2);
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.get("/1");
    let bad = faulty.request();
    second.get("/2");
    faulty.request().started();
    bad.reply_head(200, Body::None, &[("X", "a\r\nb")], true);
    assert_eq!(first.reply().status, 502);
    proxy.until_waiting(1);
    let mut other = proxy.backend();
    let request = other.request();
    assert_eq!(request.path(), "/2");
    request.reply(200, "saved");
    assert_eq!(second.reply().text(), "saved");
}
