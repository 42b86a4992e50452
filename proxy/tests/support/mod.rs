//! What the tests of the running proxy share: the proxy itself in this process, a backend that does what the test says,
//! and a client that says any bytes. Blocking sockets and no sleeps: every wait is for an event, and a wait that lasts
//! longer than [`PATIENCE`] fails the test with what had been seen until then.

// Each test binary uses its own part of this.
#![allow(dead_code, unused_imports)]

mod arrived;
mod backend;
mod client;
mod dial;
mod proxy;
mod socket;
mod tls;

use std::time::Duration;

pub use arrived::Arrived;
pub use backend::{Backend, Heard};
pub use client::{Client, End, Reply};
pub use dial::{Dial, DialError};
pub use proxy::{Folder, TestProxy, one_site, quick, until_refused};
pub use socket::{Address, Socket};
pub use tls::{Authority, TlsDial};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
