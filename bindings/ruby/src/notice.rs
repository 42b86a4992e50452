//! What the connector has to say to the operator.

use magnus::{RArray, Ruby, Symbol};
use swiftiply_connector::{Level, Notice, NoticeKind};

/// `[level, kind, text]`, the first two as symbols.
pub(crate) fn to_ruby(ruby: &Ruby, notice: &Notice) -> RArray {
    ruby.ary_new_from_values(&[
        magnus::value::ReprValue::as_value(level(ruby, notice.level)),
        magnus::value::ReprValue::as_value(kind(ruby, notice.kind)),
        magnus::value::ReprValue::as_value(ruby.str_new(&notice.text)),
    ])
}

fn level(ruby: &Ruby, level: Level) -> Symbol {
    ruby.to_symbol(match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warn",
        Level::Error => "error",
    })
}

fn kind(ruby: &Ruby, kind: NoticeKind) -> Symbol {
    ruby.to_symbol(match kind {
        NoticeKind::Connected => "connected",
        NoticeKind::Lost => "lost",
        NoticeKind::Unreachable => "unreachable",
        NoticeKind::Refused { fatal: true } => "refused",
        NoticeKind::Refused { fatal: false } => "refused_for_now",
        NoticeKind::ProxyClosing => "proxy_closing",
        NoticeKind::Drained => "drained",
        NoticeKind::AppFault => "app_fault",
        NoticeKind::Dropped(_) => "dropped",
    })
}
