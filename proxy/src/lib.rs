//! The Swiftiply proxy.

pub mod config;
pub mod http;
pub mod site;
