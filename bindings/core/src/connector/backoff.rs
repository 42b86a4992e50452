//! How long to wait before the next dial: longer after each failure, and never the same for two backends, so that the
//! backends of a restarted proxy do not all come at the same moment.

use std::time::Duration;

use crate::limits::{REDIAL_FIRST, REDIAL_MAX};

/// Failures since the last welcome.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: from half of its step to all of it.
    pub(crate) fn after_failure(&mut self, chance: &mut Chance) -> Duration {
        let step = REDIAL_FIRST.saturating_mul(1 << self.failures.min(16)).min(REDIAL_MAX);
        self.failures = self.failures.saturating_add(1);
        step / 2 + (step / 2).mul_f64(chance.next())
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Numbers by chance, from a seed: xorshift64 (Marsaglia 2003). Nothing secret depends on them.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next, from 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limit_and_start_anew_after_a_welcome() {
        let mut chance = Chance::new(7);
        let mut backoff = Backoff::default();
        let mut step = REDIAL_FIRST;
        for _ in 0..40 {
            let wait = backoff.after_failure(&mut chance);
            assert!(step / 2 <= wait && wait <= step, "{wait:?} of {step:?}");
            step = (step * 2).min(REDIAL_MAX);
        }
        backoff.reset();
        assert!(backoff.after_failure(&mut chance) <= REDIAL_FIRST);
    }

    #[test]
    fn two_backends_wait_differently() {
        let wait = |seed| Backoff::default().after_failure(&mut Chance::new(seed));
        assert_ne!(wait(1 << 20), wait(1 << 40));
    }
}
