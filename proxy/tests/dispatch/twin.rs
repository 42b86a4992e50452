//! The real dispatch and the model, called together and compared after every call.

use std::collections::BTreeMap;

use swiftiply::site::{BackendKey, Counts, Dispatch, Full, Grant, Pick, Placed, Service, Ticket};

use crate::model::Model;

#[derive(Clone)]
pub struct Twin {
    real: Dispatch<u64>,
    pub model: Model,
    /// The latest ticket of each request, kept when it is spent: leaving with it must do nothing.
    tickets: BTreeMap<u64, Ticket>,
}

impl Twin {
    pub fn new(queue_max: usize, pick: Pick) -> Self {
        Self {
            real: Dispatch::new(queue_max, pick),
            model: Model::new(queue_max, pick),
            tickets: BTreeMap::new(),
        }
    }

    pub fn submit(&mut self, id: u64) -> Result<Placed<u64>, Full<u64>> {
        let placed = self.real.submit(id);
        match placed {
            Ok(placed) => self.placed(id, placed, false),
            Err(Full(returned)) => {
                assert_eq!(returned, id);
                assert_eq!(self.model.free(), 0, "turned away beside a free slot");
                assert!(self.model.waiting.len() >= self.model.queue_max);
            }
        }
        self.check();
        placed
    }

    pub fn resubmit_first(&mut self, id: u64) -> Placed<u64> {
        let placed = self.real.resubmit_first(id);
        self.placed(id, placed, true);
        self.check();
        placed
    }

    pub fn leave(&mut self, id: u64) -> Option<u64> {
        let left = self.tickets.get(&id).and_then(|&ticket| self.real.leave(ticket));
        let place = self.model.waiting.iter().position(|waiting| waiting.id == id);
        assert_eq!(left, place.map(|_| id), "out of the queue at once, and only from it");
        if let Some(place) = place {
            self.model.waiting.remove(place);
        }
        self.check();
        left
    }

    pub fn release(&mut self, key: BackendKey, id: u64) -> Option<Grant<u64>> {
        let grant = self.real.release(key);
        self.model.change(key, |backend| backend.in_flight.retain(|&other| other != id));
        self.model.hand_over(grant.as_slice());
        self.check();
        grant
    }

    pub fn refuse(&mut self, key: BackendKey, id: u64) -> Placed<u64> {
        let placed = self.real.refuse(key, id);
        self.model.change(key, |backend| {
            backend.in_flight.retain(|&other| other != id);
            backend.limit = backend.limit.min(backend.in_flight.len() as u16);
        });
        self.placed(id, placed, true);
        self.check();
        placed
    }

    pub fn turn_away(&mut self) -> Vec<u64> {
        let away = self.real.turn_away();
        let expected: Vec<_> = self.model.waiting.drain(..).map(|waiting| waiting.id).collect();
        assert_eq!(away, expected);
        self.check();
        away
    }

    pub fn set_queue_max(&mut self, queue_max: usize) {
        self.real.set_queue_max(queue_max);
        self.model.queue_max = queue_max;
    }

    pub fn add(&mut self, slots: u16) -> BackendKey {
        let key = self.real.add(slots);
        self.model.add(key, slots);
        self.check();
        key
    }

    pub fn resume(&mut self, key: BackendKey) -> Vec<Grant<u64>> {
        let grants = self.real.resume(key);
        self.model.enter(key, Service::In);
        self.model.hand_over(&grants);
        self.check();
        grants
    }

    pub fn set_slots(&mut self, key: BackendKey, slots: u16) -> Vec<Grant<u64>> {
        let grants = self.real.set_slots(key, slots);
        self.model.change(key, |backend| {
            backend.slots = slots;
            backend.limit = slots;
        });
        self.model.hand_over(&grants);
        self.check();
        grants
    }

    pub fn suspend(&mut self, key: BackendKey) {
        self.real.suspend(key);
        self.model.enter(key, Service::Suspended);
        self.check();
    }

    pub fn drain(&mut self, key: BackendKey) {
        self.real.drain(key);
        self.model.enter(key, Service::Draining);
        self.check();
    }

    /// Returns the requests that lost their slot.
    pub fn remove(&mut self, key: BackendKey) -> Vec<u64> {
        let removed = self.real.remove(key).map(|backend| usize::from(backend.in_flight));
        let place = self.model.backends.iter().position(|backend| backend.key == key);
        let lost = place.map(|place| self.model.backends.remove(place).in_flight);
        assert_eq!(removed, lost.as_ref().map(Vec::len));
        self.check();
        lost.unwrap_or_default()
    }

    fn placed(&mut self, id: u64, placed: Placed<u64>, returned: bool) {
        match placed {
            Placed::Granted(grant) => {
                assert_eq!(grant.waiter, id);
                assert!(self.model.waiting.is_empty(), "{id} overtook the queue");
                self.model.grant(id, grant.backend);
            }
            Placed::Waiting(ticket) => {
                let room = self.model.waiting.len() < self.model.queue_max;
                assert!(returned || room, "the queue is longer than its limit");
                self.tickets.insert(id, ticket);
                self.model.wait(id, returned);
            }
        }
    }

    /// What HTTP.md asks after every step, and that both agree on every number.
    fn check(&self) {
        let counts = self.real.counts();
        assert!(counts.waiting == 0 || counts.free == 0, "a request waits beside a free slot");
        assert_eq!(counts.slots, counts.free + counts.busy + counts.withheld);
        assert_eq!(counts, self.expected_counts());
        assert_eq!(self.real.waiting(), counts.waiting);
        for expected in &self.model.backends {
            let backend = self.real.backend(expected.key).expect("it was not removed");
            assert_eq!(usize::from(backend.in_flight), expected.in_flight.len());
            assert_eq!(usize::from(backend.free()), expected.free());
            assert_eq!((backend.slots, backend.limit), (expected.slots, expected.limit));
            assert_eq!(backend.service, expected.service);
        }
    }

    fn expected_counts(&self) -> Counts {
        let backends = &self.model.backends;
        let sum = |of: fn(&crate::model::ModelBackend) -> usize| backends.iter().map(of).sum();
        let slots: usize = sum(|backend| backend.slots.into());
        let busy: usize = sum(|backend| backend.in_flight.len().min(backend.slots.into()));
        Counts {
            waiting: self.model.waiting.len(),
            backends: backends.len(),
            in_service: sum(|backend| (backend.service == Service::In).into()),
            slots,
            in_flight: sum(|backend| backend.in_flight.len()),
            busy,
            free: self.model.free(),
            withheld: slots - busy - self.model.free(),
        }
    }
}
