//! The connector core.
