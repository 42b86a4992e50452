//! The link protocol.
