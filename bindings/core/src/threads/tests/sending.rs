//! What is on the links when the app has a request, and what a child of a fork gets. A thread that takes itself for a
//! child stands for it; real forks are in the tests of the bindings, whose languages can fork.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use swiftiply_wire::{
    Body, RequestFields, RequestFlags, RequestHead, Scheme, ToBackend, Version, Welcome, put_request,
};

use super::super::*;
use crate::fork::tests::{IS_CHILD, IS_TOLD};
use crate::{Read, ReadError, ReplyError, ReplyHead, Request};

const PATIENCE: Duration = Duration::from_secs(20);

/// Greets a backend.
fn greet(listener: &TcpListener) -> TcpStream {
    let (mut link, _) = listener.accept().unwrap();
    let mut hello = [0; 1024];
    assert!(link.read(&mut hello).unwrap() > 0);
    let mut out = Vec::new();
    let welcome = Welcome {
        version: 1,
        proxy: [1; 16],
        shard: 0,
        links: 1,
        window: 1024,
        ping_interval_ms: 60_000,
        proof: [0; 32],
    };
    ToBackend::Welcome(welcome).write(&mut out);
    link.write_all(&out).unwrap();
    link
}

/// Two requests that come together.
fn two_requests(method: &str, flags: RequestFlags) -> Vec<u8> {
    let fields = RequestFields {
        method: method.as_bytes(),
        scheme: Scheme::Http,
        version: Version::Http11,
        authority: b"",
        path: b"/",
        query: None,
        peer: None,
        local: None,
        body: Body::Unknown,
    };
    let mut head = Vec::new();
    RequestHead::write(&mut head, &fields, |_| {});
    let mut out = Vec::new();
    put_request(&mut out, 1, flags, &head);
    put_request(&mut out, 2, flags, &head);
    out
}

fn take(connector: &ThreadConnector) -> Request {
    match connector.take(&Wait::at_most(PATIENCE)) {
        Take::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

/// What both kinds of child get.
fn is_refused(connector: ThreadConnector, request: Request, dropped: Request) {
    let wait = Wait::default();
    assert!(matches!(connector.take(&wait), Take::Failed(Error::Forked)));
    assert_eq!(connector.await_request(&wait), Awaited::Failed(Error::Forked));
    assert_eq!(connector.next_notice(&wait), None);
    assert_eq!(request.read(1, &wait), Read::Failed(ReadError::Forked));
    let head = ReplyHead::new(200).unwrap();
    assert_eq!(request.reply().send(&head, b"x"), Err(ReplyError::Forked));
    connector.drain();
    drop((request, dropped));
    connector.stop();
    drop(connector);
}

/// A connector with two requests, and the link that they came on.
fn serving() -> (TcpStream, ThreadConnector, Request, Request) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let options = Options { connect: vec![address], slots: 2, ..Options::default() };
    let connector = ThreadConnector::start(options).unwrap();
    let mut link = greet(&listener);
    link.write_all(&two_requests("PUT", RequestFlags::default())).unwrap();
    let (request, other) = (take(&connector), take(&connector));
    assert!(connector.next_notice(&Wait::at_most(PATIENCE)).is_some(), "it is connected");
    // A child has no dialling thread that might still be at it.
    while connector.threads().engine.lock().unwrap().sockets.is_some_busy() {
        std::thread::yield_now();
    }
    (link, connector, request, other)
}

fn is_silent(mut link: TcpStream) {
    link.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let silent = link.read(&mut [0; 64]).map_err(|error| error.kind());
    assert!(matches!(silent, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{silent:?}");
}

#[test]
fn the_child_of_a_fork_is_refused_and_says_nothing_on_the_links_of_its_parent() {
    let (link, connector, request, other) = serving();
    IS_TOLD.set(true);
    assert!(matches!(connector.try_take(), Take::Failed(Error::Forked)));
    assert!(connector.status().has_ended);
    is_refused(connector, request, other);
    IS_TOLD.set(false);
    is_silent(link);
}

#[test]
fn a_child_that_nobody_told_finds_out_when_it_waits_or_sends() {
    let (link, connector, request, other) = serving();
    IS_CHILD.set(true);
    is_refused(connector, request, other);
    IS_CHILD.set(false);
    is_silent(link);
}

/// Reads two replies of one byte each.
fn hear_two(link: &mut TcpStream) {
    link.set_read_timeout(Some(PATIENCE)).unwrap();
    let reply = 8 + 14 + 8 + 1;
    link.read_exact(&mut vec![0; 2 * reply]).unwrap();
}

#[test]
fn what_is_held_at_a_fork_is_the_parents_to_send() {
    let (mut link, connector, request, other) = serving();
    let head = ReplyHead::new(200).unwrap();
    for request in [request, other] {
        request.reply().send(&head, b"x").unwrap();
    }
    hear_two(&mut link);
    let flags = RequestFlags { end: true, ..RequestFlags::default() };
    let begin = Instant::now();
    // The first one is held unless this thread was so slow that the keeper has sent it already.
    loop {
        assert!(begin.elapsed() < PATIENCE, "no reply is ever held");
        link.write_all(&two_requests("PUT", flags)).unwrap();
        let first = take(&connector);
        assert_eq!(first.reply().send(&head, b"x"), Ok(1));
        let is_held = connector.threads().engine.lock().unwrap().own.pace.holds();
        IS_TOLD.set(true);
        drop(first);
        connector.drain();
        assert!(matches!(connector.try_take(), Take::Failed(Error::Forked)));
        IS_TOLD.set(false);
        assert_eq!(take(&connector).reply().send(&head, b"x"), Ok(1));
        hear_two(&mut link);
        if is_held {
            break;
        }
    }
}

#[test]
fn what_must_not_run_twice_is_told_before_the_app_sees_it_however_brisk_the_app() {
    let (mut link, connector, request, other) = serving();
    for request in [request, other] {
        request.reply().send(&ReplyHead::new(200).unwrap(), b"x").unwrap();
    }
    link.write_all(&two_requests("POST", RequestFlags::default())).unwrap();
    let wait = Wait::at_most(PATIENCE);
    assert_eq!(connector.await_request(&wait), Awaited::Request);
    let Take::Request(_post) = connector.try_take() else { panic!("the request is ready") };
    assert_eq!(connector.threads().engine.lock().unwrap().connector.next_queued(), None, "all was sent");
}

#[test]
fn of_a_reply_in_pieces_only_the_one_that_completes_its_length_is_held() {
    let (link, connector, request, other) = serving();
    let mut sender = link.try_clone().unwrap();
    // Whatever is said is read, so that nothing is ever held back by the socket.
    let reader = std::thread::spawn(move || std::io::copy(&mut { link }, &mut std::io::sink()));
    let mut head = ReplyHead::new(200).unwrap();
    head.push(b"Content-Length", b"2").unwrap();
    drop((request, other));
    let holds = || connector.threads().engine.lock().unwrap().own.pace.holds();
    let begin = Instant::now();
    // The last piece is held unless this thread was so slow that the keeper has sent it already.
    let mut was_held = false;
    while !was_held {
        assert!(begin.elapsed() < PATIENCE, "no last piece is ever held");
        sender
            .write_all(&two_requests("GET", RequestFlags { end: true, ..RequestFlags::default() }))
            .unwrap();
        let reply = take(&connector).reply();
        reply.start(&head).unwrap();
        reply.write(b"x", &Wait::default()).unwrap();
        assert!(!holds(), "more is to come, perhaps much later");
        reply.write(b"y", &Wait::default()).unwrap();
        was_held = holds();
        reply.finish(None).unwrap();
        take(&connector).reply().send(&ReplyHead::new(200).unwrap(), b"").unwrap();
        assert!(!holds(), "nothing is ready any more");
    }
    connector.stop();
    reader.join().unwrap().unwrap();
}
