//! The Swiftiply proxy.

pub mod site;
