//! The Swiftiply proxy.

pub mod config;
pub mod http;
pub mod logging;
pub mod run;
pub mod site;
