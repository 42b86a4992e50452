//! The Swiftiply proxy.

pub mod config;
pub mod site;
