//! Backends come, go and die under load, and no request fails that could be saved.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Backend, Dial, TestProxy, one_site};

const CLIENTS: usize = 6;
const REQUESTS_EACH: usize = 150;

/// How a backend's life ends.
#[derive(Clone, Copy, PartialEq)]
enum Exit {
    Drain,
    Die,
}

/// Lives one life after the other until all is over. No request is ever started before it is answered, so each can be
/// saved.
fn live(proxy: &TestProxy, requests_a_life: usize, exits: &[Exit], is_over: &AtomicBool) -> usize {
    let mut lives = 0;
    for exit in exits.iter().copied().cycle() {
        let mut backend = proxy.backend_as(Dial { slots: 2, ..proxy.dial() });
        lives += 1;
        let mut served = 0;
        while served < requests_a_life && !is_over.load(Ordering::SeqCst) {
            // Short, so that it sees soon that all is over.
            if let Some(request) = backend.request_within(Duration::from_millis(50)) {
                request.reply(200, &request.path());
                served += 1;
            }
        }
        if exit == Exit::Drain || is_over.load(Ordering::SeqCst) {
            leave(&mut backend);
        }
        if is_over.load(Ordering::SeqCst) {
            return lives;
        }
    }
    lives
}

/// Ends what crossed the DRAIN, and goes.
fn leave(backend: &mut Backend) {
    backend.drain();
    while let Some(request) = backend.request_within(Duration::ZERO) {
        request.reply(200, &request.path());
    }
    backend.say_goodbye();
    backend.closed();
}

fn under_load(exits: &[Exit]) -> (usize, TestProxy) {
    let mut config = one_site();
    config.shards = 2;
    let proxy = TestProxy::start(&config);
    let (is_over, lives) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for requests_a_life in [5, 7, 11] {
            let (proxy, is_over, lives) = (&proxy, &is_over, &lives);
            scope.spawn(move || {
                lives.fetch_add(live(proxy, requests_a_life, exits, is_over), Ordering::SeqCst);
            });
        }
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut client = proxy.client();
                scope.spawn(move || {
                    for count in 0..REQUESTS_EACH {
                        let path = format!("/{number}/{count}");
                        client.post(&path, "an order");
                        let reply = client.reply();
                        assert_eq!((reply.status, reply.text()), (200, path.as_str()));
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(outcomes.iter().all(Result::is_ok));
    });
    (lives.into_inner(), proxy)
}

#[test]
fn restarts_one_by_one_under_load_fail_no_request() {
    let (lives, proxy) = under_load(&[Exit::Drain]);
    assert!(lives > 30, "only {lives} lives");
    proxy.until("all is over", |counts| counts.backends == 0 && counts.waiting == 0);
}

#[test]
fn deaths_under_load_fail_no_request_that_had_not_begun() {
    let (lives, proxy) = under_load(&[Exit::Die, Exit::Drain, Exit::Drain]);
    assert!(lives > 30, "only {lives} lives");
    proxy.until("all is over", |counts| counts.backends == 0 && counts.waiting == 0);
}
