//! Exact dispatch: a request goes to a backend only when that backend has a free slot.

use super::backends::{Backend, BackendKey, Backends, Pick, Service};
use super::queue::{Queue, Ticket};

/// The backends and the queue of one site. `T` is what the caller needs to wake a waiting request.
///
/// Every slot that is granted, at once or later, must be given back exactly once: with
/// [`release`](Self::release) when the exchange has ended, with [`refuse`](Self::refuse) when the
/// backend would not take it, or with [`remove`](Self::remove), which gives back all of a backend.
///
/// After each call: *queue not empty ⇒ no backend in service has a free slot.*
///
/// Calls with the key of a backend that is gone do nothing, because an exchange may well learn of the
/// death of its backend later than the site does.
///
/// ```
/// use swiftiply::site::{Dispatch, Pick, Placed};
///
/// let mut site = Dispatch::new(1000, Pick::LongestIdle);
/// let backend = site.add(1);
/// assert!(site.resume(backend).is_empty(), "nobody waits yet");
///
/// let Ok(Placed::Granted(first)) = site.submit("first") else { panic!() };
/// let Ok(Placed::Waiting(_)) = site.submit("second") else { panic!() };
/// let handed_over = site.release(first.backend).unwrap();
/// assert_eq!(handed_over.waiter, "second");
/// ```
#[derive(Clone, Debug)]
pub struct Dispatch<T> {
    backends: Backends,
    queue: Queue<T>,
    queue_max: usize,
}

/// A slot of `backend` now belongs to `waiter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant<T> {
    /// Who has it.
    pub waiter: T,
    /// Whose slot it is, and must be given back to.
    pub backend: BackendKey,
}

/// Where a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed<T> {
    /// It has a slot.
    Granted(Grant<T>),
    /// It stands in the queue; a later call returns its grant, unless it leaves.
    Waiting(Ticket),
}

/// The queue has no room for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// How a site stands. `slots = free + busy + withheld`, and `busy` is `in_flight` but for backends whose
/// slots were lowered below what they are running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests in the queue.
    pub waiting: usize,
    /// Backends known, in service or not.
    pub backends: usize,
    /// Backends in service.
    pub in_service: usize,
    /// Slots announced by all backends.
    pub slots: usize,
    /// Requests that have a slot.
    pub in_flight: usize,
    /// Slots that have a request.
    pub busy: usize,
    /// Slots that the next request could have.
    pub free: usize,
    /// Slots without a request that get none: their backend drains, is suspended, or has refused.
    pub withheld: usize,
}

/// Requests.
impl<T> Dispatch<T> {
    /// A site without backends. At most `queue_max` new requests wait; nought means that none does.
    pub fn new(queue_max: usize, pick: Pick) -> Self {
        Self { backends: Backends::new(pick), queue: Queue::new(), queue_max }
    }

    /// A new request: it takes a slot, or the last place in the queue.
    pub fn submit(&mut self, waiter: T) -> Result<Placed<T>, Full<T>> {
        match self.backends.occupy_next() {
            Some(backend) => Ok(Placed::Granted(Grant { waiter, backend })),
            None if self.queue.len() >= self.queue_max => Err(Full(waiter)),
            None => Ok(Placed::Waiting(self.queue.join(waiter))),
        }
    }

    /// A request that had a slot and lost it with its backend: it takes a slot, or a place before all
    /// new requests, behind others that came back earlier.
    ///
    /// Take the backend out first ([`remove`](Self::remove) or [`suspend`](Self::suspend)), or the
    /// request may go there again. The queue is never full for it: it was accepted once, and no more
    /// can come back than had a slot.
    pub fn resubmit_first(&mut self, waiter: T) -> Placed<T> {
        match self.backends.occupy_next() {
            Some(backend) => Placed::Granted(Grant { waiter, backend }),
            None => Placed::Waiting(self.queue.rejoin(waiter)),
        }
    }

    /// The client has left, or has waited too long. `None`: its request has had its grant, or is on its
    /// way to it, and whoever gets the grant must release it.
    pub fn leave(&mut self, ticket: Ticket) -> Option<T> {
        self.queue.leave(ticket)
    }

    /// An exchange has ended. Its slot is handed to the first waiting request, if the backend is in service.
    pub fn release(&mut self, key: BackendKey) -> Option<Grant<T>> {
        let backend = self.backends.get(key)?;
        debug_assert!(backend.in_flight > 0, "a slot was released twice");
        // With a queue no other slot is free, so the request that is next takes over this very slot and
        // the order of the backends stays as it is.
        if self.queue.len() > 0 && backend.takes_over() {
            let waiter = self.queue.next()?;
            return Some(Grant { waiter, backend: key });
        }
        self.backends.change(key, Backend::release);
        None
    }

    /// The backend would not take a request, because other proxies fill its slots: it gets no more than it has beside
    /// that until it announces its slots again ([`set_slots`](Self::set_slots)), which a backend that has refused must do
    /// once a slot is free. The request still has its slot: [`give_back`](Self::give_back).
    pub fn withhold(&mut self, key: BackendKey) {
        self.backends.change(key, |backend| {
            backend.limit = backend.limit.min(backend.in_flight.saturating_sub(1));
        });
    }

    /// A request that was refused gives its slot back and is placed as by [`resubmit_first`](Self::resubmit_first).
    pub fn give_back(&mut self, key: BackendKey, waiter: T) -> Placed<T> {
        self.backends.change(key, Backend::release);
        self.resubmit_first(waiter)
    }

    /// Both at once, where nothing comes between them.
    pub fn refuse(&mut self, key: BackendKey, waiter: T) -> Placed<T> {
        self.withhold(key);
        self.give_back(key, waiter)
    }

    /// Empties the queue, first in first out: the site is going away.
    pub fn turn_away(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.queue.next()).collect()
    }

    /// Changes how many new requests may wait. Those that wait already stay.
    pub fn set_queue_max(&mut self, queue_max: usize) {
        self.queue_max = queue_max;
    }
}

/// Backends.
impl<T> Dispatch<T> {
    /// A backend was accepted. It is suspended until [`resume`](Self::resume), when its links are up.
    pub fn add(&mut self, slots: u16) -> BackendKey {
        self.backends.add(slots)
    }

    /// The backend is in service (again), unless it drains. Returns all slots that this granted.
    pub fn resume(&mut self, key: BackendKey) -> Vec<Grant<T>> {
        self.enter(key, Service::In);
        self.grant_free_slots()
    }

    /// The backend gets nothing until it is resumed; what it has goes on.
    pub fn suspend(&mut self, key: BackendKey) {
        self.enter(key, Service::Suspended);
    }

    /// The backend announces its slots: more, fewer, or the same after a refusal. What it has goes on,
    /// even if that is more than `slots` now. Returns all slots that this granted.
    pub fn set_slots(&mut self, key: BackendKey, slots: u16) -> Vec<Grant<T>> {
        self.backends.change(key, |backend| {
            backend.slots = slots;
            backend.limit = slots;
        });
        self.grant_free_slots()
    }

    /// The backend gets nothing new, ever; what it has goes on.
    pub fn drain(&mut self, key: BackendKey) {
        self.enter(key, Service::Draining);
    }

    /// The backend is gone, and all its slots with it. Returns how it stood; its exchanges need no
    /// release, and one that comes late does no harm.
    pub fn remove(&mut self, key: BackendKey) -> Option<Backend> {
        self.backends.remove(key)
    }

    /// How one backend stands.
    pub fn backend(&self, key: BackendKey) -> Option<&Backend> {
        self.backends.get(key)
    }

    /// Changes which of several equally busy backends is next.
    pub fn set_pick(&mut self, pick: Pick) {
        self.backends.set_pick(pick);
    }

    /// Requests in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How the site stands; looks at each backend, so not for every request.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { waiting: self.queue.len(), ..Counts::default() };
        for backend in self.backends.all() {
            let busy = backend.in_flight.min(backend.slots);
            counts.backends += 1;
            counts.in_service += usize::from(backend.service == Service::In);
            counts.slots += usize::from(backend.slots);
            counts.in_flight += usize::from(backend.in_flight);
            counts.busy += usize::from(busy);
            counts.free += usize::from(backend.free());
            counts.withheld += usize::from(backend.slots - busy - backend.free());
        }
        counts
    }

    fn enter(&mut self, key: BackendKey, service: Service) {
        let changes = |backend: &Backend| backend.service != Service::Draining && backend.service != service;
        if self.backends.get(key).is_some_and(changes) {
            self.backends.change(key, |backend| backend.service = service);
        }
    }

    fn grant_free_slots(&mut self) -> Vec<Grant<T>> {
        let mut grants = Vec::new();
        while self.queue.len() > 0
            && let Some(backend) = self.backends.occupy_next()
            && let Some(waiter) = self.queue.next()
        {
            grants.push(Grant { waiter, backend });
        }
        grants
    }
}
