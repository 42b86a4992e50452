//! From the keys of a file to a [`Config`]. Each `read_*` function is one mapping of the file, its keys in
//! the order of the documentation; every fault is found before anything is started.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use swiftiply_wire::limits::HEAD_BYTES_MAX;

use crate::http::HEADERS_ROOM;

use super::acme::AcmeConfig;
use super::address::AddressError;
use super::error::{ConfigError, Fault, Hint, Warning};
use super::file::Document;
use super::files;
use super::front::Front;
use super::http2::Http2;
use super::model::{AccessLog, Config, Identity, Limits, Log, LogLevel, Process};
use super::section::{Field, Section};
use super::sites;
use super::warnings::Warnings;

const TOP_KEYS: &[&str] = &[
    "cluster_address",
    "cluster_port",
    "tls",
    "acme",
    "ssl",
    "proxy_protocol",
    "map",
    "defaults",
    "limits",
    "http2",
    "trusted_proxies",
    "shards",
    "drain_timeout",
    "ping_interval",
    "memory_max",
    "log",
    "daemonize",
    "pidfile",
    "user",
    "group",
];
const LIMIT_KEYS: &[&str] = &[
    "request_line",
    "head",
    "headers",
    "head_timeout",
    "body_rate",
    "idle_timeout",
    "connections",
    "handshake_timeout",
    "handshakes",
    "max_body",
];
const LOG_KEYS: &[&str] = &["access", "error", "level"];

const SECOND: Duration = Duration::from_secs(1);
/// What the proxy needs before anybody has asked for anything, and a little.
const MEMORY_MIN: u64 = 16 << 20;
const DAY: Duration = Duration::from_secs(86_400);

/// The meaning of a document.
pub(super) fn config(document: &Document) -> Result<(Config, Vec<Warning>), ConfigError> {
    let top = Section::root(document)?;
    let mut warnings = Warnings::default();
    check_keys(&top, &[TOP_KEYS, sites::SHARED_KEYS, files::KEYS], &mut warnings)?;
    // Paths are meant from the file's own folder, so that they do not depend on where the proxy was started.
    let folder = document.file.parent().unwrap_or(Path::new(""));

    let front = Front::read(&top, folder, &mut warnings)?;
    let mut config = Config::new(front.addresses(), Vec::new());
    let limits = optional(&top, "limits", |field| field.section())?;
    if let Some(limits) = &limits {
        check_keys(limits, &[LIMIT_KEYS], &mut warnings)?;
        config.limits = read_limits(limits)?;
    }
    config.sites = sites::read(&top, limits.as_ref(), &front, folder, &mut warnings)?;
    config.tls = front.tls;
    config.acme = AcmeConfig::read(&top, &config.sites, folder, &mut warnings)?;
    config.proxy_protocol = front.proxy_protocol;
    config.error_pages = sites::read_error_pages(&top, folder)?;
    set(&mut config.http2, &top, "http2", |field| Http2::read(field, &mut warnings))?;
    if let Some(field) = top.field("trusted_proxies") {
        config.trusted_proxies = field.items().iter().map(read_address).collect::<Result<_, _>>()?;
    }
    set(&mut config.shards, &top, "shards", |field| field.number(1..=Config::SHARDS_MAX))?;
    set(&mut config.drain_timeout, &top, "drain_timeout", |field| field.duration(Duration::ZERO..=DAY))?;
    set(&mut config.ping_interval, &top, "ping_interval", |field| {
        field.duration(SECOND / 10..=3600 * SECOND)
    })?;
    set(&mut config.memory_max, &top, "memory_max", |field| match field.as_boolean() {
        Some(false) => Ok(None),
        _ => field.bytes(MEMORY_MIN..=u64::MAX).map(Some).map_err(|_| {
            field.wrong("a size in bytes of at least 16m, like 512m or 2g, or off for no limit")
        }),
    })?;
    if let Some(field) = top.field("log") {
        let log = field.section()?;
        check_keys(&log, &[LOG_KEYS], &mut warnings)?;
        config.log = read_log(&log, folder)?;
    }
    config.process = read_process(&top, folder)?;
    if let Some(field) =
        top.field("daemonize").filter(|_| config.process.daemonize && config.log.error.is_none())
    {
        warnings.add(&field, "the log goes nowhere once the terminal is left; name a file as `log.error`");
    }
    Ok((config, warnings.finish()))
}

/// Refuses a key that none of the lists has, but for those of 0.6, which get a warning.
pub(super) fn check_keys(
    section: &Section,
    known: &[&'static [&'static str]],
    warnings: &mut Warnings,
) -> Result<(), ConfigError> {
    for field in section.fields() {
        let key = field.key();
        if known.iter().any(|keys| keys.contains(&key)) {
            continue;
        }
        match super::legacy::find(key) {
            Some(text) => warnings.add(&field, text),
            None => return Err(field.fault(Fault::UnknownKey { hint: hint(key, known) })),
        }
    }
    Ok(())
}

/// What may have been meant by an unknown key: a neighbour in spelling, or a place where it is known.
fn hint(key: &str, known: &[&'static [&'static str]]) -> Hint {
    if sites::OWN_KEYS.contains(&key) {
        return Hint::Elsewhere("in an entry of `map`");
    }
    if LIMIT_KEYS.contains(&key) {
        return Hint::Elsewhere("into `limits`");
    }
    if TOP_KEYS.contains(&key) {
        return Hint::Elsewhere("at the top level of the file");
    }
    let distance = |candidate: &str| strsim::damerau_levenshtein(&key.to_lowercase(), candidate);
    let nearest = known.iter().copied().flatten().copied().min_by_key(|&candidate| distance(candidate));
    // A third of the letters may be wrong; beyond that a suggestion is a guess.
    match nearest.filter(|&candidate| distance(candidate) <= (candidate.len() / 3).max(1)) {
        Some(candidate) => Hint::Near(candidate),
        None => Hint::Known(known[0]),
    }
}

fn read_limits(section: &Section) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    set(&mut limits.request_line, section, "request_line", |field| field.bytes(64..=1 << 20))?;
    set(&mut limits.head, section, "head", |field| field.bytes(256..=HEAD_BYTES_MAX))?;
    set(&mut limits.headers, section, "headers", |field| field.number(1..=HEADERS_ROOM))?;
    set(&mut limits.head_timeout, section, "head_timeout", |field| field.duration(SECOND / 10..=DAY))?;
    set(&mut limits.idle_timeout, section, "idle_timeout", |field| field.duration(SECOND / 10..=DAY))?;
    set(&mut limits.connections, section, "connections", |field| field.number(1..=10_000_000))?;
    set(&mut limits.handshake_timeout, section, "handshake_timeout", |field| {
        field.duration(SECOND / 10..=DAY)
    })?;
    set(&mut limits.handshakes, section, "handshakes", |field| field.number(1..=10_000_000))?;
    Ok(limits)
}

fn read_log(section: &Section, folder: &Path) -> Result<Log, ConfigError> {
    let mut log = Log::default();
    set(&mut log.access, section, "access", |field| match field.as_boolean() {
        Some(true) => Ok(AccessLog::Stdout),
        Some(false) => Ok(AccessLog::Off),
        None => Ok(AccessLog::File(read_path(field, folder, "on, off or the path of a file")?)),
    })?;
    log.error = optional(section, "error", |field| read_path(field, folder, "the path of a file"))?;
    set(&mut log.level, section, "level", |field| {
        let wanted = "error, warn, info, debug or trace";
        field.text(wanted)?.parse().map_err(|_| field.wrong(wanted))
    })?;
    Ok(log)
}

fn read_process(top: &Section, folder: &Path) -> Result<Process, ConfigError> {
    Ok(Process {
        daemonize: optional(top, "daemonize", Field::boolean)?.unwrap_or(false),
        pidfile: optional(top, "pidfile", |field| read_path(field, folder, "the path of a file"))?,
        user: optional(top, "user", |field| field.word("a user's name or number").map(Identity::from))?,
        group: optional(top, "group", |field| field.word("a group's name or number").map(Identity::from))?,
    })
}

/// The items of a key that must be there and hold something.
pub(super) fn non_empty_list<'d>(
    section: &Section<'d>,
    key: &'d str,
    wanted: &'static str,
) -> Result<Vec<Field<'d>>, ConfigError> {
    let field = section.field(key).ok_or_else(|| section.missing(key, wanted))?;
    let items = field.items();
    if items.is_empty() { Err(field.fault(Fault::Empty { wanted })) } else { Ok(items) }
}

pub(super) fn read_address<T: FromStr<Err = AddressError>>(field: &Field) -> Result<T, ConfigError> {
    let text = field.text("an address, like 127.0.0.1:30000")?;
    text.parse().map_err(|cause| field.fault(Fault::Address { text: text.to_owned(), cause }))
}

pub(super) fn read_path(field: &Field, folder: &Path, wanted: &str) -> Result<PathBuf, ConfigError> {
    let path = field.text(wanted)?;
    if path.is_empty() { Err(field.wrong(wanted)) } else { Ok(folder.join(path)) }
}

pub(super) fn optional<'d, T>(
    section: &Section<'d>,
    key: &str,
    read: impl FnOnce(&Field<'d>) -> Result<T, ConfigError>,
) -> Result<Option<T>, ConfigError> {
    section.field(key).map(|field| read(&field)).transpose()
}

pub(super) fn set<'d, T>(
    place: &mut T,
    section: &Section<'d>,
    key: &str,
    read: impl FnOnce(&Field<'d>) -> Result<T, ConfigError>,
) -> Result<(), ConfigError> {
    if let Some(value) = optional(section, key, read)? {
        *place = value;
    }
    Ok(())
}

impl From<String> for Identity {
    fn from(word: String) -> Self {
        match word.parse() {
            Ok(number) => Identity::Number(number),
            Err(_) => Identity::Name(word),
        }
    }
}

impl FromStr for LogLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "error" => Ok(LogLevel::Error),
            "warn" => Ok(LogLevel::Warn),
            "info" => Ok(LogLevel::Info),
            "debug" => Ok(LogLevel::Debug),
            "trace" => Ok(LogLevel::Trace),
            _ => Err(()),
        }
    }
}
