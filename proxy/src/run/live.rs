//! The sites of a running proxy, for whoever looks in from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use crate::shard::Blueprint;
use crate::site::Counts;

/// The blueprint that is in force.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveSites(Arc<Mutex<Option<Arc<Blueprint>>>>);

impl LiveSites {
    /// Another blueprint is in force.
    pub(super) fn change_to(&self, blueprint: &Arc<Blueprint>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(blueprint.clone());
    }

    /// How the pool of this name stands, if there is one.
    pub(super) fn counts(&self, name: &str) -> Option<Counts> {
        let blueprint = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let pool = blueprint.pools().find(|pool| pool.name == name)?;
        Some(pool.site.counts())
    }
}
