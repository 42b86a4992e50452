//! Backends die in every phase of a request, under a load of GET, PUT and POST on connections that are kept. The
//! outcome of each request is known beforehand, whatever else happens at the same time; and every run of each is counted.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, LinkIndex};

use super::random::Random;
use crate::support::{Arrived, Backend, Client, Dial, End, TestProxy, one_site, quick};

const SEED: u64 = 20_071_101;
const CLIENTS: usize = 6;
const REQUESTS_EACH: usize = 60;
const BACKENDS: usize = 4;

/// Longer than one window, so that half of it is all that a backend has which grants no more.
const LARGE_BODY_BYTES: usize = 2 * WINDOW_DEFAULT as usize;

/// How far the first backend that is given a request comes with it before it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    /// It does not die.
    Served,
    /// It has the head.
    Head,
    /// The app has begun.
    Started,
    /// It has half of the body, and the app has not begun.
    HalfBody,
    /// It has half of the body, and the app reads it.
    HalfBodyStarted,
    /// The client has the reply's head.
    ReplyHead,
    /// The client has half of the reply.
    HalfReply,
}

const FATES: [Fate; 7] = [
    Fate::Served,
    Fate::Head,
    Fate::Started,
    Fate::HalfBody,
    Fate::HalfBodyStarted,
    Fate::ReplyHead,
    Fate::HalfReply,
];

impl Fate {
    fn has_large_body(self) -> bool {
        matches!(self, Self::HalfBody | Self::HalfBodyStarted)
    }

    /// What the client gets.
    fn outcome(self, method: &str) -> Outcome {
        match self {
            Self::Served | Self::Head | Self::HalfBody => Outcome::Served,
            Self::Started | Self::HalfBodyStarted if method == "POST" => Outcome::Refused,
            Self::Started | Self::HalfBodyStarted => Outcome::Served,
            Self::ReplyHead | Self::HalfReply => Outcome::Cut,
        }
    }

    /// How often an app runs it: once more if one had begun when its process died.
    fn runs(self, method: &str) -> u32 {
        match self.outcome(method) {
            Outcome::Served if matches!(self, Self::Started | Self::HalfBodyStarted) => 2,
            _ => 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    /// 200, and the whole reply.
    Served,
    /// 502, with the cause.
    Refused,
    /// Visibly not whole.
    Cut,
}

#[derive(Debug)]
struct Asked {
    path: String,
    method: &'static str,
    fate: Fate,
    outcome: Outcome,
}

#[test]
fn backends_that_die_in_any_phase_cost_only_what_had_begun_and_may_not_run_twice() {
    let mut config = one_site();
    config.shards = 2;
    config.sites[0].redeployment_sizelimit = 1 << 20;
    let proxy = TestProxy::start(&config);
    let (runs, is_over) = (Ledger::default(), AtomicBool::new(false));
    let asked: Vec<Asked> = thread::scope(|scope| {
        for _ in 0..BACKENDS {
            scope.spawn(|| live_again_and_again(&proxy, &runs, &is_over));
        }
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let proxy = &proxy;
                scope.spawn(move || load(proxy, number))
            })
            .collect();
        let asked: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        asked.into_iter().flat_map(|asked| asked.unwrap()).collect()
    });

    assert_eq!(asked.len(), CLIENTS * REQUESTS_EACH);
    let mut counted: HashMap<(Fate, &str, Outcome), usize> = HashMap::new();
    for one in &asked {
        assert_eq!(one.outcome, one.fate.outcome(one.method), "{one:?}");
        assert_eq!(runs.of(&one.path), one.fate.runs(one.method), "how often an app ran {one:?}");
        *counted.entry((one.fate, one.method, one.outcome)).or_default() += 1;
    }
    println!("seed {SEED}: {counted:#?}");
    for fate in FATES {
        assert!(counted.keys().any(|(seen, ..)| *seen == fate), "{fate:?} never happened");
    }
    proxy.until("all is over", |counts| counts.backends == 0 && counts.waiting == 0 && counts.in_flight == 0);
}

/// How often each request was begun by an app.
#[derive(Default)]
struct Ledger(Mutex<HashMap<String, u32>>);

impl Ledger {
    fn run(&self, request: &Arrived) {
        *self.0.lock().unwrap().entry(request.path()).or_default() += 1;
    }

    fn of(&self, path: &str) -> u32 {
        self.0.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

/// One client: each request has a fate of its own, and its path says which.
fn load(proxy: &TestProxy, number: usize) -> Vec<Asked> {
    let mut random = Random::new(SEED + number as u64);
    let mut client = proxy.client();
    (0..REQUESTS_EACH)
        .map(|count| {
            // Half of them live.
            let fate = if random.below(2) == 0 { Fate::Served } else { random.pick(&FATES) };
            let methods = if fate.has_large_body() { &["PUT", "POST"][..] } else { &["GET", "PUT", "POST"] };
            let method = random.pick(methods);
            let path = format!("/{number}-{count}/{fate:?}");
            let outcome = ask(&mut client, method, &path, fate);
            if outcome == Outcome::Cut {
                client = proxy.client();
            }
            Asked { path, method, fate, outcome }
        })
        .collect()
}

fn ask(client: &mut Client, method: &str, path: &str, fate: Fate) -> Outcome {
    let body = match method {
        "GET" => String::new(),
        _ if fate.has_large_body() => "x".repeat(LARGE_BODY_BYTES),
        _ => "an order".to_owned(),
    };
    let length = body.len();
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let reply = client.reply_as_far_as_it_comes();
    match (reply.status, reply.end) {
        (200, End::Whole) => {
            assert_eq!(reply.text(), format!("{path} {length}"), "the reply to this request");
            Outcome::Served
        }
        (200, _) => Outcome::Cut,
        (502, End::Whole) => {
            assert!(reply.text().contains("The process that ran this request died."), "{}", reply.text());
            Outcome::Refused
        }
        other => panic!("{method} {path}: {other:?}"),
    }
}

fn live_again_and_again(proxy: &TestProxy, runs: &Ledger, is_over: &AtomicBool) {
    while !is_over.load(Ordering::SeqCst) {
        let mut backend = proxy.backend();
        while !is_over.load(Ordering::SeqCst) {
            // Short, so that it sees soon that all is over.
            let Some(request) = backend.request_within(Duration::from_millis(50)) else { continue };
            if !serve(&mut backend, &request, runs) {
                break;
            }
        }
        backend.die();
    }
}

/// False if the backend is to die now.
fn serve(backend: &mut Backend, request: &Arrived, runs: &Ledger) -> bool {
    let path = request.path();
    // Whoever is given it after that shall live.
    let fate = FATES.into_iter().find(|fate| path.ends_with(&format!("/{fate:?}")) && !request.flags.replay);
    let fate = fate.unwrap_or(Fate::Served);
    if matches!(fate, Fate::Started | Fate::HalfBodyStarted) {
        runs.run(request);
        request.started();
    }
    match fate {
        Fate::Served => {
            runs.run(request);
            let body = if request.flags.end { Vec::new() } else { whole_body(backend, request) };
            request.reply(200, &format!("{path} {}", body.len()));
            return true;
        }
        Fate::Head | Fate::Started => {}
        Fate::HalfBody | Fate::HalfBodyStarted => {
            let mut had = 0;
            while had < WINDOW_DEFAULT as usize {
                had += backend.piece(request).0.len();
            }
        }
        Fate::ReplyHead | Fate::HalfReply => {
            runs.run(request);
            request.reply_head(200, Body::Length(10), &[], false);
            if fate == Fate::HalfReply {
                request.data(b"12345", false);
            }
        }
    }
    // What it said has arrived when it dies.
    backend.round_trip();
    false
}

/// Grants window as an app that reads does.
fn whole_body(backend: &mut Backend, request: &Arrived) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let (piece, is_end) = backend.piece(request);
        if !piece.is_empty() {
            request.grant(piece.len() as u32);
        }
        body.extend_from_slice(&piece);
        if is_end {
            return body;
        }
    }
}

#[test]
fn a_backend_that_dies_while_idle_costs_nothing() {
    let proxy = quick(|_| {});
    let mut other = proxy.backend();
    let mut client = proxy.client();
    for method in ["GET", "POST"].into_iter().cycle().take(20) {
        let mut dying = proxy.backend_with_slots(8);
        // It has served, and has nothing now; it is the least busy, so the next request would be its own.
        client.send(format!("{method} /first HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n"));
        let first = other.request_within(Duration::ZERO).unwrap_or_else(|| either(&mut other, &mut dying));
        first.reply(200, "done");
        client.reply();
        dying.die();
        proxy.until("it is out", |counts| counts.backends == 1);
        client.send(format!("{method} /second HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n"));
        let second = other.request();
        assert!(!second.flags.replay, "it was never given to the dead");
        second.reply(200, "done");
        client.reply();
    }
}

fn either(one: &mut Backend, other: &mut Backend) -> Arrived {
    loop {
        for backend in [&mut *one, &mut *other] {
            if let Some(request) = backend.request_within(Duration::from_millis(1)) {
                return request;
            }
        }
    }
}

/// The slot is granted in the very moment in which the link is up, and the backend is dead by then.
#[test]
fn a_backend_that_dies_when_its_slot_is_granted_costs_nothing() {
    let proxy = quick(|_| {});
    let mut clients: Vec<_> = (0..2).map(|_| proxy.client()).collect();
    clients[0].post("/0", "an order");
    clients[1].send("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n");
    proxy.until_waiting(2);
    // Not more often than an unstarted request may be delivered: whether it left is a matter of chance. A GET counts as
    // begun once it has, for all that is known.
    let dying = Dial { slots: 2, ..proxy.dial() }.link(LinkIndex::First).expect("it is let in");
    drop(dying);
    proxy.until("it is out and both wait again", |counts| counts.backends == 0 && counts.waiting == 2);
    let mut other = proxy.backend_with_slots(2);
    for _ in 0..2 {
        let request = other.request();
        if !request.flags.end {
            assert_eq!(other.body(&request), b"an order");
        }
        request.reply(200, &request.path());
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply().text(), format!("/{number}"));
    }
}
