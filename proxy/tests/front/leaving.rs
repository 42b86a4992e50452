//! A client that goes, or only stops sending.

use swiftiply_wire::{Body, CancelCode, ResetCode};

use crate::support::{Client, End, Heard, quick};

#[test]
fn a_client_that_closes_its_sending_side_still_gets_its_reply() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = backend.request();
    client.finish_sending();
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft, "the app is told that it may have left");
    request.reply(200, "done");
    assert_eq!(client.reply().text(), "done");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn pipelined_requests_before_the_end_are_all_served_while_slots_are_free() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    client.finish_sending();
    for path in ["/1", "/2"] {
        let request = backend.request();
        assert_eq!(request.path(), path);
        request.reply(200, path);
        assert_eq!(client.reply().text(), path);
    }
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_client_that_leaves_a_queue_still_gets_the_reply_before() {
    let proxy = quick(|_| {});
    let (mut backend, mut client, mut other) = (proxy.backend(), proxy.client(), proxy.client());
    client.get("/1");
    let first = backend.request();
    client.get("/2");
    other.get("/other");
    proxy.until_waiting(1);
    // Its second request stands behind the other client's.
    first.reply(200, &"x".repeat(30_000));
    let busy = backend.request();
    proxy.until_waiting(1);
    client.finish_sending();
    proxy.until_waiting(0);
    assert_eq!(client.reply().body.len(), 30_000);
    assert_eq!(client.end(), End::Closed);
    busy.reply(200, "done");
    other.reply();
    backend.has_no_request();
}

#[test]
fn an_app_that_stops_when_its_client_left_frees_its_slot() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = backend.request();
    drop(client);
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    assert_eq!(proxy.counts().in_flight, 1, "the slot is busy until the app is done");
    request.reset(ResetCode::Cancelled, "the client left");
    proxy.until("the slot is free", |counts| counts.free == 1);
}

#[test]
fn the_slot_of_a_client_that_is_gone_is_not_given_away_before_the_app_is_done() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/gone");
    let request = backend.request();
    request.reply_head(200, Body::Length(10), &[], false);
    client.head();
    client.reset();
    assert_eq!(backend.cancelled(&request), CancelCode::ClientLeft);
    let mut other = proxy.client();
    other.get("/other");
    proxy.until_waiting(1);
    backend.has_no_request();
    // What the app still says has nobody to hear it, and harms nobody.
    request.data(b"01234", false);
    request.data(b"56789", true);
    let next = backend.request();
    assert_eq!(next.path(), "/other");
    next.reply(200, "other");
    assert_eq!(other.reply().text(), "other");
}

#[test]
fn whoever_leaves_late_does_not_cancel_the_next_request_with_its_number() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(2);
    let (mut slow, mut other, mut leaver) =
        (Client::connect_narrow(proxy.clients), proxy.client(), proxy.client());
    slow.get("/slow");
    let first = backend.request();
    first.reply_head(200, Body::Unknown, &[], false);
    backend.send_until_stuck(&first);
    // All of the reply is in the proxy, and the number may be used again.
    first.data(b"", true);
    other.get("/other");
    let second = backend.request();
    assert_eq!(second.stream, first.stream);
    leaver.get("/leaver");
    let third = backend.request();
    slow.finish_sending();
    leaver.finish_sending();
    // Once the one that left later has been noticed, the other one has been too.
    assert_eq!(backend.cancelled(&third), CancelCode::ClientLeft);
    backend.has_not_heard("another CANCEL", |heard| matches!(heard, Heard::Cancel { .. }));
    assert_eq!(slow.reply().end, End::Whole);
    second.reply(200, "done");
    assert_eq!(other.reply().text(), "done");
}
