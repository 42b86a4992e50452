//! A reply that has begun is never replayed: it is cut, and no client can take it for whole.

use swiftiply_wire::{Body, ResetCode};

use crate::support::{Arrived, Backend, Client, End, quick};

/// A client has sent this, and a backend has it. Gives what the client got after `reply`, and how it ended.
fn outcome(request: &str, reply: impl FnOnce(Backend, Arrived, &mut Client)) -> (String, End) {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    let mut spare = proxy.backend();
    client.send(request);
    let arrived = backend.request();
    reply(backend, arrived, &mut client);
    let reply = client.reply_as_far_as_it_comes();
    spare.has_no_request();
    (reply.text().to_owned(), reply.end)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const GET_1_0: &str = "GET / HTTP/1.0\r\n\r\n";

#[test]
fn a_reply_by_length_ends_short() {
    let (text, end) = outcome(GET, |mut backend, request, _| {
        request.reply_head(200, Body::Length(10), &[], false);
        request.data(b"12345", false);
        backend.round_trip();
        backend.die();
    });
    assert!("12345".starts_with(&text), "{text:?}");
    assert_ne!(end, End::Whole);
}

#[test]
fn a_chunked_reply_has_no_last_chunk() {
    let (text, end) = outcome(GET, |mut backend, request, _| {
        request.reply_head(200, Body::Unknown, &[], false);
        request.data(b"12345", false);
        backend.round_trip();
        backend.die();
    });
    assert!("12345".starts_with(&text), "{text:?}");
    assert_ne!(end, End::Whole);
}

#[test]
fn a_reply_that_would_end_with_the_connection_ends_with_a_reset() {
    let (text, end) = outcome(GET_1_0, |mut backend, request, _| {
        request.reply_head(200, Body::Unknown, &[], false);
        request.data(b"12345", false);
        backend.round_trip();
        backend.die();
    });
    assert!("12345".starts_with(&text), "{text:?}");
    assert_eq!(end, End::Reset, "an orderly end would say that it is whole");
}

#[test]
fn a_reset_by_the_app_after_the_head_cuts_too() {
    let (_, end) = outcome(GET, |mut backend, request, _| {
        request.reply_head(200, Body::Length(10), &[], false);
        request.reset(ResetCode::AppFault, "the app raised in its body");
        backend.has_no_request();
    });
    assert_ne!(end, End::Whole);
}

#[test]
fn a_reply_that_is_whole_stays_whole_though_its_backend_dies_right_after_it() {
    for _ in 0..10 {
        let (text, end) = outcome(GET, |backend, request, _| {
            request.reply(200, "12345");
            backend.die();
        });
        assert_eq!((text.as_str(), end), ("12345", End::Whole));
    }
}
