//! A request whose backend died is given to another one, if that is safe; else the client learns what happened.

use swiftiply_wire::ResetCode;

use crate::support::{Client, quick};

fn say(client: &mut Client, method: &str, body: &str) {
    let length = body.len();
    client.send(format!("{method} /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n\r\n{body}"));
}

#[test]
fn what_no_app_had_started_goes_to_another_backend_whatever_its_method() {
    for method in ["GET", "PUT", "POST", "PATCH", "PURCHASE"] {
        let proxy = quick(|_| {});
        let mut dying = proxy.backend();
        let mut client = proxy.client();
        say(&mut client, method, "an order");
        assert!(!dying.request().flags.replay);
        dying.die();
        let mut other = proxy.backend();
        let request = other.request();
        assert_eq!((request.method().as_str(), request.flags.replay), (method, true));
        assert_eq!(other.body(&request), b"an order");
        request.reply(200, "done");
        assert_eq!(client.reply().text(), "done");
    }
}

#[test]
fn what_an_app_had_started_goes_to_another_backend_only_if_it_is_idempotent() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let proxy = quick(|_| {});
        let (mut dying, mut client) = (proxy.backend(), proxy.client());
        say(&mut client, method, "");
        dying.request().started();
        dying.round_trip();
        dying.die();
        proxy.until_waiting(1);
        proxy.backend().request().reply(204, "");
        assert_eq!(client.reply_to_head().status, 204, "{method}");
    }
}

#[test]
fn what_must_not_run_twice_is_answered_502_with_the_cause_and_runs_once() {
    for method in ["POST", "PATCH", "PURCHASE", "get"] {
        let proxy = quick(|_| {});
        let (mut dying, mut client) = (proxy.backend(), proxy.client());
        say(&mut client, method, "an order");
        dying.request().started();
        dying.round_trip();
        let mut other = proxy.backend();
        dying.die();
        let reply = client.reply();
        assert_eq!(reply.status, 502, "{method}");
        assert!(reply.text().contains("The process that ran this request died."), "{}", reply.text());
        other.has_no_request();
    }
}

#[test]
fn an_informational_reply_means_that_the_app_had_started() {
    let proxy = quick(|_| {});
    let (mut dying, mut client) = (proxy.backend(), proxy.client());
    client.post("/", "an order");
    dying.request().inform(103, &[("Link", "</a.css>")]);
    assert_eq!(client.head().status, 103);
    dying.die();
    assert_eq!(client.reply().status, 502);
}

#[test]
fn a_request_is_delivered_at_most_twice() {
    let proxy = quick(|_| {});
    let mut client = proxy.client();
    client.get("/poison");
    for _ in 0..2 {
        proxy.until_waiting(1);
        let mut backend = proxy.backend();
        backend.request().started();
        backend.round_trip();
        backend.die();
    }
    assert_eq!(client.reply().status, 502);
    proxy.backend().has_no_request();
}

#[test]
fn a_site_can_forbid_that_anything_runs_twice() {
    let proxy = quick(|config| config.sites[0].redeployable = false);
    let (mut dying, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    dying.request().started();
    dying.round_trip();
    dying.die();
    assert_eq!(client.reply().status, 502);
    // But what no app had started is given to another in any case.
    client.get("/");
    let mut dying = proxy.backend();
    dying.request();
    dying.die();
    proxy.until_waiting(1);
    proxy.backend().request().reply(200, "done");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_body_beyond_the_size_limit_is_not_replayed_once_it_was_started() {
    let proxy = quick(|config| config.sites[0].redeployment_sizelimit = 8);
    for (body, is_replayed) in [("12345678", true), ("123456789", false)] {
        let (mut dying, mut client) = (proxy.backend(), proxy.client());
        say(&mut client, "PUT", body);
        dying.request().started();
        dying.round_trip();
        dying.die();
        if is_replayed {
            proxy.until_waiting(1);
            let mut other = proxy.backend();
            let request = other.request();
            assert_eq!(other.body(&request), body.as_bytes());
            request.reply(200, "done");
        }
        assert_eq!(client.reply().status, if is_replayed { 200 } else { 502 });
        proxy.until("nobody is left", |counts| counts.backends == 0);
    }
}

#[test]
fn a_body_that_is_too_large_to_be_kept_is_not_replayed_at_all() {
    let proxy = quick(|_| {});
    let (mut dying, mut client) = (proxy.backend(), proxy.client());
    let body = "x".repeat(100_000);
    say(&mut client, "PUT", &body);
    let request = dying.request();
    assert_eq!(dying.body(&request).len(), body.len());
    dying.die();
    assert_eq!(client.reply().status, 502);
}

#[test]
fn a_chunked_body_that_is_kept_is_replayed_with_its_trailers() {
    let proxy = quick(|_| {});
    let (mut dying, mut client) = (proxy.backend(), proxy.client());
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n");
    for last in [false, true] {
        let request = dying.request();
        let (body, is_end) = dying.piece(&request);
        assert_eq!((body.as_slice(), is_end), (&b"abcdefg"[..], false));
        assert_eq!(dying.trailers(&request), [("X-Sum".to_owned(), "7".to_owned())]);
        if last {
            request.reply(200, "done");
        } else {
            dying.die();
            proxy.until_waiting(1);
            dying = proxy.backend();
        }
    }
    assert_eq!(client.reply().text(), "done");
}

#[test]
fn a_reset_before_the_reply_is_a_502_and_the_app_is_not_asked_again() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    backend.request().reset(ResetCode::AppFault, "the app raised");
    let reply = client.reply();
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("The app gave no reply."), "{}", reply.text());
    backend.has_no_request();
    // Neither the connection nor the link has suffered.
    client.get("/");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn a_process_that_stops_hands_on_what_may_run_again() {
    let proxy = quick(|_| {});
    let (mut stopping, mut client) = (proxy.backend(), proxy.client());
    client.get("/");
    let request = stopping.request();
    stopping.drain();
    request.started();
    request.reset(ResetCode::Stopping, "the process stops");
    proxy.until_waiting(1);
    proxy.backend().request().reply(200, "done");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_refused_request_is_the_first_to_be_served_and_never_lost() {
    let proxy = quick(|_| {});
    let mut full = proxy.backend();
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.post("/1", "an order");
    let request = full.request();
    second.get("/2");
    proxy.until_waiting(1);
    request.refuse();
    proxy.until_waiting(2);
    full.has_no_request();
    // It has a slot again, and says so.
    full.slots(1);
    let request = full.request();
    assert_eq!((request.path().as_str(), request.flags.replay), ("/1", true));
    assert_eq!(full.body(&request), b"an order");
    request.reply(200, "one");
    full.request().reply(200, "two");
    assert_eq!(first.reply().text(), "one");
    assert_eq!(second.reply().text(), "two");
}

#[test]
fn a_request_whose_body_has_gone_cannot_be_refused_without_an_answer() {
    let proxy = quick(|_| {});
    let (mut full, mut client) = (proxy.backend(), proxy.client());
    say(&mut client, "POST", &"x".repeat(100_000));
    let request = full.request();
    full.body(&request);
    request.refuse();
    let reply = client.reply();
    assert_eq!((reply.status, reply.header("Retry-After")), (503, Some("1")));
}

#[test]
fn a_refusal_of_what_was_started_is_a_breach() {
    let proxy = quick(|_| {});
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.post("/", "an order");
    let request = backend.request();
    request.started();
    request.refuse();
    assert_eq!(backend.goodbye().0, swiftiply_wire::GoodbyeCode::Breach);
    assert_eq!(client.reply().status, 502);
}
