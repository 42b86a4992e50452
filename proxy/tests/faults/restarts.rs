//! All backends are replaced, at once or one by one, under a load of GET and POST: nothing fails, and nobody waits for
//! longer than there was nobody to serve.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Arrived, Backend, TestProxy, one_site};

const CLIENTS: usize = 6;
const ROUNDS: usize = 7;
const SLOTS: u16 = 4;

/// What a request may take beyond the gap: to be handed over, run and answered.
const BEYOND_GAP_MAX: Duration = Duration::from_millis(50);

struct Load {
    is_over: AtomicBool,
    served: AtomicUsize,
    /// When each was asked and answered.
    took: Mutex<Vec<(Instant, Instant)>>,
}

/// Backends that serve until they are asked to leave, and clients that ask until all is over.
fn under_load(act: impl FnOnce(&TestProxy, &Load)) {
    let mut config = one_site();
    config.shards = 2;
    let proxy = TestProxy::start(&config);
    let load =
        Load { is_over: AtomicBool::default(), served: AtomicUsize::default(), took: Mutex::default() };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (load, proxy) = (&load, &proxy);
                scope.spawn(move || ask_until_over(proxy, load, number))
            })
            .collect();
        act(&proxy, &load);
        load.is_over.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().expect("no request failed");
        }
    });
}

fn ask_until_over(proxy: &TestProxy, load: &Load, number: usize) {
    let mut client = proxy.client();
    for count in 0.. {
        if load.is_over.load(Ordering::SeqCst) {
            return;
        }
        let path = format!("/{number}/{count}");
        let asked = Instant::now();
        match count % 2 {
            0 => client.get(&path),
            _ => client.post(&path, "an order"),
        }
        let reply = client.reply();
        assert_eq!((reply.status, reply.text()), (200, path.as_str()));
        load.took.lock().unwrap().push((asked, Instant::now()));
        load.served.fetch_add(1, Ordering::SeqCst);
    }
}

/// One process, in a thread of its own.
struct Process {
    is_asked_to_leave: Arc<AtomicBool>,
    in_service: Instant,
    thread: thread::JoinHandle<()>,
}

impl Process {
    fn start(proxy: &TestProxy) -> Self {
        let backend = proxy.backend_with_slots(SLOTS);
        let in_service = Instant::now();
        let is_asked_to_leave = Arc::new(AtomicBool::new(false));
        let asked = is_asked_to_leave.clone();
        let thread = thread::spawn(move || serve(backend, &asked));
        Self { is_asked_to_leave, in_service, thread }
    }

    fn ask_to_leave(&self) {
        self.is_asked_to_leave.store(true, Ordering::SeqCst);
    }

    fn leave(self) {
        self.ask_to_leave();
        self.thread.join().expect("it served well");
    }
}

fn serve(mut backend: Backend, is_asked_to_leave: &AtomicBool) {
    while !is_asked_to_leave.load(Ordering::SeqCst) {
        if let Some(request) = backend.request_within(Duration::from_millis(1)) {
            run(&mut backend, &request);
        }
    }
    backend.drain();
    while let Some(request) = backend.request_within(Duration::ZERO) {
        run(&mut backend, &request);
    }
    backend.say_goodbye();
    backend.closed();
}

fn run(backend: &mut Backend, request: &Arrived) {
    request.started();
    if !request.flags.end {
        assert_eq!(backend.body(request), b"an order");
    }
    request.reply(200, &request.path());
}

fn until_served_more(load: &Load, proxy: &TestProxy) {
    let before = load.served.load(Ordering::SeqCst);
    proxy.until("more was served", |_| load.served.load(Ordering::SeqCst) >= before + 50);
}

#[test]
fn when_all_processes_restart_at_once_nothing_fails_and_nobody_waits_longer_than_the_gap() {
    let mut beyond = Vec::new();
    under_load(|proxy, load| {
        let mut old = vec![Process::start(proxy), Process::start(proxy)];
        for _ in 0..ROUNDS {
            until_served_more(load, proxy);
            old.iter().for_each(Process::ask_to_leave);
            old.drain(..).for_each(Process::leave);
            proxy
                .until("nobody serves, all wait", |counts| counts.backends == 0 && counts.waiting == CLIENTS);
            load.took.lock().unwrap().clear();
            let first = Process::start(proxy);
            let in_service = first.in_service;
            old = vec![first, Process::start(proxy)];
            // Of those that were asked before it came into service: how much later was the last one answered?
            let answered = || -> Vec<Instant> {
                let took = load.took.lock().unwrap();
                took.iter().filter(|(asked, _)| *asked < in_service).map(|(_, answered)| *answered).collect()
            };
            proxy.until("each of them has its answer", |_| answered().len() == CLIENTS);
            let last = answered().into_iter().max().expect("there are some");
            beyond.push(last.saturating_duration_since(in_service));
        }
        load.is_over.store(true, Ordering::SeqCst);
        proxy.until("the clients have stopped", |counts| counts.in_flight == 0 && counts.waiting == 0);
        old.into_iter().for_each(Process::leave);
    });
    // A busy machine may take a thread's processor away for longer than that, now and then; it cannot make any round
    // shorter. What the proxy itself would add (a poll, a timer) it would add in each.
    beyond.sort_unstable();
    println!("beyond the gap: {beyond:?}");
    assert!(beyond[ROUNDS / 2] <= BEYOND_GAP_MAX, "{beyond:?}");
}

#[test]
fn when_all_processes_restart_one_by_one_nothing_fails() {
    under_load(|proxy, load| {
        let mut processes: Vec<_> = (0..3).map(|_| Process::start(proxy)).collect();
        for round in 0..ROUNDS * 3 {
            until_served_more(load, proxy);
            let old = std::mem::replace(&mut processes[round % 3], Process::start(proxy));
            old.leave();
        }
        load.is_over.store(true, Ordering::SeqCst);
        proxy.until("the clients have stopped", |counts| counts.in_flight == 0 && counts.waiting == 0);
        processes.into_iter().for_each(Process::leave);
    });
}
