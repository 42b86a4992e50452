//! Backends in this process: each answers with what it was sent, and notes what must not run twice.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use swiftiply_connector::{Options, Read, ReplyHead, Request, Take, ThreadConnector, Wait};

use crate::support::PATIENCE;

/// Some backends, each with a connector and threads of its own.
pub struct App {
    connectors: Vec<Arc<ThreadConnector>>,
    threads: Vec<JoinHandle<()>>,
    posts: Arc<Mutex<Posts>>,
}

#[derive(Default)]
struct Posts {
    ran: HashSet<Vec<u8>>,
    twice: Vec<Vec<u8>>,
}

impl App {
    pub fn start(door: &Path, backends: usize, slots: u16) -> Self {
        let posts = Arc::<Mutex<Posts>>::default();
        let (mut connectors, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..backends {
            let options = Options {
                connect: vec![format!("unix:{}", door.display()).parse().unwrap()],
                slots,
                tunnels: 10,
                adapter: "a test".into(),
                ..Options::default()
            };
            let connector = Arc::new(ThreadConnector::start(options).unwrap());
            for _ in 0..slots {
                let (connector, posts) = (connector.clone(), posts.clone());
                threads.push(std::thread::spawn(move || serve(&connector, &posts)));
            }
            connectors.push(connector);
        }
        Self { connectors, threads, posts }
    }

    /// How many have all their links at a proxy.
    pub fn connected(&self) -> usize {
        self.connectors.iter().map(|connector| connector.status().connected).sum()
    }

    /// How many requests run at this moment.
    pub fn running(&self) -> usize {
        self.connectors.iter().map(|connector| connector.status().in_flight).sum()
    }

    /// How many POSTs ran; none of them did so twice.
    pub fn posts(&self) -> usize {
        let posts = self.posts.lock().unwrap();
        assert!(posts.twice.is_empty(), "{} ran twice", posts.twice.len());
        posts.ran.len()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.connectors.iter().for_each(|connector| connector.stop());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(connector: &ThreadConnector, posts: &Mutex<Posts>) {
    loop {
        match connector.take(&Wait::at_most(PATIENCE)) {
            Take::Request(request) => answer(&request, posts),
            Take::Nothing | Take::Interrupted => {}
            Take::Ended | Take::Failed(_) => return,
        }
    }
}

/// `/slow` takes a while; whoever offers an upgrade gets a tunnel.
fn answer(request: &Request, posts: &Mutex<Posts>) {
    if request.offers_upgrade() {
        return echo(request);
    }
    let body = read(request);
    if request.head().path() == b"/slow" {
        std::thread::sleep(Duration::from_millis(300));
    }
    if request.head().method().as_bytes() == b"POST" {
        let mut posts = posts.lock().unwrap();
        if !posts.ran.insert(body.clone()) {
            posts.twice.push(body.clone());
        }
    }
    let mut head = ReplyHead::new(200).unwrap();
    head.push(b"content-length", body.len().to_string().as_bytes()).unwrap();
    let _ = request.reply().send(&head, &body);
}

/// Says what it hears, until the client has said its last.
fn echo(request: &Request) {
    request.claim_tunnel();
    let (reply, wait) = (request.reply(), Wait::at_most(PATIENCE));
    let mut head = ReplyHead::new(101).unwrap();
    head.push(b"upgrade", b"websocket").unwrap();
    if reply.start(&head).and_then(|()| reply.flush()).is_err() {
        return;
    }
    while let Read::Data(data) = request.read(usize::MAX, &wait) {
        if reply.write(&data, &wait).is_err() {
            return;
        }
    }
    let _ = reply.finish(None);
}

fn read(request: &Request) -> Vec<u8> {
    let mut body = Vec::new();
    while let Read::Data(data) = request.read(usize::MAX, &Wait::at_most(PATIENCE)) {
        body.extend_from_slice(&data);
    }
    body
}
