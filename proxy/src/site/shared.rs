//! A site as all shards see it: its dispatch and its roster of backends behind one short lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::waiter::{Outcome, Waiter};
use super::{BackendKey, Counts, Dispatch, Full, Grant, Pick, Placed, Ticket};

/// One site. Its settings may change by a reload; its backends, its queue and its identity stay.
#[derive(Debug)]
pub struct Site {
    id: u64,
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dispatch: Dispatch<Arc<Waiter>>,
    roster: HashMap<BackendId, Member>,
    closed: bool,
}

/// What a backend calls itself, the same on all its links.
pub type BackendId = [u8; 16];

/// One backend of the roster: in service while all its links are up.
#[derive(Debug)]
struct Member {
    key: BackendKey,
    /// By shard; the serial number of the link that is up there.
    links: Vec<Option<u64>>,
}

impl Member {
    fn is_whole(&self) -> bool {
        self.links.iter().all(Option::is_some)
    }

    fn is_empty(&self) -> bool {
        self.links.iter().all(Option::is_none)
    }
}

/// A slot of a backend, given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    site: Arc<Site>,
    key: BackendKey,
    is_given_back: bool,
}

impl Slot {
    fn new(site: &Arc<Site>, key: BackendKey) -> Self {
        Self { site: site.clone(), key, is_given_back: false }
    }

    /// Whose slot it is.
    pub fn backend(&self) -> BackendKey {
        self.key
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.site.release(self.key);
        }
    }
}

/// What a link that came up means for its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUp {
    /// It was the last one missing: the backend is in service.
    InService,
    /// The backend owes other shards theirs.
    OthersMissing,
    /// The backend's other links all went down since it was enlisted under this number: it must dial anew.
    Outdated,
}

/// What became of a request that asked for a slot.
#[derive(Debug)]
pub enum Asked {
    /// It has one.
    Granted(Slot),
    /// It stands in the queue.
    Waiting(Waiting),
    /// The queue is full.
    Full,
    /// The site was removed from the configuration.
    Closed,
}

/// A request in the queue. Dropped, it has left, and whatever was granted meanwhile is given back.
#[derive(Debug)]
pub struct Waiting {
    site: Arc<Site>,
    ticket: Ticket,
    waiter: Arc<Waiter>,
}

impl Waiting {
    /// Ready with the slot, or with `None` if the site went away.
    pub fn poll(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Slot>> {
        self.waiter.poll(cx).map(|outcome| match outcome {
            Outcome::Granted(key) => Some(Slot::new(&self.site, key)),
            Outcome::TurnedAway => None,
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Under the site's lock a request is either in the queue or its waiter has been told: nothing falls between.
        self.site.lock().dispatch.leave(self.ticket);
        if let Some(Outcome::Granted(key)) = self.waiter.stop() {
            self.site.release(key);
        }
    }
}

impl Site {
    /// A site without backends. At most `queue_max` requests wait.
    pub fn new(name: &str, queue_max: usize) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            state: Mutex::new(State {
                dispatch: Dispatch::new(queue_max, Pick::LongestIdle),
                roster: HashMap::new(),
                closed: false,
            }),
        })
    }

    /// Unique in this process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name when it was created; logs use the configuration's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new request asks for a slot.
    pub fn ask(self: &Arc<Self>, waiter: &Arc<Waiter>) -> Asked {
        let mut state = self.lock();
        if state.closed {
            return Asked::Closed;
        }
        match state.dispatch.submit(waiter.clone()) {
            Ok(placed) => self.placed(placed, waiter),
            Err(Full(_)) => Asked::Full,
        }
    }

    /// A request that lost its backend asks again; it comes before all new ones.
    pub fn ask_again(self: &Arc<Self>, waiter: &Arc<Waiter>) -> Asked {
        let mut state = self.lock();
        if state.closed {
            return Asked::Closed;
        }
        let placed = state.dispatch.resubmit_first(waiter.clone());
        self.placed(placed, waiter)
    }

    /// A backend has refused a request. To be said before anything that it says next is acted upon: that may be word of a
    /// free slot.
    pub fn withhold(&self, key: BackendKey) {
        self.lock().dispatch.withhold(key);
    }

    /// A backend would not take this request, which asks again.
    pub fn ask_after_refusal(self: &Arc<Self>, mut slot: Slot, waiter: &Arc<Waiter>) -> Asked {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return Asked::Closed;
        }
        slot.is_given_back = true;
        let placed = state.dispatch.give_back(slot.key, waiter.clone());
        self.placed(placed, waiter)
    }

    fn placed(self: &Arc<Self>, placed: Placed<Arc<Waiter>>, waiter: &Arc<Waiter>) -> Asked {
        match placed {
            Placed::Granted(grant) => Asked::Granted(Slot::new(self, grant.backend)),
            Placed::Waiting(ticket) => {
                Asked::Waiting(Waiting { site: self.clone(), ticket, waiter: waiter.clone() })
            }
        }
    }

    fn release(&self, key: BackendKey) {
        let waker = self.lock().dispatch.release(key).and_then(tell);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The number of this backend, which has brought a link; it gets one if it is new. It is in service once a link is
    /// up on each of `shards`. `None` if the site was removed.
    pub fn enlist(&self, backend: BackendId, slots: u16, shards: usize) -> Option<BackendKey> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        let State { dispatch, roster, .. } = &mut *state;
        let member = roster
            .entry(backend)
            .or_insert_with(|| Member { key: dispatch.add(slots), links: vec![None; shards] });
        Some(member.key)
    }

    /// The link is in its shard's table: requests may be sent on it.
    pub fn link_up(&self, backend: BackendId, key: BackendKey, shard: usize, serial: u64) -> LinkUp {
        let mut state = self.lock();
        let State { dispatch, roster, .. } = &mut *state;
        let member = roster.get_mut(&backend).filter(|member| member.key == key);
        let Some(place) = member.and_then(|member| member.links.get_mut(shard)) else {
            return LinkUp::Outdated;
        };
        *place = Some(serial);
        if !roster[&backend].is_whole() {
            return LinkUp::OthersMissing;
        }
        let grants = dispatch.resume(key);
        wake(state, grants);
        LinkUp::InService
    }

    /// The link is gone. The backend is out of service at once, and forgotten when this was its last link.
    /// True if it is forgotten.
    pub fn link_down(&self, backend: BackendId, shard: usize, serial: u64) -> bool {
        let mut state = self.lock();
        let State { dispatch, roster, .. } = &mut *state;
        let Some(member) = roster.get_mut(&backend) else { return false };
        if member.links.get(shard) != Some(&Some(serial)) {
            return false;
        }
        member.links[shard] = None;
        dispatch.suspend(member.key);
        let gone = member.is_empty();
        if gone {
            dispatch.remove(member.key);
            roster.remove(&backend);
        }
        gone
    }

    /// The backend announced how many requests it runs at once.
    pub fn set_slots(&self, key: BackendKey, slots: u16) {
        let mut state = self.lock();
        let grants = state.dispatch.set_slots(key, slots);
        wake(state, grants);
    }

    /// The backend gets nothing new.
    pub fn drain(&self, key: BackendKey) {
        self.lock().dispatch.drain(key);
    }

    /// Changes how many requests may wait.
    pub fn set_queue_max(&self, queue_max: usize) {
        self.lock().dispatch.set_queue_max(queue_max);
    }

    /// The site is removed: whoever waits is turned away, and nobody is let in any more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiters = state.dispatch.turn_away();
        let wakers: Vec<Waker> =
            waiters.iter().filter_map(|waiter| waiter.tell(Outcome::TurnedAway)).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether most of its slots are free. Looks at each backend.
    pub fn has_slots_to_spare(&self) -> bool {
        let counts = self.counts();
        counts.free * 2 > counts.slots
    }

    /// How it stands. Looks at each backend.
    pub fn counts(&self) -> Counts {
        self.lock().dispatch.counts()
    }

    /// A panic while it was held cannot have left it half changed: the code under it does not call out.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(grant: Grant<Arc<Waiter>>) -> Option<Waker> {
    grant.waiter.tell(Outcome::Granted(grant.backend))
}

fn wake(state: MutexGuard<'_, State>, grants: Vec<Grant<Arc<Waiter>>>) {
    let wakers: Vec<Waker> = grants.into_iter().filter_map(tell).collect();
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}
