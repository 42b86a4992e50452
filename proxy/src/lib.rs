//! The Swiftiply proxy.
