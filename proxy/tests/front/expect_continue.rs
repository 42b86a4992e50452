//! `Expect: 100-continue`: the client is told to go on when the app reads.

use crate::support::{Client, End, Heard, quick};

fn ask(client: &mut Client) {
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
}

#[test]
fn the_client_is_told_to_go_on_when_the_app_reads_and_not_before() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    ask(&mut client);
    let request = backend.request();
    assert!(request.flags.expects_continue && !request.flags.end);
    request.inform(103, &[]);
    assert_eq!(client.head().status, 103, "and no 100 before it");
    request.inform(100, &[]);
    assert_eq!(client.head().status_line, "HTTP/1.1 100 Continue");
    client.send("hello");
    assert_eq!(backend.body(&request), b"hello");
    request.reply(200, "done");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.closes()), ("done", false));
}

#[test]
fn a_reply_instead_of_it_means_that_no_body_is_wanted_and_closes() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    ask(&mut client);
    backend.request().reply(401, "who are you?");
    let reply = client.reply();
    assert_eq!((reply.status, reply.text(), reply.closes()), (401, "who are you?", true));
    client.finish_sending();
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_client_may_send_its_body_without_waiting() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    ask(&mut client);
    client.send("hello");
    let request = backend.request();
    backend.has_not_heard("body before the app reads", |heard| matches!(heard, Heard::Data { .. }));
    request.inform(100, &[]);
    assert_eq!(backend.body(&request), b"hello");
    request.reply(200, "done");
    client.up_to(b"HTTP/1.1 200 OK\r\n");
    client.up_to(b"done");
    client.get("/next");
    backend.request().reply(200, "next");
    client.reply();
}

#[test]
fn it_is_said_once_also_if_another_backend_gets_the_request() {
    let proxy = quick(|_| {});
    let (mut dying, mut client) = (proxy.backend(), proxy.client());
    client.send("PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    dying.request().inform(100, &[]);
    assert_eq!(client.head().status, 100);
    client.send("hel");
    dying.die();
    proxy.until_waiting(1);
    let mut other = proxy.backend();
    let request = other.request();
    assert!(!request.flags.expects_continue);
    client.send("lo");
    assert_eq!(other.body(&request), b"hello");
    request.inform(100, &[]);
    request.reply(200, "done");
    assert_eq!(client.reply().text(), "done");
}

#[test]
fn http_1_0_knows_nothing_of_it() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    let request = backend.request();
    assert!(!request.flags.expects_continue);
    assert_eq!(backend.body(&request), b"hello");
    request.reply(200, "done");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn another_expectation_cannot_be_met() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nExpect: wonders\r\n\r\nhello");
    assert_eq!(client.reply().status, 417);
    backend.has_no_request();
}
