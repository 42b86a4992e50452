//! The Swiftiply proxy: clients in front, backends that dial in behind, and exact dispatch between them.
//!
//! Read in this order: `site` (who gets which slot), `exchange` (one request's reply on its way), `client` and `link`
//! (the two ends, which meet only in those), `shard` (the thread they live on), `run` (the proxy as a whole).

mod access;
pub mod acme;
mod buffer;
mod client;
mod compress;
pub mod config;
mod exchange;

mod files;
pub mod http;
mod link;
mod listen;
pub mod logging;
mod proxy_protocol;
mod resources;
pub mod run;
mod shard;
pub mod site;
mod tls;

/// What fuzz targets reach besides.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::exchange::any_reply;
    pub use crate::proxy_protocol::any_header;
}
