//! What cannot be seen from outside: who is woken for what, and what a child of a fork may do. The rest of the driver's
//! tests use it as a binding does.

mod sending;
mod waking;
