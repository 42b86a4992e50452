//! What the app's calls do with their time: compute, or wait.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

/// What a thread had done at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    computed: Duration,
    /// How often it let go of the processor by itself. That others took it away is no waiting of its own.
    pauses: i64,
}

/// What a thread did in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(super) computed: Duration,
    pub(super) waited: Duration,
}

impl Work {
    /// Of this thread until now.
    pub(crate) fn so_far() -> Option<Self> {
        // What getrusage tells of processor time is as old as the last tick of the system.
        let computed = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
        let pauses = getrusage(UsageWho::RUSAGE_THREAD).ok()?.voluntary_context_switches();
        Some(Self { computed: computed.into(), pauses })
    }

    /// What the thread did from here to `then`, which took it so long. Of two different threads that is nonsense, and
    /// too rare to matter.
    pub(crate) fn until(self, then: Self, took: Duration) -> Done {
        let computed = then.computed.saturating_sub(self.computed).min(took);
        let waited = if self.pauses == then.pauses { Duration::ZERO } else { took - computed };
        Done { computed, waited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(5);

    #[test]
    fn only_who_pauses_waits() {
        let at = |computed_ms, pauses| Work { computed: Duration::from_millis(computed_ms), pauses };
        for (then, computed_ms, waited_ms) in [
            (at(8, 3), 1, 0), // others had the processor
            (at(8, 4), 1, 4),
            (at(12, 4), 5, 0),
            (at(20, 9), 5, 0),
        ] {
            let done = at(7, 3).until(then, TOOK);
            assert_eq!(done.computed, Duration::from_millis(computed_ms), "{then:?}");
            assert_eq!(done.waited, Duration::from_millis(waited_ms), "{then:?}");
        }
    }

    #[test]
    fn a_thread_that_waits_pauses() {
        let before = Work::so_far().unwrap();
        let (_kept, receiver) = std::sync::mpsc::channel::<()>();
        assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
        assert!(Work::so_far().unwrap().pauses > before.pauses);
    }

    #[test]
    fn a_thread_that_computes_has_computed() {
        let before = Work::so_far().unwrap();
        (0..100_000_u64).for_each(|step| drop(std::hint::black_box(step.to_string())));
        assert!(Work::so_far().unwrap().computed > before.computed);
    }
}
