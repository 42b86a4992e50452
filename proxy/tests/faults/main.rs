//! What goes wrong, and what it may cost: each fault under load or under attack, with every outcome counted.

#[path = "../support/mod.rs"]
mod support;

mod deaths;
mod memory;
#[path = "../support/random.rs"]
mod random;
mod restarts;
mod silence;
mod strangers;
