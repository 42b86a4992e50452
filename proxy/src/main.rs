//! The `swiftiply` command.
fn main() {}
