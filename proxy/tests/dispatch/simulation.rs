//! Long random lives of a site, by seed: clients come and leave, backends come, drain, crash, refuse and
//! change their slots, and the site is told as the proxy would tell it.
//!
//! `SWIFTIPLY_SEED=n cargo test --test dispatch simulation` plays one seed again.

use std::ops::Range;

use swiftiply::site::{BackendKey, Full, Grant, Pick, Placed, Service};

use crate::model::ModelBackend;
use crate::random::Random;
use crate::twin::Twin;

const SEEDS: Range<u64> = 0..100;
const STEPS: u64 = 3_000;
const BACKENDS_MAX: usize = 12;
const SLOTS_MAX: usize = 6;
/// Steps that a request may wait.
const AGE_MAX: u64 = 300;
/// A replay is one more delivery, at most.
const DELIVERIES_MAX: u32 = 2;

#[test]
fn every_invariant_holds_after_every_step_of_many_random_lives() {
    let seeds = match std::env::var("SWIFTIPLY_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("SWIFTIPLY_SEED is a whole number");
            seed..seed + 1
        }
        Err(_) => SEEDS,
    };
    let mut ends = [0; 6];
    let played = seeds.end - seeds.start;
    for seed in seeds {
        let _told = TellSeed(seed);
        for end in World::live(seed) {
            ends[end as usize] += 1;
        }
    }
    let rare = ends.contains(&0);
    assert!(played == 1 || !rare, "a simulation that never ends in some way tests little: {ends:?}");
}

struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see this again: SWIFTIPLY_SEED={}", self.0);
        }
    }
}

/// How an exchange ended: by the backend's reply, by an error of our own, or without its client.
#[derive(Clone, Copy, Debug)]
enum End {
    Replied,
    QueueFull,
    TooOld,
    SiteGone,
    BackendLost,
    ClientGone,
}

#[derive(Debug)]
struct Request {
    idempotent: bool,
    place: Place,
    deliveries: u32,
    starts: u32,
    /// Whether the app has it, in the delivery that runs now.
    started: bool,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Waiting {
        since: u64,
    },
    /// It has a slot, but its shard has not been told yet, as it had to be woken.
    Granted(BackendKey),
    /// The backend has it. When its client has left, it keeps its slot until the backend is done.
    Running(BackendKey),
}

struct World {
    twin: Twin,
    random: Random,
    requests: Vec<Request>,
    /// Those that have not ended, or still have a slot.
    live: Vec<u64>,
    /// Backends that are no more, whose keys may still turn up.
    gone: Vec<BackendKey>,
    now: u64,
    /// Percentages, changed from time to time so that the site is now idle, now overrun.
    arrivals: usize,
    troubles: usize,
}

impl World {
    fn live(seed: u64) -> Vec<End> {
        let mut random = Random::new(seed);
        let pick = if random.chance(70) { Pick::LongestIdle } else { Pick::Random(seed) };
        let mut world = Self {
            twin: Twin::new(random.below(30), pick),
            random,
            requests: Vec::new(),
            live: Vec::new(),
            gone: Vec::new(),
            now: 0,
            arrivals: 50,
            troubles: 10,
        };
        while world.now < STEPS {
            world.step();
        }
        world.wind_up()
    }

    fn step(&mut self) {
        self.now += 1;
        if self.now % 200 == 1 {
            self.arrivals = 10 + self.random.below(80);
            self.troubles = self.random.below(30);
        }
        self.send_away_the_old();
        match self.random.below(100) {
            roll if roll < self.troubles => self.trouble(),
            _ if self.random.chance(self.arrivals) => self.arrive(),
            _ => self.progress(),
        }
        self.check();
    }

    fn arrive(&mut self) {
        let id = self.requests.len() as u64;
        self.live.push(id);
        self.requests.push(Request {
            idempotent: self.random.chance(60),
            place: Place::Nowhere,
            deliveries: 0,
            starts: 0,
            started: false,
            end: None,
        });
        match self.twin.submit(id) {
            Ok(placed) => self.placed(id, placed),
            Err(Full(id)) => self.end(id, End::QueueFull),
        }
    }

    /// What is on its way gets a little further: a grant is taken up, an app starts, an exchange ends.
    fn progress(&mut self) {
        let busy = self.those(|place| matches!(place, Place::Granted(_) | Place::Running(_)));
        let Some(id) = self.random.one_of(&busy) else {
            return;
        };
        let request = &mut self.requests[id as usize];
        match request.place {
            Place::Granted(key) if request.end.is_some() => self.release(id, key),
            Place::Granted(key) => {
                request.place = Place::Running(key);
                request.deliveries += 1;
            }
            Place::Running(_) if !request.started => {
                request.started = true;
                request.starts += 1;
            }
            Place::Running(key) => {
                self.release(id, key);
                self.end_unless_gone(id, End::Replied);
            }
            Place::Nowhere | Place::Waiting { .. } => unreachable!("{request:?} has no slot"),
        }
    }

    fn trouble(&mut self) {
        let mut keys: Vec<_> = self.twin.model.backends.iter().map(|backend| backend.key).collect();
        keys.extend(self.gone.last());
        let backend = self.random.one_of(&keys);
        match (self.random.below(20), backend) {
            (0..=2, _) => self.connect(),
            (3..=6, _) => self.client_leaves(),
            (7, _) if self.random.chance(5) => self.turn_away(),
            (8, _) => self.twin.set_queue_max(self.random.below(30)),
            (9, Some(key)) => self.twin.drain(key),
            (10, Some(key)) => self.crash(key),
            (11, Some(key)) => self.twin.suspend(key),
            (12..=14, Some(key)) => {
                let grants = self.twin.resume(key);
                self.granted(grants);
            }
            (15..=16, Some(key)) => {
                let slots = self.random.below(SLOTS_MAX + 1) as u16;
                let grants = self.twin.set_slots(key, slots);
                self.granted(grants);
            }
            (17..=18, _) => self.refuse(),
            (19, _) => self.drained_backends_leave(),
            _ => {}
        }
    }

    fn connect(&mut self) {
        if self.twin.model.backends.len() < BACKENDS_MAX {
            let slots = self.random.below(SLOTS_MAX + 1) as u16;
            let key = self.twin.add(slots);
            if self.random.chance(80) {
                let grants = self.twin.resume(key);
                self.granted(grants);
            }
        }
    }

    /// Waiting, it is out at once. Otherwise whoever has the slot must give it back.
    fn client_leaves(&mut self) {
        let present: Vec<_> = self.ids(|request| request.end.is_none());
        let Some(id) = self.random.one_of(&present) else {
            return;
        };
        let waited = matches!(self.requests[id as usize].place, Place::Waiting { .. });
        assert_eq!(self.twin.leave(id).is_some(), waited);
        if waited {
            self.requests[id as usize].place = Place::Nowhere;
        }
        self.end(id, End::ClientGone);
    }

    fn send_away_the_old(&mut self) {
        let now = self.now;
        for id in self.those(|place| matches!(place, Place::Waiting { since } if now - since >= AGE_MAX)) {
            assert_eq!(self.twin.leave(id), Some(id));
            self.requests[id as usize].place = Place::Nowhere;
            self.end(id, End::TooOld);
        }
    }

    fn turn_away(&mut self) {
        for id in self.twin.turn_away() {
            self.requests[id as usize].place = Place::Nowhere;
            self.end(id, End::SiteGone);
        }
    }

    fn refuse(&mut self) {
        let refusable = self.ids(|request| {
            matches!(request.place, Place::Running(_)) && !request.started && request.end.is_none()
        });
        let Some(id) = self.random.one_of(&refusable) else {
            return;
        };
        if let Place::Running(key) = self.requests[id as usize].place {
            self.requests[id as usize].deliveries -= 1;
            let placed = self.twin.refuse(key, id);
            self.placed(id, placed);
        }
    }

    /// Promise 4: what the app had not started is replayed; what it had, only if idempotent; and not for ever.
    fn crash(&mut self, key: BackendKey) {
        self.gone.push(key);
        for id in self.twin.remove(key) {
            let request = &mut self.requests[id as usize];
            request.place = Place::Nowhere;
            let safe = request.idempotent || !request.started;
            request.started = false;
            if request.end.is_some() {
                continue;
            }
            if safe && request.deliveries < DELIVERIES_MAX {
                let placed = self.twin.resubmit_first(id);
                self.placed(id, placed);
            } else {
                self.end(id, End::BackendLost);
            }
        }
        assert_eq!(self.twin.release(key, u64::MAX), None, "a late release does nothing");
    }

    fn drained_backends_leave(&mut self) {
        let drained: Vec<_> = self
            .twin
            .model
            .backends
            .iter()
            .filter(|backend| backend.service == Service::Draining && backend.in_flight.is_empty())
            .map(|backend| backend.key)
            .collect();
        for key in drained {
            assert_eq!(self.twin.remove(key), Vec::<u64>::new());
        }
    }

    fn release(&mut self, id: u64, key: BackendKey) {
        self.requests[id as usize].place = Place::Nowhere;
        let grant = self.twin.release(key, id);
        self.granted(grant);
    }

    fn placed(&mut self, id: u64, placed: Placed<u64>) {
        match placed {
            Placed::Granted(grant) => self.granted([grant]),
            Placed::Waiting(_) => {
                self.requests[id as usize].place = Place::Waiting { since: self.now };
            }
        }
    }

    fn granted(&mut self, grants: impl IntoIterator<Item = Grant<u64>>) {
        for grant in grants {
            let request = &mut self.requests[grant.waiter as usize];
            assert!(request.end.is_none(), "dispatched after its end: {request:?}");
            request.place = Place::Granted(grant.backend);
        }
    }

    fn end(&mut self, id: u64, end: End) {
        let request = &mut self.requests[id as usize];
        assert!(request.end.is_none(), "{end:?} is a second end: {request:?}");
        request.end = Some(end);
    }

    fn end_unless_gone(&mut self, id: u64, end: End) {
        if self.requests[id as usize].end.is_none() {
            self.end(id, end);
        }
    }

    fn those(&self, holds: impl Fn(Place) -> bool) -> Vec<u64> {
        self.ids(|request| holds(request.place))
    }

    fn ids(&self, holds: impl Fn(&Request) -> bool) -> Vec<u64> {
        let live = self.live.iter().copied();
        live.filter(|&id| holds(&self.requests[id as usize])).collect()
    }

    /// The site's own numbers are compared by the twin; here, that they agree with the requests' own lives.
    fn check(&mut self) {
        let (mut waiting, mut running) = (Vec::new(), Vec::new());
        for &id in &self.live {
            let request = &self.requests[id as usize];
            assert!(request.idempotent || request.starts <= 1, "started twice: {request:?}");
            assert!(request.deliveries <= DELIVERIES_MAX, "{request:?}");
            match request.place {
                Place::Nowhere => assert!(request.end.is_some(), "forgotten: {request:?}"),
                Place::Granted(key) | Place::Running(key) => running.push((key, id)),
                Place::Waiting { since } => {
                    assert!(request.end.is_none(), "ended, and in the queue: {request:?}");
                    assert!(self.now - since <= AGE_MAX, "too old: {request:?}");
                    waiting.push(id);
                }
            }
        }
        self.check_site(waiting, running);
        let requests = &self.requests;
        self.live.retain(|&id| !matches!(requests[id as usize].place, Place::Nowhere));
    }

    fn check_site(&self, waiting: Vec<u64>, mut running: Vec<(BackendKey, u64)>) {
        let model = &self.twin.model;
        let mut queued: Vec<_> = model.waiting.iter().map(|waiting| waiting.id).collect();
        queued.sort_unstable();
        assert_eq!(queued, waiting);
        let runs = |backend: &ModelBackend| {
            let key = backend.key;
            backend.in_flight.clone().into_iter().map(move |id| (key, id))
        };
        let mut in_flight: Vec<_> = model.backends.iter().flat_map(runs).collect();
        in_flight.sort_unstable();
        running.sort_unstable();
        assert_eq!(in_flight, running);
    }

    /// No more clients and no more trouble: everything comes to an end, and the site is empty.
    fn wind_up(mut self) -> Vec<End> {
        while !self.live.is_empty() {
            self.now += 1;
            self.send_away_the_old();
            self.progress();
            self.check();
        }
        assert_eq!(self.twin.model.waiting, []);
        let ends = self.requests.iter().map(|request| request.end);
        ends.map(|end| end.expect("every accepted request ends")).collect()
    }
}
