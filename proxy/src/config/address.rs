//! Addresses: where the proxy listens for clients and for backends, and which peers it trusts.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// The longest path that fits into a Unix socket's address, in bytes: `sun_path` has 108 with the
/// closing zero on Linux, 104 on the BSDs and macOS; the smaller holds everywhere.
pub const UNIX_PATH_BYTES_MAX: usize = 103;

/// A TCP address to listen on: a name or an IP address, and a port.
///
/// A name is kept as it was written and resolved only by [`ListenAddr::resolve`], so a file can be
/// checked on another machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddr {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port; 0 lets the system choose one, which the log then names.
    pub port: u16,
}

impl ListenAddr {
    /// An address of a name or an IP address (with or without brackets) and a port.
    pub fn new(host: &str, port: u16) -> Result<Self, AddressError> {
        match parse_host(host) {
            Err(_) if host.parse::<ListenAddr>().is_ok() => Err(AddressError::TwoPorts),
            host => Ok(ListenAddr { host: host?, port }),
        }
    }

    /// Every socket address that the name stands for; asks the system's resolver, so it may wait.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }

    /// True when only processes of this host can reach the address. A name other than `localhost`
    /// is taken to be reachable from elsewhere.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `host:port` or `[::1]:port`.
impl FromStr for ListenAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        if host.contains(':') && !host.starts_with('[') {
            return Err(AddressError::Unbracketed);
        }
        Ok(ListenAddr { host: parse_host(host)?, port: parse_port(port)? })
    }
}

/// Where a site's backends dial in: `host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outgoing {
    /// A TCP address that the proxy listens on.
    Tcp(ListenAddr),
    /// A Unix socket that the proxy creates.
    Unix(PathBuf),
}

impl fmt::Display for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outgoing::Tcp(address) => address.fmt(f),
            Outgoing::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Outgoing {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(AddressError::NoPath),
            Some(path) if path.len() > UNIX_PATH_BYTES_MAX => Err(AddressError::PathTooLong),
            Some(path) => Ok(Outgoing::Unix(PathBuf::from(path))),
            None => text.parse().map(Outgoing::Tcp),
        }
    }
}

/// A range of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// True when the address lies in the range. An IPv4 address that arrives in IPv6 clothes
    /// (`::ffff:10.0.0.1`, as a dual-stack listener reports it) is judged as IPv4.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match (self.first, peer.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_bits)).unwrap_or(0);
                (first.to_bits() ^ peer.to_bits()) & mask == 0
            }
            (IpAddr::V6(first), IpAddr::V6(peer)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_bits)).unwrap_or(0);
                (first.to_bits() ^ peer.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

impl FromStr for Network {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| AddressError::BadNetwork)?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits,
            Some(digits) => digits.parse().ok().filter(|&n| n <= bits).ok_or(AddressError::BadNetwork)?,
        };
        Ok(Network { first, prefix_bits })
    }
}

/// Why a text is no address. Displayed after the text itself, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// No `:port` at the end.
    NoPort,
    /// The port is no number from 0 to 65535.
    BadPort,
    /// A port where only a host may stand.
    TwoPorts,
    /// The host is neither a name nor an IP address.
    BadHost,
    /// An IPv6 address without its brackets before a port.
    Unbracketed,
    /// `unix:` without a path.
    NoPath,
    /// A Unix socket's path is longer than the system allows.
    PathTooLong,
    /// Neither an IP address nor a range of them.
    BadNetwork,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::NoPort => {
                f.write_str("has no port; write host:port, like 127.0.0.1:30000, or unix:/path")
            }
            AddressError::BadPort => {
                f.write_str("has no valid port; write a number from 1 to 65535 after the colon")
            }
            AddressError::TwoPorts => f.write_str("has a port in it; write that as `cluster_port`"),
            AddressError::BadHost => {
                f.write_str("is neither a host name nor an IP address; write one, like 127.0.0.1")
            }
            AddressError::Unbracketed => {
                f.write_str("is an IPv6 address without brackets; write [address]:port")
            }
            AddressError::NoPath => f.write_str("names no file; write unix:/path/to/socket"),
            AddressError::PathTooLong => {
                write!(
                    f,
                    "is too long for a Unix socket; choose a path of at most {UNIX_PATH_BYTES_MAX} bytes"
                )
            }
            AddressError::BadNetwork => {
                f.write_str("is neither an IP address nor a range; write one like 10.0.0.1 or 10.0.0.0/8")
            }
        }
    }
}

impl std::error::Error for AddressError {}

fn parse_port(digits: &str) -> Result<u16, AddressError> {
    // `parse` alone would take "+80".
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().map_err(|_| AddressError::BadPort)
    } else {
        Err(AddressError::BadPort)
    }
}

fn parse_host(text: &str) -> Result<String, AddressError> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(AddressError::BadHost)?;
        return inner.parse::<Ipv6Addr>().map(|ip| ip.to_string()).map_err(|_| AddressError::BadHost);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    // Four numbers that are no IPv4 address (300.1.1.1) must not be looked up as a name.
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if numeric || text.parse::<Ipv4Addr>().is_ok() || !super::hosts::is_host_name(text) {
        return Err(AddressError::BadHost);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in
            ["127.0.0.1:30000", "[::1]:80", "www.example.com:443", "unix:/run/app.sock", "localhost:0"]
        {
            assert_eq!(text.parse::<Outgoing>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        for (text, why) in [
            ("127.0.0.1", AddressError::NoPort),
            ("127.0.0.1:", AddressError::BadPort),
            ("127.0.0.1:x", AddressError::BadPort),
            ("127.0.0.1:+80", AddressError::BadPort),
            ("127.0.0.1:65536", AddressError::BadPort),
            (":80", AddressError::BadHost),
            ("300.1.1.1:80", AddressError::BadHost),
            ("a b:80", AddressError::BadHost),
            ("::1:80", AddressError::Unbracketed),
            ("[::1:80", AddressError::BadHost),
            ("unix:", AddressError::NoPath),
        ] {
            assert_eq!(text.parse::<Outgoing>(), Err(why), "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_BYTES_MAX));
        assert_eq!(long.parse::<Outgoing>(), Err(AddressError::PathTooLong));
    }

    #[test]
    fn only_loopback_addresses_are_private_to_the_host() {
        for (text, loopback) in [
            ("127.0.0.1:1", true),
            ("127.8.0.1:1", true),
            ("[::1]:1", true),
            ("localhost:1", true),
            ("0.0.0.0:1", false),
            ("10.0.0.1:1", false),
            ("db.example.com:1", false),
        ] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        for (network, peer, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::/0", "::1", true),
        ] {
            let found = network.parse::<Network>().unwrap().contains(peer.parse().unwrap());
            assert_eq!(found, inside, "{peer} in {network}");
        }
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "example.com"] {
            assert_eq!(text.parse::<Network>(), Err(AddressError::BadNetwork), "{text}");
        }
    }
}
