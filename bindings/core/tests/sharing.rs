//! Promises that hold however the threads share the work, with an app that was fast so far: nobody waits for a thread
//! whose call takes long. A broken one is a wait without end here, never a matter of time.

mod fake;

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use fake::{FakeLink, FakeProxy, PATIENCE, Said, join, request, wait};
use swiftiply_connector::{Awaited, Interrupt, ReplyHead, Request, Take, ThreadConnector, Wait};
use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, RequestFlags, StreamId};

/// Calls that are enough for any app to count as fast.
const FAST_CALLS: u32 = 100;

/// A proxy's link, and threads that serve it as a binding does.
struct Scene {
    _proxy: FakeProxy,
    connector: ThreadConnector,
    link: FakeLink,
    threads: Vec<JoinHandle<()>>,
    /// Tells that a call of `/long` has begun.
    began: Receiver<()>,
    /// Ends one.
    end: Sender<()>,
}

impl Scene {
    fn new(threads: usize) -> Self {
        let proxy = FakeProxy::start();
        let connector = ThreadConnector::start(proxy.options(16)).unwrap();
        let link = proxy.welcome();
        let (begins, began) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        let ends = std::sync::Arc::new(std::sync::Mutex::new(ends));
        let threads = (0..threads)
            .map(|_| {
                let (connector, begins, ends) = (connector.clone(), begins.clone(), ends.clone());
                let long = move || {
                    begins.send(()).unwrap();
                    ends.lock().unwrap().recv_timeout(PATIENCE).unwrap();
                };
                std::thread::spawn(move || {
                    while let Some(request) = next(&connector) {
                        serve(&request, &long);
                    }
                })
            })
            .collect();
        let mut scene = Self { _proxy: proxy, connector, link, threads, began, end };
        for _ in 0..FAST_CALLS {
            scene.ask(&[(1, "/")]);
            scene.hears(1);
        }
        scene
    }

    /// Requests that come together.
    fn ask(&mut self, requests: &[(StreamId, &str)]) {
        let flags = RequestFlags { end: true, ..RequestFlags::default() };
        let all = requests.iter().flat_map(|(stream, path)| request(*stream, "GET", path, Body::None, flags));
        self.link.send_bytes(&all.collect::<Vec<u8>>());
    }

    fn hears(&mut self, stream: StreamId) {
        assert_eq!(self.link.hear_reply(stream), (200, b"x".to_vec()));
    }

    fn long_call_begins(&self) {
        self.began.recv_timeout(PATIENCE).unwrap();
    }

    fn end(self) {
        self.connector.stop();
        self.threads.into_iter().for_each(join);
    }
}

/// The next request, taken as a binding takes it.
fn next(connector: &ThreadConnector) -> Option<Request> {
    loop {
        match connector.try_take() {
            Take::Request(request) => return Some(request),
            Take::Ended => return None,
            _ => match connector.await_request(&wait()) {
                Awaited::Request => {}
                Awaited::Ended => return None,
                other => panic!("no request: {other:?}"),
            },
        }
    }
}

fn serve(request: &Request, long: &impl Fn()) {
    let reply = request.reply();
    let head = ReplyHead::new(200).unwrap();
    match request.head().path() {
        b"/long" => long(),
        b"/large" => {
            reply.start(&head).unwrap();
            // Nobody hears of it if the test is over.
            let _ = reply
                .write(&vec![b'x'; WINDOW_DEFAULT as usize + 1], &wait())
                .and_then(|()| reply.finish(None));
            return;
        }
        _ => {}
    }
    let _ = reply.send(&head, b"x");
}

#[test]
fn what_is_ready_is_not_kept_from_other_threads_by_a_call_that_takes_long() {
    for _ in 0..20 {
        let mut scene = Scene::new(2);
        scene.ask(&[(1, "/long"), (2, "/"), (3, "/")]);
        scene.hears(2);
        scene.hears(3);
        scene.end.send(()).unwrap();
        scene.hears(1);
        scene.end();
    }
}

#[test]
fn every_thread_is_used_when_every_call_takes_long() {
    let mut scene = Scene::new(4);
    scene.ask(&[(1, "/long"), (2, "/long"), (3, "/long"), (4, "/long")]);
    (0..4).for_each(|_| scene.long_call_begins());
    (0..4).for_each(|_| scene.end.send(()).unwrap());
    for _ in 0..4 {
        assert!(matches!(scene.link.hear(), Said::Reply { status: 200, .. }));
        assert!(matches!(scene.link.hear(), Said::Data { end: true, .. }));
    }
    scene.end();
}

#[test]
fn a_finished_reply_does_not_wait_for_the_next_call() {
    for threads in [1, 2] {
        let mut scene = Scene::new(threads);
        scene.ask(&[(1, "/"), (2, "/long")]);
        scene.hears(1);
        scene.long_call_begins();
        scene.end.send(()).unwrap();
        scene.hears(2);
        scene.end();
    }
}

#[test]
fn what_comes_during_a_long_call_is_read_and_served() {
    let mut scene = Scene::new(2);
    for _ in 0..20 {
        scene.ask(&[(1, "/long")]);
        scene.long_call_begins();
        scene.ask(&[(2, "/")]);
        scene.hears(2);
        scene.end.send(()).unwrap();
        scene.hears(1);
    }
    scene.end();
}

#[test]
fn a_thread_that_waits_for_its_window_keeps_nobody_waiting() {
    let mut scene = Scene::new(2);
    scene.ask(&[(1, "/large"), (2, "/")]);
    let mut left = WINDOW_DEFAULT as usize;
    let mut has_heard_other = false;
    while left > 0 || !has_heard_other {
        match scene.link.hear() {
            Said::Data { stream: 1, data, .. } => left -= data.len(),
            Said::Data { stream: 2, end, .. } => has_heard_other = end,
            _ => {}
        }
    }
    scene.ask(&[(2, "/")]);
    scene.hears(2);
    scene.link.grant(1, 1);
    assert!(matches!(scene.link.hear(), Said::Data { stream: 1, data, .. } if data.len() == 1));
    scene.end();
}

#[test]
fn a_thread_that_leaves_without_a_request_keeps_nobody_waiting() {
    let mut scene = Scene::new(1);
    let connector = scene.connector.clone();
    let interrupt = Interrupt::new();
    let raised = interrupt.clone();
    // It may be the leader, and the one to be woken for what comes.
    let leaver = std::thread::spawn(move || {
        let wait = Wait { interrupt: Some(interrupt), ..wait() };
        while !matches!(connector.await_request(&wait), Awaited::Interrupted) {}
    });
    scene.ask(&[(1, "/")]);
    raised.raise();
    scene.hears(1);
    join(leaver);
    scene.ask(&[(1, "/")]);
    scene.hears(1);
    scene.end();
}

/// A connector whose app was fast so far, run by this thread.
fn fast_app() -> (FakeProxy, ThreadConnector, FakeLink) {
    let proxy = FakeProxy::start();
    let connector = ThreadConnector::start(proxy.options(16)).unwrap();
    let mut link = proxy.welcome();
    for _ in 0..FAST_CALLS {
        link.request(1, "GET", "/");
        serve(&next(&connector).unwrap(), &|| {});
        link.hear_reply(1);
    }
    let flags = RequestFlags { end: true, ..RequestFlags::default() };
    let both = [1, 2].map(|stream| request(stream, "GET", "/", Body::None, flags));
    link.send_bytes(&both.concat());
    (proxy, connector, link)
}

#[test]
fn a_reply_leaves_even_if_its_thread_does_not_come_back() {
    let (_proxy, connector, mut link) = fast_app();
    serve(&next(&connector).unwrap(), &|| {});
    assert_eq!(link.hear_reply(1).0, 200);
}

#[test]
fn a_reply_leaves_before_the_drain_that_follows() {
    let (_proxy, connector, mut link) = fast_app();
    serve(&next(&connector).unwrap(), &|| {});
    connector.drain();
    assert_eq!(link.hear_reply(1).0, 200);
    assert_eq!(link.hear(), Said::Drain);
    serve(&next(&connector).unwrap(), &|| {});
    assert_eq!(link.hear_reply(2).0, 200);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
}

#[test]
fn a_reply_leaves_before_the_stop_that_follows() {
    let (_proxy, connector, mut link) = fast_app();
    serve(&next(&connector).unwrap(), &|| {});
    connector.stop();
    assert_eq!(link.hear_reply(1).0, 200);
    assert_eq!(link.hear(), Said::Refuse(2));
    assert!(matches!(link.hear(), Said::Goodbye(_)));
    assert!(next(&connector).is_none());
}

#[test]
fn what_must_not_run_twice_is_told_while_replies_are_held() {
    let (_proxy, connector, mut link) = fast_app();
    let flags = RequestFlags { end: true, ..RequestFlags::default() };
    link.send_bytes(&request(3, "POST", "/", Body::None, flags));
    serve(&next(&connector).unwrap(), &|| {});
    serve(&next(&connector).unwrap(), &|| {});
    let post = next(&connector).unwrap();
    assert_eq!(link.hear_reply(1).0, 200);
    assert_eq!(link.hear_reply(2).0, 200);
    assert_eq!(link.hear(), Said::Started(3));
    serve(&post, &|| {});
    assert_eq!(link.hear_reply(3).0, 200);
}
