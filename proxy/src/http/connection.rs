//! The Connection header (RFC 9110 section 7.6.1).

use super::field::list;
use super::limits::CONNECTION_OPTIONS_MAX;
use super::refusal::Refusal;

/// What all Connection headers of a message say together.
#[derive(Debug, Default)]
pub(super) struct ConnectionOptions {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    /// Whether a name stands in it that could be a header's.
    pub(super) names_headers: bool,
    count: usize,
}

impl ConnectionOptions {
    /// Adds one Connection header.
    pub(super) fn note(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for option in list(value).filter(|option| !option.is_empty()) {
            self.count += 1;
            match option {
                _ if option.eq_ignore_ascii_case(b"close") => self.close = true,
                _ if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                _ if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
                _ => self.names_headers = true,
            }
        }
        if self.count > CONNECTION_OPTIONS_MAX {
            return Err(Refusal::TooManyOptions);
        }
        Ok(())
    }
}

/// Whether a Connection header with this value names that header.
pub(super) fn names(connection: &[u8], header: &[u8]) -> bool {
    list(connection).any(|option| option.eq_ignore_ascii_case(header))
}
