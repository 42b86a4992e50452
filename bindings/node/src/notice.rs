//! How notices look in JavaScript: a level of its log, a number for what the adapter acts on, and the line.

use swiftiply_connector::{Level, NoticeKind};

/// As `NOTICE` in `native.js`.
pub(crate) fn kind(kind: NoticeKind) -> u32 {
    match kind {
        NoticeKind::Connected => 1,
        NoticeKind::Refused { fatal: true } => 2,
        _ => 0,
    }
}

pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warn",
        Level::Error => "error",
    }
}
