//! The keys of `http2`.

use super::error::ConfigError;
use super::read::{check_keys, set};
use super::section::Field;
use super::warnings::Warnings;

/// Whether HTTP/2 is spoken with clients, and what one of its connections may cost. Heads and times are bounded by
/// [`Limits`](super::Limits), as in HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// `http2: off`: clients speak HTTP/1.1 or nothing. On by default.
    pub enabled: bool,
    /// `streams`: requests at once on one connection; those beyond are refused and may be sent again. 100 by default,
    /// what RFC 9113 6.5.2 asks for at least.
    pub streams: u32,
    /// `window`: bytes of body that a client may send ahead of its backend, per stream, and `streams` times as much per
    /// connection. 64 KiB by default, as an HTTP/1.1 connection may: what 100 of those cost, one of HTTP/2 may cost too.
    pub window: u32,
    /// `resets`: requests that a client may reset before their reply has begun, beyond as many as it lets be answered;
    /// then its connection is closed (CVE-2023-44487). As many streams may break the protocol in all (CVE-2025-8671).
    /// 200 by default: twice what a browser can have under way when its user goes elsewhere.
    pub resets: u32,
    /// `overhead`: bytes of frames that carry nothing (PING, SETTINGS, PRIORITY, empty ones), beyond those that its
    /// requests and their bodies need; then the connection is closed. 1 MiB by default: clients of good will stay
    /// below a thousandth.
    pub overhead: u64,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { enabled: true, streams: 100, window: 64 * 1024, resets: 200, overhead: 1024 * 1024 }
    }
}

const KEYS: &[&str] = &["enabled", "streams", "window", "resets", "overhead"];

impl Http2 {
    /// `off`, `on`, or a section of keys.
    pub(super) fn read(field: &Field<'_>, warnings: &mut Warnings) -> Result<Self, ConfigError> {
        let mut http2 = Self::default();
        if let Some(enabled) = field.as_boolean() {
            return Ok(Self { enabled, ..http2 });
        }
        let wanted = "on, off, or keys with their values, like `streams: 100`";
        let section = field.section().map_err(|_| field.wrong(wanted))?;
        check_keys(&section, &[KEYS], warnings)?;
        set(&mut http2.enabled, &section, "enabled", Field::boolean)?;
        set(&mut http2.streams, &section, "streams", |field| field.number(1..=10_000))?;
        set(&mut http2.window, &section, "window", |field| field.bytes(16 * 1024..=16 * 1024 * 1024))?;
        set(&mut http2.resets, &section, "resets", |field| field.number(1..=1_000_000))?;
        set(&mut http2.overhead, &section, "overhead", |field| field.bytes(16 * 1024..=1 << 40))?;
        Ok(http2)
    }
}
