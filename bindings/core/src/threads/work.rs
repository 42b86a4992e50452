//! How much of its time a thread has waited.

use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What a thread had done at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    busy: Duration,
    /// How often it let go of the processor by itself. That others took it away is no waiting of its own.
    pauses: i64,
}

impl Work {
    /// Of this thread until now.
    pub(crate) fn so_far() -> Option<Self> {
        let usage: Usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
        let busy = usage.user_time() + usage.system_time();
        let busy = Duration::from_micros(busy.num_microseconds().unsigned_abs());
        Some(Self { busy, pauses: usage.voluntary_context_switches() })
    }

    /// How long the thread has waited in the time that it took it to come from here to `then`. Of two different threads
    /// that is nonsense, and too rare to matter.
    pub(crate) fn waited_until(self, then: Self, took: Duration) -> Duration {
        match self.pauses == then.pauses {
            true => Duration::ZERO,
            false => took.saturating_sub(then.busy.saturating_sub(self.busy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Duration = Duration::from_millis(5);

    #[test]
    fn only_who_pauses_waits() {
        let at = |busy_ms, pauses| Work { busy: Duration::from_millis(busy_ms), pauses };
        assert_eq!(at(7, 3).waited_until(at(8, 3), TOOK), Duration::ZERO, "others had the processor");
        assert_eq!(at(7, 3).waited_until(at(8, 4), TOOK), Duration::from_millis(4));
        assert_eq!(at(7, 3).waited_until(at(12, 4), TOOK), Duration::ZERO);
        assert_eq!(at(7, 3).waited_until(at(20, 9), TOOK), Duration::ZERO);
    }

    #[test]
    fn a_thread_that_waits_pauses() {
        let before = Work::so_far().unwrap();
        let (_kept, receiver) = std::sync::mpsc::channel::<()>();
        assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
        assert!(Work::so_far().unwrap().pauses > before.pauses);
    }
}
