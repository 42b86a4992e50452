//! Log lines: messages for people, by `tracing`, on standard error or in a file; and one line for each
//! request, which goes its own way ([`AccessWriter`]) because it is written far more often.

mod access;
mod messages;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::{AccessLog, Log, LogLevel};
pub use access::AccessWriter;
use messages::MessageWriter;

/// The logs of this process, once they are started.
static OPEN: OnceLock<Logs> = OnceLock::new();

struct Logs {
    access: Option<AccessWriter>,
    messages: MessageWriter,
}

/// Opens the logs and sends every event of this process to them. Once per process; a second call
/// changes nothing. Starts a thread, so a process that forks must do that before.
pub fn start(log: &Log) -> Result<(), LogError> {
    let access = match &log.access {
        AccessLog::Off => None,
        AccessLog::Stdout => Some(AccessWriter::start(access::Target::Stdout)),
        AccessLog::File(path) => Some(AccessWriter::start(access::Target::file(path)?)),
    };
    let messages = match &log.error {
        None => MessageWriter::stderr(),
        Some(path) => MessageWriter::file(path)?,
    };
    let subscriber = subscriber(messages.clone(), log.level);
    if OPEN.set(Logs { access, messages }).is_ok() {
        // Fails only where another subscriber was set, which then gets the messages.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

/// Where access-log lines go; None if nowhere, or before [`start`].
pub fn access_writer() -> Option<AccessWriter> {
    OPEN.get().and_then(|logs| logs.access.clone())
}

/// Opens the files anew under their names, after they were moved away by a log rotation. A file that
/// cannot be opened stays the old one, and the error says so.
pub fn reopen() -> Result<(), LogError> {
    let Some(logs) = OPEN.get() else { return Ok(()) };
    let access = logs.access.as_ref().map_or(Ok(()), AccessWriter::reopen);
    logs.messages.reopen().and(access)
}

/// Writes what is still buffered. The last thing before the process ends.
pub fn finish() {
    if let Some(access) = OPEN.get().and_then(|logs| logs.access.as_ref()) {
        access.finish();
    }
}

/// A log file that cannot be opened.
#[derive(Debug)]
pub struct LogError {
    file: PathBuf,
    cause: io::Error,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogError { file, cause } = self;
        write!(
            f,
            "the log file {} cannot be opened ({cause}); check `log` in the configuration",
            file.display()
        )
    }
}

impl std::error::Error for LogError {}

fn open(file: &Path) -> Result<File, LogError> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.map_err(|cause| LogError { file: file.to_owned(), cause })
}

fn subscriber(messages: MessageWriter, level: LogLevel) -> impl Subscriber + Send + Sync {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(messages.is_terminal())
        .with_writer(move || messages.clone())
        .finish()
        // What the crates under us have to say is for those who work on them, and some of it is the client's to provoke.
        .with(Targets::new().with_target("swiftiply", level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tracing::{info, warn};

    #[test]
    fn messages_of_the_wanted_level_are_written_with_time_and_level() {
        let folder = std::env::temp_dir().join(format!("swiftiply-logging-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("error.log");
        let messages = MessageWriter::file(&file).unwrap();
        tracing::subscriber::with_default(subscriber(messages, LogLevel::Warn), || {
            warn!("the queue is full");
            info!("too unimportant");
        });
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.ends_with(" WARN the queue is full\n"), "{written}");
        assert_eq!(written.lines().count(), 1, "{written}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
