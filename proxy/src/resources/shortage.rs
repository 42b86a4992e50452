//! A shortage, as the log tells of it: one line when it begins and one when it is over, however many threads feel it and
//! however often.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::shard::Millis;

/// How long it must not have been felt to be over: at the edge it comes and goes with every client, and the log should not.
const RELIEF_MS: Millis = 2000;

/// One kind of shortage.
#[derive(Debug, Default)]
pub struct Shortage {
    is_told: AtomicBool,
    felt_last: AtomicU64,
}

impl Shortage {
    /// It is felt at this moment. True if it has just begun: then it is to be told.
    pub fn is_felt(&self, now: Millis) -> bool {
        self.felt_last.store(now, Ordering::Relaxed);
        // Felt a thousand times a second, it is told once: the common case writes nothing that others read.
        !self.is_told.load(Ordering::Relaxed) && !self.is_told.swap(true, Ordering::Relaxed)
    }

    /// True once when it was told of and has not been felt for a while: then this is to be told.
    pub fn is_over(&self, now: Millis) -> bool {
        self.is_told.load(Ordering::Relaxed)
            && now.saturating_sub(self.felt_last.load(Ordering::Relaxed)) >= RELIEF_MS
            && self.is_told.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_that_comes_and_goes_is_told_once_and_its_end_once() {
        let shortage = Shortage::default();
        assert!(!shortage.is_over(0));
        assert!(shortage.is_felt(1000));
        for now in [1000, 1500, 3400] {
            assert!(!shortage.is_felt(now) && !shortage.is_over(now + 1));
        }
        assert!(!shortage.is_over(5399));
        assert!(shortage.is_over(5400));
        assert!(!shortage.is_over(9999), "told already");
        assert!(shortage.is_felt(10_000));
    }
}
