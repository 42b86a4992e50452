//! The promises of a site's queue and dispatch.
//!
//! - `promises`: each rule by itself, as a short play.
//! - `exhaustive`: every reachable state of a small site, and every call in it.
//! - `simulation`: long random lives of larger sites, by seed.
//! - `tail`, `several_proxies`: what the rules are worth, in virtual time.
//!
//! `twin` runs the real thing beside a naive `model` and compares them after every call.

mod exhaustive;
mod model;
mod promises;
#[path = "../support/random.rs"]
mod random;
mod several_proxies;
mod simulation;
mod tail;
mod twin;
