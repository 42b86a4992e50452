//! The proxy's process is replaced, restarted, reloaded and stopped while clients go on asking: real processes, backends
//! through the connector that the adapters have, and clients that count every request.

#[path = "../support/mod.rs"]
mod support;

#[path = "../http2/client.rs"]
#[allow(dead_code)]
mod client;

mod activation;
mod app;
mod failures;
mod load;
mod service;
mod tunnels;
mod under_load;
