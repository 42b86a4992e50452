//! Whoever waits for a slot, on whichever shard.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::BackendKey;

/// One client connection's place to be told of its slot. A connection has one for its whole life, and waits with it for
/// one request at a time.
#[derive(Debug, Default)]
pub struct Waiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A slot of this backend is ours.
    Granted(BackendKey),
    /// The site was removed from the configuration.
    TurnedAway,
}

impl Waiter {
    /// Tells the outcome. The returned waker is to be woken once no lock is held.
    #[must_use]
    pub(super) fn tell(&self, outcome: Outcome) -> Option<Waker> {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        state.waker.take()
    }

    /// Ready once the outcome is known; it is then forgotten here.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Stops waiting; a grant that has come in the meantime is given back to the caller.
    pub(super) fn stop(&self) -> Option<Outcome> {
        let mut state = self.lock();
        state.waker = None;
        state.outcome.take()
    }

    /// A panic elsewhere leaves nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
