//! How long a call may wait, and how to end its wait from outside.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long a call may wait. The default waits for as long as it takes.
#[derive(Debug, Default, Clone)]
pub struct Wait {
    /// At most so long; `None`: without end.
    pub timeout: Option<Duration>,
    /// Ends the wait early when it is raised.
    pub interrupt: Option<Interrupt>,
}

impl Wait {
    /// A wait of at most this time.
    pub fn at_most(timeout: Duration) -> Self {
        Self { timeout: Some(timeout), interrupt: None }
    }
}

/// Ends a wait from another thread: what Ruby calls an unblock function.
///
/// It stays raised until it is cleared: a wait that begins raised returns at once, so it does not matter which of the
/// two comes first. One interrupt belongs to one thread's waits, one at a time.
#[derive(Default, Clone)]
pub struct Interrupt {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    raised: AtomicBool,
    wait: Mutex<Option<Registered>>,
}

/// The wait that carries an interrupt.
struct Registered {
    waker: Weak<dyn WakeWaiter>,
    waiter: u64,
}

/// Who can end a wait.
pub(crate) trait WakeWaiter: Send + Sync {
    fn wake_waiter(&self, waiter: u64);
}

impl Interrupt {
    /// An interrupt that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the wait that carries it: it returns `Interrupted`, if what it waits for has not come by then. Never
    /// waits long, and may be called from any thread.
    pub fn raise(&self) {
        self.inner.raised.store(true, Ordering::SeqCst);
        let target = self.registered().as_ref().and_then(|wait| Some((wait.waker.upgrade()?, wait.waiter)));
        if let Some((waker, waiter)) = target {
            waker.wake_waiter(waiter);
        }
    }

    /// Makes it usable for the next wait.
    pub fn clear(&self) {
        self.inner.raised.store(false, Ordering::SeqCst);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.inner.raised.load(Ordering::SeqCst)
    }

    /// From here on a raise wakes this waiter.
    pub(crate) fn register(&self, waker: Weak<dyn WakeWaiter>, waiter: u64) {
        *self.registered() = Some(Registered { waker, waiter });
    }

    pub(crate) fn unregister(&self) {
        *self.registered() = None;
    }

    fn registered(&self) -> std::sync::MutexGuard<'_, Option<Registered>> {
        self.inner.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("raised", &self.is_raised()).finish()
    }
}

/// A wait that has begun.
pub(crate) struct Patience<'a> {
    until: Option<Instant>,
    pub(crate) interrupt: Option<&'a Interrupt>,
}

impl<'a> Patience<'a> {
    pub(crate) fn begin(wait: &'a Wait) -> Self {
        // A timeout beyond what the clock can show is as good as none.
        let until = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { until, interrupt: wait.interrupt.as_ref() }
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_some_and(Interrupt::is_raised)
    }

    /// The time left; `None`: without end; `Some(ZERO)`: it is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}
