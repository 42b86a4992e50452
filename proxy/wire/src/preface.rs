//! How a link begins, so that a stranger is told apart by its first bytes.

use crate::WireError;

/// The first eight bytes that a backend sends on a link. The first byte is neither ASCII (HTTP, the 0.6 preface
/// `swiftclient`) nor a TLS record type, so one port can tell them apart.
pub const PREFACE: [u8; 8] = *b"\xF5SwLink\n";

/// The lowest protocol version that this crate speaks.
pub const VERSION_MIN: u8 = 1;
/// The highest protocol version that this crate speaks.
pub const VERSION_MAX: u8 = 1;

/// Reads [`PREFACE`] off the front of `input`; gives its length. `None`: it is not all there yet.
///
/// # Errors
/// [`WireError::NotOurProtocol`] at the first byte that differs.
pub fn read_preface(input: &[u8]) -> Result<Option<usize>, WireError> {
    let there = input.len().min(PREFACE.len());
    if input[..there] != PREFACE[..there] {
        return Err(WireError::NotOurProtocol);
    }
    Ok((there == PREFACE.len()).then_some(there))
}
