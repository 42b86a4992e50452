//! Several proxies that share their backends, each with a dispatch of its own, in virtual time.
//!
//! A backend has one slot and tells each proxy of it, so two may pick it at once; it refuses the later
//! one, and tells those whom it has refused when its slot is free again. Messages take no time here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use swiftiply::site::{BackendKey, Dispatch, Grant, Pick, Placed};

use crate::random::Random;

const PROXIES: usize = 4;
const BACKENDS: usize = 64;
const MEAN_RUN_US: f64 = 10_000.0;

struct Cluster {
    proxies: Vec<Proxy>,
    backends: Vec<Backend>,
    /// When which backend ends its request.
    ends: BinaryHeap<Reverse<(u64, usize)>>,
    now_us: u64,
    random: Random,
    refusals: usize,
    replies: usize,
}

struct Proxy {
    site: Dispatch<u64>,
    keys: Vec<BackendKey>,
}

#[derive(Default)]
struct Backend {
    /// The proxy whose request it runs.
    runs_for: Option<usize>,
    /// The proxies that it has refused since its slot was last free.
    refused: Vec<usize>,
}

#[test]
fn no_backend_idles_while_a_request_waits_at_any_of_several_proxies() {
    let mut cluster = Cluster::new(Pick::Random);
    cluster.serve(20_000, 0.95);
    assert!(cluster.refusals > 0, "they must have run into each other");
}

#[test]
fn several_proxies_collide_far_less_with_a_random_pick() {
    let refusals = |pick: fn(u64) -> Pick| {
        let mut cluster = Cluster::new(pick);
        cluster.serve(20_000, 0.5);
        cluster.refusals
    };
    let (longest_idle, random) = (refusals(|_| Pick::LongestIdle), refusals(Pick::Random));
    assert!(random * 2 < longest_idle, "{random} refusals against {longest_idle}");
}

impl Cluster {
    fn new(pick: fn(u64) -> Pick) -> Self {
        let proxy = |seed| {
            let mut site = Dispatch::new(usize::MAX, pick(seed));
            let keys: Vec<_> = (0..BACKENDS).map(|_| site.add(1)).collect();
            for &key in &keys {
                site.resume(key);
            }
            Proxy { site, keys }
        };
        Self {
            proxies: (0..PROXIES as u64).map(proxy).collect(),
            backends: (0..BACKENDS).map(|_| Backend::default()).collect(),
            ends: BinaryHeap::new(),
            now_us: 0,
            random: Random::new(1),
            refusals: 0,
            replies: 0,
        }
    }

    /// Serves so many requests, at so much of what all backends can do, each through any of the proxies.
    fn serve(&mut self, requests: usize, load: f64) {
        let mean_gap_us = MEAN_RUN_US / (load * BACKENDS as f64);
        let mut arrives_us = 0;
        for id in 0..requests as u64 {
            arrives_us += self.random.exponential(mean_gap_us) as u64;
            while self.ends.peek().is_some_and(|Reverse((ends_us, _))| *ends_us <= arrives_us) {
                self.end_next();
            }
            self.now_us = arrives_us;
            let proxy = self.random.below(PROXIES);
            if let Ok(Placed::Granted(grant)) = self.proxies[proxy].site.submit(id) {
                self.deliver(proxy, grant);
            }
            self.check();
        }
        while !self.ends.is_empty() {
            self.end_next();
        }
        assert_eq!(self.replies, requests, "every request has its reply");
    }

    /// The proxy sends a request; while it is refused, to another backend.
    fn deliver(&mut self, proxy: usize, mut grant: Grant<u64>) {
        for _ in 0..=BACKENDS {
            let backend = &mut self.backends[grant.backend.index()];
            if backend.runs_for.is_none() {
                backend.runs_for = Some(proxy);
                let run_us = self.random.exponential(MEAN_RUN_US) as u64;
                self.ends.push(Reverse((self.now_us + run_us, grant.backend.index())));
                return;
            }
            backend.refused.push(proxy);
            self.refusals += 1;
            match self.proxies[proxy].site.refuse(grant.backend, grant.waiter) {
                Placed::Granted(another) => grant = another,
                Placed::Waiting(_) => return,
            }
        }
        panic!("a backend was asked again before it had a slot");
    }

    /// A backend has replied. It tells the proxy it ran for, and those that it refused, in any order.
    fn end_next(&mut self) {
        let Some(Reverse((now_us, index))) = self.ends.pop() else {
            return;
        };
        self.now_us = now_us;
        self.replies += 1;
        let backend = &mut self.backends[index];
        let owner = backend.runs_for.take();
        let mut told = std::mem::take(&mut backend.refused);
        told.extend(owner);
        while !told.is_empty() {
            let proxy = told.swap_remove(self.random.below(told.len()));
            let Proxy { site, keys } = &mut self.proxies[proxy];
            let grants = if Some(proxy) == owner {
                site.release(keys[index]).into_iter().collect()
            } else {
                site.set_slots(keys[index], 1)
            };
            for grant in grants {
                self.deliver(proxy, grant);
            }
        }
        self.check();
    }

    fn check(&self) {
        let waiting: usize = self.proxies.iter().map(|proxy| proxy.site.waiting()).sum();
        let idle = self.backends.iter().filter(|backend| backend.runs_for.is_none()).count();
        assert!(waiting == 0 || idle == 0, "{waiting} wait beside {idle} idle backends");
    }
}
