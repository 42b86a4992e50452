//! The rules of dispatch once more, as plainly as they can be said, and slowly.

use swiftiply::site::{BackendKey, Grant, Pick, Service};

#[derive(Clone)]
pub struct Model {
    pub backends: Vec<ModelBackend>,
    /// Front to back.
    pub waiting: Vec<Waiting>,
    pub queue_max: usize,
    pub pick: Pick,
    tick: u64,
}

#[derive(Clone, Debug)]
pub struct ModelBackend {
    pub key: BackendKey,
    pub slots: u16,
    pub limit: u16,
    /// Who runs there, so that a slot that is given back must have been taken.
    pub in_flight: Vec<u64>,
    pub service: Service,
    since: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waiting {
    pub id: u64,
    pub returned: bool,
}

/// All that matters of a model's state: two models with the same shape behave the same.
pub type Shape = (Vec<(u16, u16, usize, Service)>, Vec<bool>);

impl ModelBackend {
    pub fn free(&self) -> usize {
        if self.service != Service::In {
            return 0;
        }
        usize::from(self.limit).saturating_sub(self.in_flight.len())
    }

    /// in_flight / slots, compared as fractions.
    fn less_busy_than(&self, other: &Self) -> bool {
        let left = self.in_flight.len() * usize::from(other.slots);
        left < other.in_flight.len() * usize::from(self.slots)
    }
}

impl Model {
    pub fn new(queue_max: usize, pick: Pick) -> Self {
        Self { backends: Vec::new(), waiting: Vec::new(), queue_max, pick, tick: 0 }
    }

    pub fn add(&mut self, key: BackendKey, slots: u16) {
        assert!(self.find(key).is_none(), "a key was issued twice");
        self.backends.push(ModelBackend {
            key,
            slots,
            limit: slots,
            in_flight: Vec::new(),
            service: Service::Suspended,
            since: 0,
        });
    }

    pub fn find(&self, key: BackendKey) -> Option<&ModelBackend> {
        self.backends.iter().find(|backend| backend.key == key)
    }

    pub fn change(&mut self, key: BackendKey, change: impl FnOnce(&mut ModelBackend)) {
        self.tick += 1;
        let tick = self.tick;
        let same = |backend: &&mut ModelBackend| backend.key == key;
        if let Some(backend) = self.backends.iter_mut().find(same) {
            change(backend);
            backend.since = tick;
        }
    }

    pub fn enter(&mut self, key: BackendKey, service: Service) {
        let now = self.find(key).map(|backend| backend.service);
        if now.is_some_and(|now| now != Service::Draining && now != service) {
            self.change(key, |backend| backend.service = service);
        }
    }

    pub fn free(&self) -> usize {
        self.backends.iter().map(ModelBackend::free).sum()
    }

    /// The real thing gave `id` a slot there: was that one of those that the rules allow?
    pub fn grant(&mut self, id: u64, key: BackendKey) {
        let allowed = self.next_backends();
        assert!(
            allowed.contains(&key),
            "{id} went to {key:?}, but {allowed:?} is next of {:?}",
            self.backends
        );
        self.change(key, |backend| backend.in_flight.push(id));
    }

    /// The real thing handed slots over: to the first waiting, for as long as there are both?
    pub fn hand_over(&mut self, grants: &[Grant<u64>]) {
        for grant in grants {
            assert!(!self.waiting.is_empty(), "{grant:?}, but nobody waits");
            let first = self.waiting.remove(0);
            assert_eq!(grant.waiter, first.id, "first in, first out");
            self.grant(grant.waiter, grant.backend);
        }
    }

    pub fn wait(&mut self, id: u64, returned: bool) {
        let place = if returned {
            self.waiting.iter().take_while(|other| other.returned).count()
        } else {
            self.waiting.len()
        };
        self.waiting.insert(place, Waiting { id, returned });
    }

    pub fn shape(&self) -> Shape {
        let mut backends: Vec<_> = self.backends.iter().collect();
        backends.sort_by_key(|backend| backend.since);
        let backends = backends.into_iter().map(|backend| {
            let ModelBackend { slots, limit, in_flight, service, .. } = backend;
            (*slots, *limit, in_flight.len(), *service)
        });
        let waiting = self.waiting.iter().map(|waiting| waiting.returned);
        (backends.collect(), waiting.collect())
    }

    /// The least busy; and of them the longest idle, unless the pick is random.
    fn next_backends(&self) -> Vec<BackendKey> {
        let free = || self.backends.iter().filter(|backend| backend.free() > 0);
        let mut least: Vec<_> =
            free().filter(|backend| !free().any(|other| other.less_busy_than(backend))).collect();
        least.sort_by_key(|backend| backend.since);
        if self.pick == Pick::LongestIdle {
            least.truncate(1);
        }
        least.into_iter().map(|backend| backend.key).collect()
    }
}
