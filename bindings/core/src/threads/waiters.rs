//! Who waits for what, and who has to be woken.
//!
//! Threads that wait stand in the order in which they came. One of them may *lead*: it polls the links, reads, and
//! keeps what it waited for; the others are parked. What else it read is for them: the one parked last is woken
//! first, because its caches are warm. When the leader has what it waited for and leaves, somebody has to follow it;
//! how soon is the [`Pace`]'s business.

use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use super::pace::Pace;
use crate::connector::{Connector, Happened};
use crate::driver::Want;
use crate::limits::{SLACK_TICK, TICK, VAIN_TICKS_MAX};
use crate::pump::Bell;
use crate::socket::Sockets;

/// All that wait, and the keeper.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Vec<Waiter>,
    so_far: u64,
    /// Threads that were told of a request and have not tried to take it.
    coming: usize,
    /// Of waiters that left, for those that come.
    spare_bells: Vec<Arc<Condvar>>,
    pub(crate) leader: Leader,
    pub(crate) keeper: Keeper,
    pub(crate) pace: Pace,
    /// Is told of what happens to exchanges that the app was handed as connections.
    pub(crate) pump: Option<Arc<Bell>>,
}

struct Waiter {
    id: u64,
    want: Want,
    is_awake: bool,
    bell: Option<Arc<Condvar>>,
}

/// What was done when things have to be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Something that concerns who waits for it. If it was the end of a wait, the thread takes a request and comes
    /// back.
    Change,
    /// A look at the links, or the end of a wait of one who may not come back.
    Look,
    /// One turn of this waiter, who goes on waiting.
    Turn(u64),
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
    sleeps_until: Option<Instant>,
    /// It wakes up so often; `None`: only when something is due.
    ticks_every: Option<Duration>,
    vain_ticks: u32,
    /// A thread has looked at the links since the keeper asked last.
    pub(crate) has_seen_look: bool,
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
            self.bells.extend(waiter.bell.clone());
        }
    }
}

impl Waiters {
    /// A thread begins to wait, awake.
    pub(crate) fn enter(&mut self, want: Want) -> u64 {
        self.so_far += 1;
        self.waiting.push(Waiter { id: self.so_far, want, is_awake: true, bell: None });
        self.so_far
    }

    /// It waits no longer.
    pub(crate) fn leave(&mut self, id: u64) {
        if let Some(at) = self.waiting.iter().position(|waiter| waiter.id == id) {
            // If it was called just now, its bell rings for the next one, who looks and finds nothing.
            self.spare_bells.extend(self.waiting.remove(at).bell);
        }
        if self.leader == Leader::Waiter(id) {
            self.leader = Leader::Nobody;
        }
    }

    /// Whether there is a request that nobody is on his way to; the one who asks is now.
    pub(crate) fn come(&mut self, ready: usize) -> bool {
        let comes = ready > self.coming;
        self.coming += usize::from(comes);
        comes
    }

    /// One who was on his way has arrived.
    pub(crate) fn has_come(&mut self) {
        self.coming = self.coming.saturating_sub(1);
    }

    /// Something is left lying, and nothing moves. If no thread is on its way, a call of the app takes long; if one
    /// is, its language keeps it waiting, or it was killed, and does not count any more.
    pub(crate) fn nothing_moves(&mut self) {
        if std::mem::take(&mut self.coming) == 0 {
            self.pace.doubt();
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
        let bell = waiter.bell.take().or_else(|| self.spare_bells.pop()).unwrap_or_default();
        waiter.bell = Some(Arc::clone(&bell));
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

    /// Finds out who has to be woken.
    pub(crate) fn settle(&mut self, connector: &mut Connector, sockets: &Sockets, after: After) -> Calls {
        let mut calls = Calls::default();
        self.call_for_exchanges(connector, &mut calls);
        if connector.is_ready(Want::Notice) {
            self.call_all(|want| want == Want::Notice, &mut calls);
        }
        if connector.has_ended() {
            self.call_all(|_| true, &mut calls);
        }
        self.call_leader(connector, after, &mut calls);
        if !self.pace.computes() || after != After::Change {
            self.call_for_requests(connector.ready(), &mut calls);
            self.call_follower(&mut calls);
        }
        self.call_keeper(connector, sockets, &mut calls);
        calls
    }

    /// Whether nobody watches the links, nor is about to.
    pub(crate) fn is_unwatched(&self) -> bool {
        self.leader == Leader::Nobody && !self.waiting.iter().any(|w| w.is_awake && can_lead(w.want))
    }

    /// Whether a parked thread could watch them.
    pub(crate) fn has_follower(&self) -> bool {
        self.waiting.iter().any(|waiter| !waiter.is_awake && can_lead(waiter.want))
    }

    /// Who is parked, by age.
    #[cfg(test)]
    pub(crate) fn parked(&self) -> Vec<u64> {
        self.waiting.iter().filter(|waiter| !waiter.is_awake).map(|waiter| waiter.id).collect()
    }

    /// How often the keeper has to look; `None`: there is nothing that it had to do if no thread did.
    pub(crate) fn ticks_every(&self, connector: &Connector) -> Option<Duration> {
        let is_left = connector.has_links() && (connector.ready() > 0 || self.is_unwatched());
        let tick = if self.pace.computes() { TICK } else { SLACK_TICK };
        (self.pace.holds() || is_left).then_some(tick)
    }

    /// Who waits in the system hears no bell.
    fn call_leader(&self, connector: &Connector, after: After, calls: &mut Calls) {
        let Leader::Waiter(leader) = self.leader else { return };
        let Some(waiter) = self.waiting.iter().find(|waiter| waiter.id == leader) else { return };
        // It would find nothing if others are on their way to all that is ready; and who computes comes back for it.
        let finds_some = match waiter.want {
            Want::Request if self.pace.computes() && after == After::Change => connector.has_ended(),
            Want::Request => connector.ready() > self.coming || connector.has_ended(),
            want => connector.is_ready(want),
        };
        calls.poke = finds_some && after != After::Turn(leader);
    }

    fn call_for_exchanges(&mut self, connector: &mut Connector, calls: &mut Calls) {
        while let Some(event) = connector.next_event() {
            if let Some(pump) = &self.pump {
                pump.news(event.key.as_u64());
            }
            let concerns = |want| match event.what {
                Happened::Readable => want == Want::Readable(event.place),
                Happened::Writable => want == Want::Writable(event.place),
                // Who reads or writes is told by the other two.
                Happened::Disconnected => false,
            };
            self.call_all(concerns, calls);
        }
    }

    /// One thread per request, or one for all if the app only computes. Those that are awake, or on their way, count.
    fn call_for_requests(&mut self, ready: usize, calls: &mut Calls) {
        if ready == 0 {
            return;
        }
        let needed = if self.pace.computes() { 1 } else { ready };
        let wants = |waiter: &&mut Waiter| waiter.want == Want::Request;
        let awake = self.waiting.iter_mut().filter(wants).filter(|waiter| waiter.is_awake).count();
        let parked = self.waiting.iter_mut().rev().filter(wants).filter(|waiter| !waiter.is_awake);
        parked.take(needed.saturating_sub(awake + self.coming)).for_each(|waiter| calls.call(waiter));
    }

    /// When nobody leads, and nobody who could is awake, the one parked last follows at once. So a request that comes
    /// next finds a thread that waits for it, at the price of one wake per leader that leaves while others are
    /// parked.
    fn call_follower(&mut self, calls: &mut Calls) {
        if self.is_unwatched() {
            let parked = self.waiting.iter_mut().rev().find(|waiter| can_lead(waiter.want));
            parked.into_iter().for_each(|waiter| calls.call(waiter));
        }
    }

    /// The keeper has to be up when something is due earlier than it thinks; when something may be left to it; and at
    /// once if some output waits for its socket, which nobody watches.
    fn call_keeper(&mut self, connector: &mut Connector, sockets: &Sockets, calls: &mut Calls) {
        let sleeps_beyond = |due: Instant| self.keeper.sleeps_until.is_none_or(|until| due < until);
        let hurried = connector.take_hurry() && connector.deadline(Instant::now()).is_some_and(sleeps_beyond);
        // Most often it ticks already, and nothing has to be found out.
        let ticks = self.keeper.ticks_every;
        let wanted = if ticks == Some(TICK) { ticks } else { self.ticks_every(connector) };
        let has_to_tick = wanted.is_some_and(|wanted| ticks.is_none_or(|ticks| wanted < ticks));
        let has_to_watch = sockets.is_some_blocked() && self.is_unwatched();
        if hurried || has_to_tick || has_to_watch || connector.has_ended() {
            // It is as good as awake.
            self.keeper.sleeps_until = Some(Instant::now());
            self.keeper.ticks_every = wanted.or(ticks);
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
    /// How long it sleeps: until something is due, and no longer than until the next tick that is wanted. It goes on
    /// ticking for a while when none is.
    pub(crate) fn fall_asleep(
        &mut self,
        due: Option<Instant>,
        wanted: Option<Duration>,
        now: Instant,
    ) -> Option<Duration> {
        self.vain_ticks = if wanted.is_some() { 0 } else { self.vain_ticks + 1 };
        let goes_on = self.ticks_every.filter(|_| self.vain_ticks <= VAIN_TICKS_MAX);
        self.ticks_every = wanted.or(goes_on);
        let tick = self.ticks_every.map(|every| now + every);
        self.sleeps_until = [due, tick].into_iter().flatten().min();
        self.sleeps_until.map(|until| until.saturating_duration_since(now))
    }
}
