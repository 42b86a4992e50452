//! A request's target, decoded.

use std::borrow::Cow;

use pyo3::prelude::*;

use crate::errors::mount_error;

/// Percent-decoding; a percent sign without two hexadecimal digits behind it stays, as `urllib.parse` has it.
pub fn percent_decoded(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(decoded)
}

/// Raises unless a decoded path lies under the mount, as `swiftiply.mount.check_mount` does.
pub fn check_mount(path: &str, mount: &str) -> PyResult<()> {
    let below = path.strip_prefix(mount);
    if mount.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(());
    }
    Err(mount_error(format_args!(
        "the path {path:?} does not lie under {mount:?}, where this application is mounted"
    )))
}

fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        _ => (hex | 0x20) - b'a' + 10,
    }
}
