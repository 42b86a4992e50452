//! Where a proxy waits for its backends.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The host that an address without one means: a backend and its proxy usually share a machine.
const HOST_DEFAULT: &str = "127.0.0.1";
/// The port that a proxy without a configuration takes its backends on.
const PORT_DEFAULT: u16 = 30000;

/// Where a proxy waits for its backends: the `outgoing` of a site in its configuration.
///
/// ```
/// use swiftiply_connector::Address;
/// for (text, means) in [
///     ("app.internal:30000", "app.internal:30000"),
///     ("[::1]:30000", "[::1]:30000"),
///     (":30010", "127.0.0.1:30010"),
///     ("30010", "127.0.0.1:30010"),
///     ("1", "127.0.0.1:30000"),
///     ("unix:/run/app.sock", "unix:/run/app.sock"),
/// ] {
///     assert_eq!(text.parse::<Address>().unwrap().to_string(), means);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(Place);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// What an [`Address`] leads to, for the one who dials.
pub(crate) enum Target<'a> {
    Tcp { host: &'a str, port: u16 },
    Unix(&'a Path),
}

impl Address {
    pub(crate) fn target(&self) -> Target<'_> {
        match &self.0 {
            Place::Tcp { host, port } => Target::Tcp { host, port: *port },
            Place::Unix(path) => Target::Unix(path),
        }
    }
}

impl Default for Address {
    /// `127.0.0.1:30000`, where a proxy without a configuration waits.
    fn default() -> Self {
        Self(Place::Tcp { host: HOST_DEFAULT.to_owned(), port: PORT_DEFAULT })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `host:port`, `[IPv6]:port`, `:port` or `port` (on 127.0.0.1), `unix:/path`, or `1` for the default.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |why| AddressError { text: text.to_owned(), why };
        if text == "1" {
            return Ok(Self::default());
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path).map_err(wrong);
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (HOST_DEFAULT, text),
            Some(("", port)) => (HOST_DEFAULT, port),
            Some((host, port)) => (host, port),
        };
        let host = bare_host(host).map_err(wrong)?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.is_empty() {
            return Err(wrong("has no port"));
        }
        match port.parse() {
            Ok(port @ 1..) => Ok(Self(Place::Tcp { host: host.to_owned(), port })),
            _ => Err(wrong("has a port outside 1 to 65535")),
        }
    }
}

/// A path longer than this does not fit into a `sockaddr_un` (unix(7)).
const UNIX_PATH_MAX: usize = 107;

fn unix(path: &str) -> Result<Address, &'static str> {
    match path {
        "" => Err("has no path after `unix:`"),
        path if path.len() > UNIX_PATH_MAX => {
            Err("has a path longer than the 107 bytes of a Unix socket's name")
        }
        path if path.contains('\0') => Err("has a zero byte in its path"),
        path => Ok(Address(Place::Unix(path.into()))),
    }
}

fn bare_host(host: &str) -> Result<&str, &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("has a `[` without its `]`")?;
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(inner),
            Err(_) => Err("has something else than an IPv6 address between its brackets"),
        };
    }
    if host.contains(['/', '@', ' ']) {
        return Err("has a host that is neither a name nor an address");
    }
    if host.contains(':') {
        return Err("has an IPv6 address without brackets");
    }
    Ok(host)
}

/// A text that is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, why } = self;
        write!(f, "the proxy's address `{text}` {why}; write host:port, port, or unix:/path")
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        text.parse::<Address>().unwrap_err().to_string()
    }

    #[test]
    fn addresses_read_back_as_they_are_shown() {
        for text in ["localhost:1", "[fe80::1]:65535", "unix:relative.sock", "unix:/run/with space.sock"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, part) in [
            ("", "no port"),
            ("localhost", "no port"),
            ("localhost:", "no port"),
            ("localhost:+5", "no port"),
            ("localhost:0", "outside 1 to 65535"),
            ("localhost:65536", "outside 1 to 65535"),
            ("::1:30000", "without brackets"),
            ("[::1:30000", "without its `]`"),
            ("[localhost]:30000", "between its brackets"),
            ("http://localhost:30000", "neither a name nor an address"),
            ("unix:", "no path"),
        ] {
            let complaint = complaint(text);
            assert!(complaint.contains(part), "{complaint}");
            assert!(complaint.contains(&format!("`{text}`")), "{complaint}");
        }
        assert!(complaint(&format!("unix:/{}", "x".repeat(200))).contains("107 bytes"));
    }
}
