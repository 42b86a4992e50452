//! Who is at something that must end: clients before their first request. It has a deadline, and only so many are at it
//! at once; when there is one more, the one that has taken longest is dropped. A real client is through within a few
//! round trips, so that is one who only holds the door.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Context;

use super::{Alarm, Millis};

/// All turns of a shard, the oldest first.
#[derive(Debug, Default, Clone)]
pub struct Turns(Rc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    turns: RefCell<BTreeMap<u64, Rc<Alarm>>>,
    next: Cell<u64>,
}

/// One client's turn; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    number: u64,
    alarm: Rc<Alarm>,
    all: Turns,
}

impl Turns {
    /// A turn that is over when this alarm, which is set, rings. At most `turns_max` are taken at once.
    pub(super) fn take(&self, alarm: Alarm, turns_max: usize) -> Turn {
        let Queue { turns, next } = &*self.0;
        let mut turns = turns.borrow_mut();
        if turns.len() >= turns_max
            && let Some((_, oldest)) = turns.pop_first()
        {
            oldest.ring();
        }
        let (number, alarm) = (next.replace(next.get() + 1), Rc::new(alarm));
        turns.insert(number, alarm.clone());
        Turn { number, alarm, all: self.clone() }
    }
}

impl Turn {
    /// Wakes this task when it is over.
    pub fn wake(&self, cx: &Context<'_>) {
        self.alarm.wake(cx);
    }

    /// Whether it is over.
    pub fn is_over(&self, now: Millis) -> bool {
        self.alarm.is_due(now)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.0.turns.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Alarms;
    use super::*;

    #[test]
    fn when_there_is_one_more_the_oldest_turn_is_over() {
        let (alarms, turns) = (Alarms::default(), Turns::default());
        let take = || {
            let alarm = alarms.add();
            alarm.set(100);
            turns.take(alarm, 2)
        };
        let (first, second, third) = (take(), take(), take());
        assert!(first.is_over(1));
        assert!(!second.is_over(1) && !third.is_over(1));
        assert!(second.is_over(100));
        drop(second);
        let fourth = take();
        assert!(!third.is_over(1) && !fourth.is_over(1));
    }
}
