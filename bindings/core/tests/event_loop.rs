//! Promises of the driver for event loops, against a proxy by hand.

mod fake;

use fake::looped::TestLoop;
use fake::{FakeLink, FakeProxy, Said, wait};
use swiftiply_connector::{Event, Key, NoticeKind, Options, Read, ReadError, ReplyError, ReplyHead, Request};
use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, ToBackend};

fn start(slots: u16) -> (FakeProxy, TestLoop, FakeLink) {
    let proxy = FakeProxy::start();
    let looped = TestLoop::start(proxy.options(slots));
    let link = proxy.welcome();
    (proxy, looped, link)
}

fn answer(looped: &TestLoop, request: &Request, body: &[u8]) {
    assert_eq!(request.reply().send(&ReplyHead::new(200).unwrap(), body), Ok(body.len()));
    looped.connector.flush();
}

#[test]
fn a_request_is_given_out_and_answered() {
    let (_proxy, mut looped, mut link) = start(1);
    looped.notice(NoticeKind::Connected);
    link.request(1, "GET", "/hello");
    let request = looped.request();
    assert_eq!(request.head().path(), b"/hello");
    answer(&looped, &request, b"Hello, world!");
    assert_eq!(link.hear_reply(1), (200, b"Hello, world!".to_vec()));
    looped.connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    looped.notice(NoticeKind::Drained);
    looped.ended();
}

#[test]
fn both_sides_prove_the_key() {
    let proxy = FakeProxy::start();
    let key = Some(Key::new("secret").unwrap());
    let mut looped = TestLoop::start(Options { key, ..proxy.options(1) });
    let (mut link, _) = proxy.accept();
    looped.turn();
    let authenticated = std::thread::spawn(move || {
        link.authenticate(b"secret", b"secret", fake::usual_welcome());
        link
    });
    looped.notice(NoticeKind::Connected);
    authenticated.join().unwrap();
}

#[test]
fn a_body_is_told_of_after_each_read_that_found_nothing() {
    let (_proxy, mut looped, mut link) = start(1);
    link.upload(1, "/", Body::Length(10));
    let request = looped.request();
    assert_eq!(link.hear(), Said::Started(1), "before the app has it");
    link.data(1, b"hello", false);
    looped.readable(&request);
    assert_eq!(request.try_read(9), Read::Data(b"hello".to_vec()));
    assert_eq!(request.try_read(9), Read::Nothing);
    assert_eq!(request.read(9, &wait()), Read::Nothing, "a loop never waits");
    link.data(1, b"world", true);
    looped.readable(&request);
    assert_eq!(request.try_read(2), Read::Data(b"wo".to_vec()));
    assert_eq!(request.try_read(9), Read::Data(b"rld".to_vec()));
    assert_eq!(request.try_read(9), Read::End);
}

#[test]
fn a_reply_goes_no_faster_than_its_client() {
    let (_proxy, mut looped, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = looped.request();
    let reply = request.reply();
    reply.start(&ReplyHead::new(200).unwrap()).unwrap();
    let window = WINDOW_DEFAULT as usize;
    let body = vec![b'x'; window + 10];
    assert_eq!(reply.try_write(&body), Ok(window));
    assert_eq!(reply.write(b"x", &wait()), Err(ReplyError::WouldBlock { written: 0 }), "a loop never waits");
    looped.connector.flush();
    let reader = std::thread::spawn(move || {
        let mut heard = 0;
        while heard < window {
            if let Said::Data { data, .. } = link.hear() {
                heard += data.len();
            }
        }
        link.grant(1, 10);
        link
    });
    looped.writable(&request);
    assert_eq!(reply.try_write(&body[window..]), Ok(10));
    reply.finish(None).unwrap();
    looped.connector.flush();
    let mut link = reader.join().unwrap();
    assert_eq!(link.hear(), Said::Data { stream: 1, data: vec![b'x'; 10], end: false, hold: false });
    assert_eq!(link.hear(), Said::Data { stream: 1, data: vec![], end: true, hold: false });
}

#[test]
fn nothing_leaves_before_the_flush_and_then_all_of_it() {
    let (_proxy, mut looped, mut link) = start(3);
    let requests: Vec<Request> = (1..=3)
        .map(|stream| {
            link.request(stream, "GET", "/");
            looped.request()
        })
        .collect();
    for request in &requests {
        request.reply().send(&ReplyHead::new(200).unwrap(), b"x").unwrap();
    }
    link.send(&ToBackend::Ping(1));
    assert!(!link.has_something(), "not before the flush");
    looped.connector.flush();
    for stream in 1..=3 {
        link.hear_reply(stream);
    }
}

#[test]
fn a_client_that_leaves_is_told_once() {
    let (_proxy, mut looped, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = looped.request();
    link.cancel(1);
    looped.disconnected(&request);
    assert!(request.is_disconnected());
    let reply = request.reply();
    reply.start(&ReplyHead::new(200).unwrap()).unwrap();
    assert_eq!(reply.try_write(b"x"), Err(ReplyError::ClientGone));
    drop((request, reply));
    looped.connector.flush();
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
    assert!(!looped.events.iter().any(|event| matches!(event, Event::Disconnected(_))));
}

#[test]
fn a_backend_comes_back_after_a_loss() {
    let (mut proxy, mut looped, mut link) = start(2);
    looped.notice(NoticeKind::Connected);
    link.upload(1, "/", Body::Length(5));
    let request = looped.request();
    link.close();
    looped.notice(NoticeKind::Lost);
    looped.disconnected(&request);
    looped.readable(&request);
    assert_eq!(request.try_read(9), Read::Failed(ReadError::LinkLost));
    proxy.restart();
    // The descriptor tells when it is time to dial again.
    let accepting = std::thread::spawn(move || proxy.welcome());
    looped.notice(NoticeKind::Connected);
    let mut link = accepting.join().unwrap();
    link.request(1, "GET", "/");
    let request = looped.request();
    answer(&looped, &request, b"back");
    assert_eq!(link.hear_reply(1).1, b"back");
}

#[test]
fn a_request_without_a_slot_is_refused_and_a_dropped_one_is_reset() {
    let (_proxy, mut looped, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = looped.request();
    link.request(2, "GET", "/");
    looped.turn();
    assert_eq!(link.hear(), Said::Refuse(2));
    drop(request);
    looped.connector.flush();
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
}

#[test]
fn a_drain_waits_for_what_runs() {
    let (_proxy, mut looped, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = looped.request();
    looped.connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    answer(&looped, &request, b"last");
    assert_eq!(link.hear_reply(1).1, b"last");
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    assert_eq!(link.hear(), Said::Closed);
    looped.ended();
    assert!(looped.connector.status().has_ended, "though the proxy never closed");
}

#[test]
fn a_stop_ends_at_once() {
    let (_proxy, mut looped, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = looped.request();
    looped.connector.stop();
    looped.disconnected(&request);
    looped.ended();
    let reason = "the backend was stopped".to_owned();
    assert_eq!(link.hear(), Said::Reset { stream: 1, reason: reason.clone() });
    assert_eq!(link.hear(), Said::Goodbye(reason));
    assert_eq!(link.hear(), Said::Closed);
}

#[test]
fn a_loop_that_the_app_blocks_still_answers_pings() {
    let (_proxy, mut looped, mut link) = start(1);
    looped.notice(NoticeKind::Connected);
    link.send(&ToBackend::Ping(7));
    assert_eq!(link.hear(), Said::Pong(7), "without a turn");
    link.request(1, "GET", "/");
    let request = looped.request();
    answer(&looped, &request, b"x");
    link.hear_reply(1);
}
