//! Version 1: a line of text, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CR LF.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Malformed, Told, begins_with};

/// The longest line, with its end (section 2.1).
const LINE_BYTES_MAX: usize = 107;

const NO_MARK: Malformed = Malformed("it does not begin with a PROXY header");
const TOO_LONG: Malformed = Malformed("the PROXY line is longer than 107 bytes");
const BAD_LINE: Malformed =
    Malformed("the PROXY line is not PROXY, TCP4 or TCP6, two addresses and two ports");

pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Told)>, Malformed> {
    match begins_with(bytes, b"PROXY ") {
        None => return Ok(None),
        Some(false) => return Err(NO_MARK),
        Some(true) => {}
    }
    let seen = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = memchr::memchr2(b'\r', b'\n', seen) else {
        return if seen.len() == LINE_BYTES_MAX { Err(TOO_LONG) } else { Ok(None) };
    };
    match seen.get(end + 1) {
        _ if seen[end] == b'\n' => Err(BAD_LINE),
        Some(b'\n') => Ok(Some((end + 2, read(&seen[b"PROXY ".len()..end])?))),
        Some(_) => Err(BAD_LINE),
        None if end + 1 == LINE_BYTES_MAX => Err(TOO_LONG),
        None => Ok(None),
    }
}

/// What follows `PROXY `.
fn read(line: &[u8]) -> Result<Told, Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| BAD_LINE)?;
    let mut words = line.split(' ');
    let family = words.next().ok_or(BAD_LINE)?;
    if family == "UNKNOWN" {
        // Whatever follows is to be ignored.
        return Ok(Told::Nothing);
    }
    let mut word = || words.next().ok_or(BAD_LINE);
    let (from, to, from_port, to_port) = (word()?, word()?, word()?, word()?);
    if words.next().is_some() {
        return Err(BAD_LINE);
    }
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let socket = |ip, port_text| Some(SocketAddr::new(address(ip)?, port(port_text)?));
    match (socket(from, from_port), socket(to, to_port)) {
        (Some(peer), Some(local)) => Ok(Told::Client { peer, local }),
        _ => Err(BAD_LINE),
    }
}

/// Digits without a leading zero, as specified; `parse` alone would take `+80`.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}
