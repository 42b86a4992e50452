//! Who waits for what, and who has to be woken.
//!
//! Threads that wait stand in the order in which they came. One of them may *lead*: it polls the links, reads, and
//! keeps what it waited for; the others are parked. What else it read is for them: the one parked last is woken
//! first, because its caches are warm. When the leader has what it waited for and leaves, somebody has to follow it.

use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use crate::connector::{Connector, Happened};
use crate::driver::Want;
use crate::limits::KEEPER_TICK;
use crate::socket::Sockets;

/// All that wait, and the keeper.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Vec<Waiter>,
    so_far: u64,
    pub(crate) leader: Leader,
    pub(crate) keeper: Keeper,
}

struct Waiter {
    id: u64,
    want: Want,
    is_awake: bool,
    bell: Arc<Condvar>,
}

/// Who reads the links.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leader {
    #[default]
    Nobody,
    /// A thread that waits for something itself.
    Waiter(u64),
    /// A thread that has only a look: the keeper, or one that does not want to wait.
    Visitor,
}

/// What the keeper's sleep is like.
#[derive(Default)]
pub(crate) struct Keeper {
    pub(crate) bell: Arc<Condvar>,
    /// `None`: it is awake, or sleeps without end.
    pub(crate) sleeps_until: Option<Instant>,
    /// It wakes up every few milliseconds.
    pub(crate) is_ticking: bool,
}

/// Whose bells have to be rung, once the lock is released.
#[derive(Default)]
pub(crate) struct Calls {
    bells: Vec<Arc<Condvar>>,
    /// The leader waits in the system, where no bell is heard.
    pub(crate) poke: bool,
}

impl Calls {
    pub(crate) fn ring(self) {
        for bell in self.bells {
            bell.notify_one();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bells.is_empty() && !self.poke
    }

    fn call(&mut self, waiter: &mut Waiter) {
        if !waiter.is_awake {
            waiter.is_awake = true;
            self.bells.push(Arc::clone(&waiter.bell));
        }
    }
}

impl Waiters {
    /// A thread begins to wait, awake.
    pub(crate) fn enter(&mut self, want: Want) -> u64 {
        self.so_far += 1;
        let bell = Arc::new(Condvar::new());
        self.waiting.push(Waiter { id: self.so_far, want, is_awake: true, bell });
        self.so_far
    }

    /// It waits no longer.
    pub(crate) fn leave(&mut self, id: u64) {
        self.waiting.retain(|waiter| waiter.id != id);
        if self.leader == Leader::Waiter(id) {
            self.leader = Leader::Nobody;
        }
    }

    /// It leads from now on, if it can and nobody else does.
    pub(crate) fn lead(&mut self, id: u64) -> bool {
        let can = self.waiting.iter().any(|waiter| waiter.id == id && can_lead(waiter.want));
        if can && self.leader == Leader::Nobody {
            self.leader = Leader::Waiter(id);
        }
        self.leader == Leader::Waiter(id)
    }

    /// It parks until its bell is rung. Who parks last stands last, and is woken first.
    pub(crate) fn park(&mut self, id: u64) -> Arc<Condvar> {
        let at = self.waiting.iter().position(|waiter| waiter.id == id).expect("who parks has entered");
        let mut waiter = self.waiting.remove(at);
        waiter.is_awake = false;
        let bell = Arc::clone(&waiter.bell);
        self.waiting.push(waiter);
        bell
    }

    /// It is awake again, rung for or not.
    pub(crate) fn wake(&mut self, id: u64) {
        if let Some(waiter) = self.waiting.iter_mut().find(|waiter| waiter.id == id) {
            waiter.is_awake = true;
        }
    }

    /// Wakes one of them, wherever it waits: it is to look for itself.
    pub(crate) fn call_one(&mut self, id: u64) -> Calls {
        let mut calls = Calls { poke: self.leader == Leader::Waiter(id), ..Calls::default() };
        let of_id = self.waiting.iter_mut().find(|waiter| waiter.id == id);
        of_id.into_iter().for_each(|waiter| calls.call(waiter));
        calls
    }

    /// Finds out who has to be woken, after anything has changed. `own` is the waiter that asks, if it is one.
    pub(crate) fn settle(&mut self, connector: &mut Connector, sockets: &Sockets, own: Option<u64>) -> Calls {
        let mut calls = Calls::default();
        self.call_for_exchanges(connector, &mut calls);
        self.call_for_requests(connector.ready(), &mut calls);
        if connector.is_ready(Want::Notice) {
            self.call_all(|want| want == Want::Notice, &mut calls);
        }
        if connector.has_ended() {
            self.call_all(|_| true, &mut calls);
        }
        if let Leader::Waiter(leader) = self.leader
            && own != Some(leader)
        {
            let wanted = self.waiting.iter().find(|waiter| waiter.id == leader).map(|waiter| waiter.want);
            calls.poke = wanted.is_some_and(|want| connector.is_ready(want));
        }
        self.call_follower(&mut calls);
        self.call_keeper(connector, sockets, &mut calls);
        calls
    }

    /// Whether nobody watches the links, nor is about to.
    pub(crate) fn is_unwatched(&self) -> bool {
        self.leader == Leader::Nobody && !self.waiting.iter().any(|w| w.is_awake && can_lead(w.want))
    }

    fn call_for_exchanges(&mut self, connector: &mut Connector, calls: &mut Calls) {
        while let Some(event) = connector.next_event() {
            let concerns = |want| match event.what {
                Happened::Readable => want == Want::Readable(event.place),
                Happened::Writable => want == Want::Writable(event.place),
                // Who reads or writes is told by the other two.
                Happened::Disconnected => false,
            };
            self.call_all(concerns, calls);
        }
    }

    /// One thread per request; those that are awake already count.
    fn call_for_requests(&mut self, ready: usize, calls: &mut Calls) {
        if ready == 0 {
            return;
        }
        let wants = |waiter: &&mut Waiter| waiter.want == Want::Request;
        let awake = self.waiting.iter_mut().filter(wants).filter(|waiter| waiter.is_awake).count();
        let parked = self.waiting.iter_mut().rev().filter(wants).filter(|waiter| !waiter.is_awake);
        parked.take(ready.saturating_sub(awake)).for_each(|waiter| calls.call(waiter));
    }

    /// The policy of succession: when nobody leads, and nobody who could is awake, the one parked last follows at
    /// once. So a request that comes next finds a thread that waits for it, at the price of one wake per leader that
    /// leaves while others are parked. (The other policy would leave the links to the keeper's next tick, and save
    /// the wake.)
    fn call_follower(&mut self, calls: &mut Calls) {
        if self.is_unwatched() {
            let parked = self.waiting.iter_mut().rev().find(|waiter| can_lead(waiter.want));
            parked.into_iter().for_each(|waiter| calls.call(waiter));
        }
    }

    /// The keeper has to be up when something is due earlier than it thinks; and when nobody else watches the links:
    /// now and then, and at once if some output waits for its socket.
    fn call_keeper(&mut self, connector: &mut Connector, sockets: &Sockets, calls: &mut Calls) {
        let sleeps_beyond = |due: Instant| self.keeper.sleeps_until.is_none_or(|until| due < until);
        let hurried = connector.take_hurry() && connector.deadline(Instant::now()).is_some_and(sleeps_beyond);
        let unwatched = connector.has_links() && self.is_unwatched();
        let has_to_watch = unwatched && (!self.keeper.is_ticking || sockets.is_some_blocked());
        if hurried || has_to_watch || connector.has_ended() {
            self.keeper.is_ticking |= unwatched;
            // It is as good as awake.
            self.keeper.sleeps_until = Some(Instant::now());
            calls.bells.push(Arc::clone(&self.keeper.bell));
        }
    }

    fn call_all(&mut self, concerns: impl Fn(Want) -> bool, calls: &mut Calls) {
        self.waiting.iter_mut().filter(|w| concerns(w.want)).for_each(|waiter| calls.call(waiter));
    }
}

/// Who waits for a notice is the adapter's log, which stays out of the way of requests.
pub(crate) fn can_lead(want: Want) -> bool {
    want != Want::Notice
}

impl Keeper {
    /// How long it sleeps: until something is due, and no longer than a tick while it ticks.
    pub(crate) fn fall_asleep(&mut self, due: Option<Instant>, now: Instant) -> Option<Duration> {
        let tick = self.is_ticking.then(|| now + KEEPER_TICK);
        self.sleeps_until = [due, tick].into_iter().flatten().min();
        self.sleeps_until.map(|until| until.saturating_duration_since(now))
    }
}
