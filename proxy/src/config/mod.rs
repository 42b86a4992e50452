//! What the proxy is told to do: the configuration file and what it means.
//!
//! [`Config`] is the meaning, in plain types; the format of the file (that of Swiftiply 0.6, with
//! new keys) is known only to the reading half of this module.

mod address;
mod hosts;
mod model;
mod secret;

pub use address::{AddressError, ListenAddr, Network, Outgoing};
pub use hosts::{HostError, HostTable, SiteIndex, normalize_host};
pub use model::{AccessLog, Config, Identity, Limits, Log, LogLevel, Process, SiteConfig};
pub use secret::Secret;
