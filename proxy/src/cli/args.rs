//! The command line. The flags of Swiftiply 0.6 that people have in their start scripts still work.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use swiftiply::config::{Config, LogLevel};

/// A narrow, fast clustering proxy whose backends are its clients.
///
/// Without --config it serves one site: clients at 127.0.0.1:8080, backends at 127.0.0.1:30000 and at a
/// Unix socket.
#[derive(Debug, Parser)]
#[command(name = "swiftiply", version, disable_version_flag = true, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Signals: TERM and INT drain and stop (the second one at once), HUP reloads the configuration."
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The configuration file (YAML; those of Swiftiply 0.6 work unchanged)
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Run in the background, whatever the file says
    #[arg(short, long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes", hide_possible_values = true)]
    pub daemonize: Option<YesNo>,

    /// Keep the process id in this file while running
    #[arg(short = 'f', long, value_name = "FILE")]
    pub pidfile: Option<PathBuf>,

    /// The least important messages to log
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,

    /// As in 0.6: print what the configuration means and stop (`check` does the same)
    #[arg(short, long, hide = true)]
    pub print_config: bool,

    /// Print the version
    #[arg(short = 'V', short_alias = 'v', long, action = ArgAction::Version)]
    version: (),
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what a configuration file means, or what is wrong with it; start nothing
    Check {
        /// The file; without one, what `swiftiply` does without --config
        file: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    #[value(alias = "y")]
    Yes,
    #[value(alias = "n")]
    No,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Args {
    /// What the command line says wins over what the file says.
    pub fn apply(&self, config: &mut Config) -> std::io::Result<()> {
        if let Some(daemonize) = self.daemonize {
            config.process.daemonize = daemonize == YesNo::Yes;
        }
        if let Some(pidfile) = &self.pidfile {
            // Absolute, because a daemon leaves the folder where it was started.
            config.process.pidfile = Some(std::path::absolute(pidfile)?);
        }
        if let Some(level) = self.log_level {
            config.log.level = match level {
                Level::Error => LogLevel::Error,
                Level::Warn => LogLevel::Warn,
                Level::Info => LogLevel::Info,
                Level::Debug => LogLevel::Debug,
                Level::Trace => LogLevel::Trace,
            };
        }
        Ok(())
    }
}
