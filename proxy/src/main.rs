//! The `swiftiply` command.

mod cli;

use std::alloc::System;

use cap::Cap;

/// The system's allocator, which here also knows how much it has given (for `memory_max`). It refuses nothing: who cannot
/// have memory is told so politely, long before.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> std::process::ExitCode {
    cli::main()
}
