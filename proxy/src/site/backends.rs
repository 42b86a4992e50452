//! What is known of each backend of a site, and which of them is next.

use super::ready::{Load, Ready};

/// Names one backend of one site for as long as it stays; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendKey {
    index: u32,
    serial: u32,
}

impl BackendKey {
    /// A small number, reused after the backend is gone: a caller may keep its links in a `Vec` by it.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What is known of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Requests it can run at once, as it announced.
    pub slots: u16,
    /// Requests it has from us. More than `slots` only after `slots` was lowered.
    pub in_flight: u16,
    /// Requests it will take from us: `slots`, or less since it refused one.
    pub limit: u16,
    /// Whether it gets new requests.
    pub service: Service,
}

/// Whether a backend gets new requests.
///
/// ```text
/// add ──► Suspended ◄──suspend/resume──► In
///             └──────────drain─────────────┴──► Draining (until it is removed)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// It does.
    In,
    /// Not now: its links are not all up, or its pings are late. What it has goes on.
    Suspended,
    /// Never again. What it has goes on.
    Draining,
}

impl Backend {
    /// The requests it would take at this moment.
    pub fn free(&self) -> u16 {
        match self.service {
            Service::In => self.limit.saturating_sub(self.in_flight),
            Service::Suspended | Service::Draining => 0,
        }
    }

    /// Whether it would take another request as soon as one of its own has ended.
    pub(super) fn takes_over(&self) -> bool {
        self.service == Service::In && (1..=self.limit).contains(&self.in_flight)
    }

    /// One of its requests has ended.
    pub(super) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

/// Which of several equally busy backends is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The one that has stood at this load for longest. Right when this proxy is the only one.
    LongestIdle,
    /// Any, by a generator started from this seed. Several proxies that share backends would otherwise
    /// pick in much the same order, and run into each other.
    Random(u64),
}

#[derive(Clone, Debug)]
pub(super) struct Backends {
    known: Vec<Option<Known>>,
    vacant: Vec<u32>,
    ready: Ready,
    pick: Pick,
    /// Counts changes of load: the only notion of time here.
    tick: u64,
    serial: u32,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    serial: u32,
    backend: Backend,
}

/// Draws before a random pick settles for the longest idle backend. All draws miss only if few of the
/// backends with a free slot are among the least busy; with single-slot backends the first one hits.
const DRAWS_MAX: u32 = 8;

impl Backends {
    pub(super) fn new(pick: Pick) -> Self {
        Self { known: Vec::new(), vacant: Vec::new(), ready: Ready::default(), pick, tick: 0, serial: 0 }
    }

    pub(super) fn set_pick(&mut self, pick: Pick) {
        self.pick = pick;
    }

    /// Adds a backend, suspended.
    pub(super) fn add(&mut self, slots: u16) -> BackendKey {
        self.serial += 1;
        let known = Some(Known {
            serial: self.serial,
            backend: Backend { slots, in_flight: 0, limit: slots, service: Service::Suspended },
        });
        let index = self.vacant.pop().unwrap_or(self.known.len() as u32);
        match self.known.get_mut(index as usize) {
            Some(place) => *place = known,
            None => self.known.push(known),
        }
        BackendKey { index, serial: self.serial }
    }

    pub(super) fn get(&self, key: BackendKey) -> Option<&Backend> {
        let known = self.known.get(key.index())?.as_ref()?;
        (known.serial == key.serial).then_some(&known.backend)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Backend> {
        self.known.iter().flatten().map(|known| &known.backend)
    }

    /// Takes a slot of the backend that is next, if any has one.
    pub(super) fn occupy_next(&mut self) -> Option<BackendKey> {
        let index = self.next()?;
        let serial = self.known[index as usize].as_ref()?.serial;
        let key = BackendKey { index, serial };
        self.change(key, |backend| backend.in_flight += 1);
        Some(key)
    }

    /// Changes one backend, and with it its place in the order. `None` if it is gone.
    pub(super) fn change<R>(&mut self, key: BackendKey, change: impl FnOnce(&mut Backend) -> R) -> Option<R> {
        let known = self.known.get_mut(key.index())?.as_mut()?;
        if known.serial != key.serial {
            return None;
        }
        let backend = &mut known.backend;
        let result = change(backend);
        self.tick += 1;
        if backend.free() > 0 {
            let load = Load::of(backend.in_flight, backend.slots);
            self.ready.place(key.index, load, self.tick);
        } else {
            self.ready.take_out(key.index);
        }
        Some(result)
    }

    /// Forgets a backend and gives back what was known of it.
    pub(super) fn remove(&mut self, key: BackendKey) -> Option<Backend> {
        let backend = *self.get(key)?;
        self.known[key.index()] = None;
        self.vacant.push(key.index);
        self.ready.take_out(key.index);
        Some(backend)
    }

    fn next(&mut self) -> Option<u32> {
        let first = self.ready.first()?;
        let Pick::Random(state) = &mut self.pick else {
            return Some(first);
        };
        let ready = &self.ready;
        let drawn = (0..DRAWS_MAX).find_map(|_| {
            let position = draw(state) % ready.len() as u64;
            ready.equal_to_first_at(position as usize)
        });
        Some(drawn.unwrap_or(first))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): good for any seed, nought included.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
