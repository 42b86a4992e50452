//! Version 2: twelve bytes that nothing else begins with, then version and command, family and length, addresses.

use std::net::{IpAddr, SocketAddr};

use super::{HEADER_BYTES_MAX, Malformed, Told, begins_with};

/// Section 2.2.
const MARK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Mark, version and command, family, length.
const FIXED_BYTES: usize = 16;

const NO_MARK: Malformed = Malformed("it does not begin with a PROXY header");
const BAD_VERSION: Malformed = Malformed("the PROXY header has neither version 1 nor 2");
const BAD_COMMAND: Malformed = Malformed("the PROXY header's command is neither LOCAL nor PROXY");
const BAD_FAMILY: Malformed = Malformed("the PROXY header's family is none that exists");
const TOO_SHORT: Malformed = Malformed("the PROXY header is too short for its addresses");
const TOO_LONG: Malformed = Malformed("the PROXY header is longer than this server accepts");

pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Told)>, Malformed> {
    if begins_with(bytes, MARK) == Some(false) {
        return Err(NO_MARK);
    }
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED_BYTES) else { return Ok(None) };
    let (version, command) = (fixed[12] >> 4, fixed[12] & 0xf);
    if version != 2 {
        return Err(BAD_VERSION);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED_BYTES + length > HEADER_BYTES_MAX {
        return Err(TOO_LONG);
    }
    let Some(addresses) = rest.get(..length) else { return Ok(None) };
    let told = match command {
        0 => Told::Nothing,
        1 => read(fixed[13], addresses)?,
        _ => return Err(BAD_COMMAND),
    };
    Ok(Some((FIXED_BYTES + length, told)))
}

/// Addresses and ports of TCP; of other families only that they are there. What stands behind them (TLVs) is ignored.
fn read(family: u8, bytes: &[u8]) -> Result<Told, Malformed> {
    let client = |peer, local| Told::Client { peer, local };
    match family {
        0x11 => {
            let [from, to] = addresses::<4>(bytes)?;
            Ok(client(from, to))
        }
        0x21 => {
            let [from, to] = addresses::<16>(bytes)?;
            Ok(client(from, to))
        }
        // Unspecified, UDP, and Unix sockets: nothing that says who the client of a TCP connection is.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => Ok(Told::Nothing),
        _ => Err(BAD_FAMILY),
    }
}

/// Two IP addresses of `N` bytes, then their ports.
fn addresses<const N: usize>(bytes: &[u8]) -> Result<[SocketAddr; 2], Malformed>
where
    IpAddr: From<[u8; N]>,
{
    let (from, rest) = bytes.split_first_chunk::<N>().ok_or(TOO_SHORT)?;
    let (to, rest) = rest.split_first_chunk::<N>().ok_or(TOO_SHORT)?;
    let (&[a, b, c, d], _) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    let socket = |ip: [u8; N], port| SocketAddr::new(IpAddr::from(ip), u16::from_be_bytes(port));
    Ok([socket(*from, [a, b]), socket(*to, [c, d])])
}
