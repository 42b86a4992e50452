//! What the adapter prints: log lines and changes of state.

use std::collections::VecDeque;

use crate::limits::NOTICES_MAX;

/// One line for the adapter's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// One sentence for the operator: what happened, where, what to do.
    pub text: String,
    /// The same for the program.
    pub kind: NoticeKind,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For who looks closely.
    Debug,
    /// As it should be.
    Info,
    /// Service is reduced, and comes back by itself.
    Warning,
    /// Somebody has to do something.
    Error,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// A proxy has all the links that it wants: it sends requests from now on.
    Connected,
    /// A link to a connected proxy broke; it is dialled again.
    Lost,
    /// A proxy does not answer; it is dialled again.
    Unreachable,
    /// A proxy refused this backend.
    Refused {
        /// Whether only an operator can change that: a wrong key, a version without agreement.
        fatal: bool,
    },
    /// A proxy said that it goes down.
    ProxyClosing,
    /// All exchanges are over and all links are closed, as [`drain`](crate::ThreadConnector::drain) asked.
    Drained,
    /// An app broke a rule of its interface, and the reply was cut or aborted.
    AppFault,
    /// So many older notices were dropped unread.
    Dropped(u64),
}

/// The newest notices; the oldest go first when nobody reads them.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    lines: VecDeque<Notice>,
    dropped: u64,
}

impl Notices {
    pub(crate) fn push(&mut self, level: Level, kind: NoticeKind, text: String) {
        if self.lines.len() == NOTICES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(Notice { level, text, kind });
    }

    pub(crate) fn pop(&mut self) -> Option<Notice> {
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            let text =
                format!("{dropped} older messages of the connector were dropped because nobody read them");
            return Some(Notice { level: Level::Warning, text, kind: NoticeKind::Dropped(dropped) });
        }
        self.lines.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_notices_are_dropped_and_counted() {
        let mut notices = Notices::default();
        for n in 0..NOTICES_MAX + 3 {
            notices.push(Level::Info, NoticeKind::Connected, n.to_string());
        }
        assert_eq!(notices.pop().unwrap().kind, NoticeKind::Dropped(3));
        assert_eq!(notices.pop().unwrap().text, "3");
        let rest = std::iter::from_fn(|| notices.pop()).count();
        assert_eq!(rest, NOTICES_MAX - 1);
        assert!(notices.is_empty());
    }
}
