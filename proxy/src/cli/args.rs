//! The command line. The flags of Swiftiply 0.6 that people have in their start scripts still work.

use std::io;
use std::path::{PathBuf, absolute};

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use swiftiply::config::{ConfigSource, LogLevel, Overrides};

/// A narrow, fast clustering proxy whose backends are its clients.
///
/// Without --config it serves one site: clients at 127.0.0.1:8080, backends at 127.0.0.1:30000 and at a
/// Unix socket.
#[derive(Debug, Parser)]
#[command(name = "swiftiply", version, disable_version_flag = true, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Signals: TERM and INT drain and stop (the second one at once), HUP reloads the configuration, \
USR2 replaces the program without losing a request."
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
    /// Where the configuration comes from. All paths become absolute: a daemon leaves the folder where it
    /// was started.
    pub fn source(&self) -> io::Result<ConfigSource> {
        Ok(ConfigSource {
            path: self.config.as_ref().map(absolute).transpose()?,
            overrides: Overrides {
                daemonize: self.daemonize.map(|answer| answer == YesNo::Yes),
                pidfile: self.pidfile.as_ref().map(absolute).transpose()?,
                log_level: self.log_level.map(LogLevel::from),
            },
        })
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        }
    }
}
