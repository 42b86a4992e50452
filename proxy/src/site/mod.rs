//! A site's backends, their slots and its queue: the only state that shards share.
//!
//! Everything here is pure: no clock, no sockets, no threads, no waiting. The caller keeps one
//! [`Dispatch`] per site behind a short lock, tells it what happened, and wakes whom it names.
//!
//! - `dispatch`: the rules, and the whole public interface.
//! - `backends`: what is known of each backend, and which of them is next.
//! - `ready`: the backends with a free slot, ordered; an indexed heap.
//! - `queue`: the requests without a slot, first in first out.

mod backends;
mod dispatch;
mod queue;
mod ready;

pub use backends::{Backend, BackendKey, Pick, Service};
pub use dispatch::{Counts, Dispatch, Full, Grant, Placed};
pub use queue::Ticket;
