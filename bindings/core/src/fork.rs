//! How a connector finds out that it is in the child of a fork.
//!
//! Two ways, because neither is enough. The language tells: its own hook runs in the child before anything else does,
//! and costs nothing later. The process number tells: it sees every fork, also those of C code and of Ruby's
//! `Process.daemon`, but costs a system call, so it is asked only by who is about to make a slower one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::driver::Forked;

/// How often a child was told that it is one, in the line of processes that led to this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Tells the connectors of this process that it is the child of a fork: from now on each that was started before gives
/// [`Error::Forked`](crate::Error::Forked), and touches nothing that it shares with the parent. Those started later
/// are not concerned.
///
/// For the hook that a language runs in the child before any other code of it: `os.register_at_fork(after_in_child=)`
/// in Python, an override of `Process._fork` in Ruby. Where there is no such hook, forks are noticed all the same, but
/// only when a call is about to wait or to move bytes. It takes no lock and allocates nothing.
pub fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process that something belongs to.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    forks: u64,
}

impl Process {
    pub(crate) fn this() -> Self {
        Self { pid: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Whether this is the process, as far as the language told.
    pub(crate) fn check(&self) -> Result<(), Forked> {
        #[cfg(test)]
        if tests::IS_TOLD.get() {
            return Err(Forked);
        }
        if FORKS.load(Ordering::Relaxed) == self.forks { Ok(()) } else { Err(Forked) }
    }

    /// The same for sure, at the price of a system call.
    pub(crate) fn check_surely(&self) -> Result<(), Forked> {
        #[cfg(test)]
        if tests::IS_CHILD.get() {
            return Err(Forked);
        }
        self.check()?;
        if std::process::id() == self.pid { Ok(()) } else { Err(Forked) }
    }
}

/// A thread that takes itself for the child of a fork, so that tests need none. Real forks are in the tests of the
/// bindings, whose languages can fork.
#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// Its process number is another one.
        pub(crate) static IS_CHILD: Cell<bool> = const { Cell::new(false) };
        /// Its language told, too.
        pub(crate) static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn what_was_started_before_a_fork_is_not_of_the_child_and_what_is_started_there_is() {
        let parents = Process { forks: FORKS.load(Ordering::Relaxed).wrapping_sub(1), ..Process::this() };
        assert_eq!(parents.check(), Err(Forked));
        assert_eq!(parents.check_surely(), Err(Forked));
        assert_eq!(Process::this().check_surely(), Ok(()));
    }

    #[test]
    fn a_fork_that_nobody_told_of_is_seen_by_its_process_number() {
        let parents = Process { pid: 0, ..Process::this() };
        assert_eq!(parents.check(), Ok(()));
        assert_eq!(parents.check_surely(), Err(Forked));
    }
}
