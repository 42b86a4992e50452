//! The authority of a request: what the client calls this server.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::limits::HOST_BYTES_MAX;
use super::refusal::Refusal;

/// A host and an optional port, from the Host header or an absolute target.
///
/// A name is letters, digits, `-`, `_`, `.` and `~`. RFC 3986 would also allow sub-delimiters and percent escapes in
/// it; no site is named so, and an app that builds links from its host is safer without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority<'h> {
    /// As the client wrote it, for forwarding.
    pub text: &'h str,
    /// For finding the site: lower case, no port, no trailing dot; an IPv6 address in brackets and in its shortest form.
    pub host: Cow<'h, str>,
    /// The port, 1 to 65535, if one was given.
    pub port: Option<u16>,
    /// The port as the client wrote it; empty if it gave none.
    pub(super) port_digits: &'h str,
}

impl<'h> Authority<'h> {
    /// Reads an authority (RFC 9110 section 7.2). User information is refused (RFC 9110 section 4.2.4).
    ///
    /// # Errors
    /// [`Refusal::BadHost`] for anything that is not a host with an optional port, the empty string included.
    pub fn parse(bytes: &'h [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::BadHost)?;
        let (host, port) = if text.starts_with('[') { split_address(text)? } else { split_name(text)? };
        // A colon without digits is allowed and says nothing (RFC 3986 section 3.2.3).
        let port_digits = match port.as_bytes() {
            [] => "",
            [b':', ..] => &port[1..],
            _ => return Err(Refusal::BadHost),
        };
        Ok(Self { text, host, port: parse_port(port_digits)?, port_digits })
    }
}

/// Splits `[address]:port`; the port keeps its colon.
fn split_address(text: &str) -> Result<(Cow<'_, str>, &str), Refusal> {
    let close = text.find(']').ok_or(Refusal::BadHost)?;
    let (literal, port) = text.split_at(close + 1);
    let address: Ipv6Addr = literal[1..close].parse().map_err(|_| Refusal::BadHost)?;
    let shortest = format!("[{address}]");
    let host = if shortest == literal { Cow::Borrowed(literal) } else { Cow::Owned(shortest) };
    Ok((host, port))
}

/// Splits `name:port`; the port keeps its colon. Every request comes through here, so one pass does it.
fn split_name(text: &str) -> Result<(Cow<'_, str>, &str), Refusal> {
    let mut length = text.len();
    let mut previous = b'.';
    let mut has_upper_case = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {}
            b'.' if previous != b'.' => {}
            b'A'..=b'Z' => has_upper_case = true,
            b':' => {
                length = at;
                break;
            }
            _ => return Err(Refusal::BadHost),
        }
        previous = byte;
    }
    if length == 0 || length > HOST_BYTES_MAX {
        return Err(Refusal::BadHost);
    }
    let (name, port) = text.split_at(length);
    // At most one: two dots in a row are refused above, and a lone one too.
    let name = if previous == b'.' { &name[..length - 1] } else { name };
    let host = if has_upper_case { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) };
    Ok((host, port))
}

fn parse_port(digits: &str) -> Result<Option<u16>, Refusal> {
    if digits.is_empty() {
        return Ok(None);
    }
    // Parsing a number also takes a sign.
    match digits.parse() {
        Ok(port @ 1..) if !digits.starts_with('+') => Ok(Some(port)),
        _ => Err(Refusal::BadHost),
    }
}
