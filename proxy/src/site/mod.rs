//! A site's backends, their slots and its queue: the only state that shards share.
//!
//! What decides is pure: no clock, no sockets, no threads, no waiting. [`Site`] keeps one [`Dispatch`] behind a short
//! lock, tells it what happened, and wakes whom it names.
//!
//! - `shared`: the site as all shards see it; `waiter`: who is woken.
//! - `dispatch`: the rules.
//! - `backends`: what is known of each backend, and which of them is next.
//! - `ready`: the backends with a free slot, ordered; an indexed heap.
//! - `queue`: the requests without a slot, first in first out.

mod backends;
mod dispatch;
mod queue;
mod ready;
mod shared;
mod waiter;

pub use backends::{Backend, BackendKey, Pick, Service};
pub use dispatch::{Counts, Dispatch, Full, Grant, Placed};
pub use queue::Ticket;
pub use shared::{Asked, BackendId, LinkUp, Site, Slot, Waiting};
pub use waiter::Waiter;
