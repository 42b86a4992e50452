//! The `swiftiply` command: what was asked for, and how it ends.
//!
//! Exit codes: 0 when all went well, 2 when the command line, the configuration or something it names
//! (an address, a user, a file) cannot be used, 1 when something fails later.

mod args;
mod check;
mod daemon;
mod identity;
mod start;

use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use swiftiply::acme::StoreError;
use swiftiply::config::{ConfigError, Warning};
use swiftiply::logging::LogError;
use swiftiply::run::{BindError, InheritanceError, PidfileError, RunError};

use args::{Args, Command};

/// Does what the command line says.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.command {
        Some(Command::Check { file }) => check::check(file.as_deref()),
        None if args.print_config => check::check(args.config.as_deref()),
        None => start::start(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("swiftiply: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Why the command fails: one sentence.
#[derive(Debug)]
enum Failure {
    /// The folder in which the command was started is gone, so relative paths mean nothing.
    Folder(io::Error),
    Config(ConfigError),
    Log(LogError),
    Pidfile(PidfileError),
    Inheritance(InheritanceError),
    Identity(identity::IdentityError),
    Bind(BindError),
    Store(StoreError),
    /// What a service manager opened for us is of no use.
    Activation(io::Error),
    Daemon(daemon::DaemonError),
    Run(RunError),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Daemon(_) | Failure::Run(_) => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Folder(cause) => {
                write!(f, "the current folder cannot be used ({cause}); go to another one")
            }
            Failure::Config(error) => error.fmt(f),
            Failure::Log(error) => error.fmt(f),
            Failure::Pidfile(error) => error.fmt(f),
            Failure::Inheritance(error) => error.fmt(f),
            Failure::Activation(cause) => write!(
                f,
                "a socket of the service manager cannot be used ({cause}); only `ListenStream=` sockets serve"
            ),
            Failure::Identity(error) => error.fmt(f),
            Failure::Bind(error) => error.fmt(f),
            Failure::Store(error) => error.fmt(f),
            Failure::Daemon(error) => error.fmt(f),
            Failure::Run(error) => error.fmt(f),
        }
    }
}

fn print_warnings(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("swiftiply: warning: {warning}");
    }
}
