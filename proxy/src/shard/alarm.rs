//! Deadlines of client connections. Setting one is a store to memory; one look over all of them per tick replaces a
//! timer for each request.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};

use slab::Slab;

use super::Millis;

const NEVER: Millis = Millis::MAX;

/// All alarms of a shard.
#[derive(Debug, Default, Clone)]
pub struct Alarms(Rc<RefCell<Slab<Bell>>>);

/// One connection's alarm.
#[derive(Debug)]
pub struct Alarm {
    key: usize,
    all: Alarms,
}

#[derive(Debug)]
struct Bell {
    at: Millis,
    waker: Waker,
}

impl Alarms {
    /// An alarm that is not set and wakes nobody.
    pub fn add(&self) -> Alarm {
        let key = self.0.borrow_mut().insert(Bell { at: NEVER, waker: Waker::noop().clone() });
        Alarm { key, all: self.clone() }
    }

    /// Wakes every task whose time has come.
    pub fn ring(&self, now: Millis) {
        for (_, bell) in &*self.0.borrow() {
            if bell.at <= now {
                bell.waker.wake_by_ref();
            }
        }
    }

    /// Wakes every task: something concerns them all.
    pub fn ring_all(&self) {
        self.ring(NEVER);
    }
}

impl Alarm {
    /// Wakes this task from now on.
    pub fn wake(&self, cx: &Context<'_>) {
        self.all.0.borrow_mut()[self.key].waker.clone_from(cx.waker());
    }

    /// Sets it.
    #[inline]
    pub fn set(&self, at: Millis) {
        self.all.0.borrow_mut()[self.key].at = at;
    }

    /// Stops it.
    #[inline]
    pub fn stop(&self) {
        self.set(NEVER);
    }

    /// Its time has come, whatever it was set to.
    pub fn ring(&self) {
        let mut bells = self.all.0.borrow_mut();
        bells[self.key].at = 0;
        bells[self.key].waker.wake_by_ref();
    }

    /// Whether its time has come.
    #[inline]
    pub fn is_due(&self, now: Millis) -> bool {
        self.all.0.borrow()[self.key].at <= now
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.all.0.borrow_mut().remove(self.key);
    }
}
