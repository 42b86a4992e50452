//! The PROXY protocol (haproxy.org, `proxy-protocol.txt`, versions 1 and 2): how a proxy in front that passes bytes on
//! without reading them says who its client is, in a header before the first byte.
//!
//! Strict: what is not exactly as specified closes the connection, since somebody other than the proxy may have sent it.

#[cfg(any(test, fuzzing))]
pub mod any_header;
mod v1;
mod v2;

use std::fmt;
use std::net::SocketAddr;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing: the proxy speaks for itself (a health check), or does not know its client. The connection's own
    /// addresses hold.
    Nothing,
    /// Who connected, and to which address.
    Client {
        /// The client.
        peer: SocketAddr,
        /// Where it connected to.
        local: SocketAddr,
    },
}

/// The longest header, either version: what is longer is malformed. Of version 2 it leaves 484 bytes beyond the longest
/// addresses for what else proxies like to tell (TLVs); HAProxy itself takes 500 bytes in all.
pub const HEADER_BYTES_MAX: usize = 16 + 216 + 484;

/// Reads the header at the beginning of `bytes`. `None` means: not yet, call again with the same bytes and more behind
/// them. With what it says comes how many bytes it took.
///
/// # Errors
/// [`Malformed`] as soon as it is certain.
pub fn parse(bytes: &[u8]) -> Result<Option<(usize, Told)>, Malformed> {
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => v1::parse(bytes),
        Some(_) => v2::parse(bytes),
    }
}

/// Why something is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Whether `bytes` begin with `mark`; `None` while they are too short to tell.
fn begins_with(bytes: &[u8], mark: &[u8]) -> Option<bool> {
    let n = bytes.len().min(mark.len());
    if bytes[..n] != mark[..n] {
        return Some(false);
    }
    (n == mark.len()).then_some(true)
}

#[cfg(test)]
mod tests;
