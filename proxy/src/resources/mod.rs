//! What the system gives this process, and what happens when it runs short: descriptors and memory.
//!
//! - [`Resources`] (here): shared by all threads.
//! - `descriptors`: for how many clients they suffice.
//! - `memory`: how much is allocated, and how much may be.
//! - [`Shortage`]: told to the log when it begins and when it is over, and not in between.
//! - [`Sparing`]: what strangers cause is told once per stranger and minute.

mod descriptors;
mod memory;
mod shortage;
mod sparing;

use crate::config::{Config, Limits};

pub use memory::{Memory, of_machine};
pub use shortage::Shortage;
pub use sparing::{Peer, Sparing};

/// What all threads share of it.
#[derive(Debug)]
pub struct Resources {
    /// Clients that this process has descriptors for, beside those that are kept for links.
    pub clients_max: usize,
    /// What is allocated.
    pub memory: Memory,
    /// New clients wait.
    pub clients_wait: Shortage,
    /// New requests are turned away.
    pub requests_shed: Shortage,
    /// New links wait.
    pub links_wait: Shortage,
    /// Who was complained of lately.
    pub complaints: Sparing,
}

impl Resources {
    /// Of this process, which has opened what it needs but for its shards.
    pub fn new(shards: usize, memory: Memory) -> Self {
        Self {
            clients_max: descriptors::clients_max(shards),
            memory,
            clients_wait: Shortage::default(),
            requests_shed: Shortage::default(),
            links_wait: Shortage::default(),
            complaints: Sparing::default(),
        }
    }

    /// Says what of this configuration this process cannot keep.
    pub fn warn(&self, config: &Config) {
        let (wanted, possible) = (config.limits.connections, self.clients_max);
        let text = format!(
            "no more than {possible} clients are taken at once, not the {wanted} of `limits.connections`: this process may not open more files; raise that (ulimit -n, LimitNOFILE)"
        );
        if wanted > possible && wanted != Limits::default().connections {
            tracing::warn!("{text}, or lower `limits.connections`");
        } else if wanted > possible {
            tracing::info!("{text} if so many may come");
        }
        if self.memory.is_tight() {
            let (allocated, max) = (self.memory.allocated(), self.memory.max());
            tracing::warn!(
                "`memory_max` is {max} bytes, of which {allocated} are in use before any request: raise it"
            );
        }
    }
}
