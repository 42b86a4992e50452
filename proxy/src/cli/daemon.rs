//! Leaving the terminal. The process that was started waits until the one in the background is ready or
//! has failed, and ends with its exit code; what the latter says before that still reaches the terminal.
//!
//! ```text
//! started ── fork ──► leader of a new session ── fork ──► daemon
//!    │                     └─ exits                          │ binds, drops its rights …
//!    └─ waits ◄───────────── one byte: the exit code ────────┘ ready (0) or failed
//! ```
#![allow(unsafe_code)] // fork: sound only while there is one thread; see `fork_alone`.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, PipeWriter, Read, Write};
use std::process;

use nix::unistd::{ForkResult, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// The process in the background, before it is ready.
pub struct Daemon {
    report: PipeWriter,
}

/// Returns in the background process only. Must be called before the process has a second thread.
pub fn leave_terminal() -> Result<Daemon, DaemonError> {
    let (mut outcome, report) = io::pipe().map_err(DaemonError)?;
    if fork_alone()? == Side::Parent {
        drop(report);
        process::exit(wait_for(&mut outcome));
    }
    drop(outcome);
    setsid().map_err(io::Error::from).map_err(DaemonError)?;
    // A leader of a session that opens a terminal would get it as its own; its child would not.
    if fork_alone()? == Side::Parent {
        process::exit(0);
    }
    hold_no_folder()?;
    Ok(Daemon { report })
}

/// So that any file system can be unmounted; all paths are absolute by now.
pub fn hold_no_folder() -> Result<(), DaemonError> {
    chdir("/").map_err(io::Error::from).map_err(DaemonError)
}

impl Daemon {
    /// Lets the waiting process end with success, and lets go of the terminal.
    pub fn ready(mut self) -> Result<(), DaemonError> {
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").map_err(DaemonError)?;
        dup2_stdin(&null).map_err(io::Error::from).map_err(DaemonError)?;
        dup2_stdout(&null).map_err(io::Error::from).map_err(DaemonError)?;
        dup2_stderr(&null).map_err(io::Error::from).map_err(DaemonError)?;
        // Nobody waits if the started process was killed in the meantime; the daemon serves all the same.
        let _ = self.report.write_all(&[0]);
        Ok(())
    }

    /// Lets the waiting process end with this exit code.
    pub fn failed(mut self, exit_code: u8) {
        let _ = self.report.write_all(&[exit_code]);
    }
}

#[derive(PartialEq, Eq)]
enum Side {
    Parent,
    Child,
}

fn fork_alone() -> Result<Side, DaemonError> {
    // SAFETY: after fork only the calling thread exists in the child, so a lock that another thread held
    // would stay locked for ever. There is no other: `start` comes here before it starts logs or shards.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { .. }) => Ok(Side::Parent),
        Ok(ForkResult::Child) => Ok(Side::Child),
        Err(cause) => Err(DaemonError(cause.into())),
    }
}

/// The exit code of the daemon's start.
fn wait_for(outcome: &mut impl Read) -> i32 {
    let mut exit_code = [0];
    match outcome.read_exact(&mut exit_code) {
        Ok(()) => exit_code[0].into(),
        Err(_) => {
            eprintln!("swiftiply: the background process died while it started; start without -d to see why");
            1
        }
    }
}

/// The system refuses a process in the background.
#[derive(Debug)]
pub struct DaemonError(io::Error);

impl fmt::Display for DaemonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot go into the background ({}); start without -d and `daemonize`", self.0)
    }
}
