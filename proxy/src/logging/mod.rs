//! Log lines: messages for people on standard error or in a file, and one line per request, which goes
//! its own way because it is written far more often.
//!
//! A line for the access log is an event of the target [`ACCESS`] whose message is the whole line:
//! `tracing::info!(target: logging::ACCESS, "{line}")`.

mod access;
mod messages;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{AccessLog, Log, LogLevel};
use access::AccessWriter;
use messages::MessageWriter;

/// The target of the access log's events.
pub const ACCESS: &str = "access";

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
    let logs = Logs { access, messages };
    let subscriber = logs.subscriber(log.level);
    if OPEN.set(logs).is_ok() {
        // Fails only where another subscriber was set, which then gets the lines.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

impl Logs {
    fn subscriber(&self, level: LogLevel) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::registry()
            .with(self.access.clone().map(access_layer))
            .with(message_layer(self.messages.clone(), level))
    }
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

fn access_layer<S>(writer: AccessWriter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_access = filter_fn(|event| event.target() == ACCESS).with_max_level_hint(LevelFilter::INFO);
    tracing_subscriber::fmt::layer()
        .event_format(access::BareLine)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .with_filter(is_access)
}

fn message_layer<S>(writer: MessageWriter, level: LogLevel) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let is_wanted = filter_fn(move |event| event.target() != ACCESS && *event.level() <= level)
        // So that `debug!` and `trace!` cost nothing while nobody wants them.
        .with_max_level_hint(level);
    tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(writer.is_terminal())
        .with_writer(move || writer.clone())
        .with_filter(is_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tracing::{debug, info, warn};

    #[test]
    fn messages_and_access_lines_go_their_own_ways() {
        let folder = std::env::temp_dir().join(format!("swiftiply-logging-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (access, messages) = (folder.join("access.log"), folder.join("error.log"));
        let logs = Logs {
            access: Some(AccessWriter::start(access::Target::file(&access).unwrap())),
            messages: MessageWriter::file(&messages).unwrap(),
        };
        tracing::subscriber::with_default(logs.subscriber(LogLevel::Warn), || {
            info!(target: ACCESS, "{} \"GET / HTTP/1.1\" {}", "192.0.2.1", 200);
            warn!("the queue is full");
            info!("too unimportant");
            debug!(target: ACCESS, "no access line");
        });
        logs.access.unwrap().finish();
        assert_eq!(fs::read_to_string(&access).unwrap(), "192.0.2.1 \"GET / HTTP/1.1\" 200\n");
        let messages = fs::read_to_string(&messages).unwrap();
        assert!(messages.ends_with(" WARN the queue is full\n"), "{messages}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
