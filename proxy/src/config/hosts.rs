//! Host names: one spelling for each, and which site a host belongs to.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use rustc_hash::FxHashMap;

use super::model::SiteConfig;

/// A site's place in [`Config::sites`](super::Config::sites).
pub type SiteIndex = usize;

/// The longest host name, in bytes (RFC 1035 2.3.4: 255 octets on the wire are 253 characters).
pub const HOST_BYTES_MAX: usize = 253;

/// From host names to sites. One lookup costs the same with one site and with ten thousand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTable {
    /// Its keys come from the configuration, so nobody can make them collide.
    by_host: FxHashMap<Box<str>, SiteIndex>,
    default: Option<SiteIndex>,
}

impl HostTable {
    /// The table of these sites. Of two sites with the same host the first keeps it (a file in
    /// which that happens is refused before).
    pub fn new(sites: &[SiteConfig]) -> Self {
        let mut table = HostTable::default();
        for (index, site) in sites.iter().enumerate() {
            for host in &site.hosts {
                table.by_host.entry(host.as_str().into()).or_insert(index);
            }
            if site.is_default {
                table.default.get_or_insert(index);
            }
        }
        table
    }

    /// The site for the host of a request, in the spelling of [`normalize_host`], which is also that of a request's
    /// parsed authority. An unknown host belongs to the default site, if there is one.
    pub fn find(&self, host: &str) -> Option<SiteIndex> {
        self.by_host.get(host).copied().or(self.default)
    }
}

/// The one spelling of a host: lower case, without port and trailing dot, an IPv6 address in its
/// shortest form and in brackets. Borrows what is already spelled so.
pub fn normalize_host(text: &str) -> Result<Cow<'_, str>, HostError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, port) = rest.split_once(']').ok_or(HostError)?;
        check_port(port)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| HostError)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    let host = match text.find(':') {
        None => text,
        Some(colon) => {
            // A configuration file may name an IPv6 address without brackets; a request may not,
            // but then a port could not be told apart and the request parser has refused it.
            if let Ok(address) = text.parse::<Ipv6Addr>() {
                return Ok(Cow::Owned(format!("[{address}]")));
            }
            check_port(&text[colon..])?;
            &text[..colon]
        }
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if !is_host_name(host) {
        return Err(HostError);
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Ok(Cow::Owned(host.to_ascii_lowercase()))
    } else {
        Ok(Cow::Borrowed(host))
    }
}

/// The text is no host name, IP address or either with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError;

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "is not a host name; write one like www.example.com, international ones in their xn-- form",
        )
    }
}

impl std::error::Error for HostError {}

/// Letters, digits, `-` and `_` in labels between dots. Underscores are no part of RFC 1123, yet
/// internal names have them.
pub(super) fn is_host_name(text: &str) -> bool {
    text.len() <= HOST_BYTES_MAX
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// What stands behind the host: nothing, or a colon and digits (none at all is allowed, RFC 3986 3.2.3).
fn check_port(text: &str) -> Result<(), HostError> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Ok(()),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        _ => Err(HostError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Outgoing;

    fn site(hosts: &[&str], is_default: bool) -> SiteConfig {
        let mut site = SiteConfig::new(hosts[0], "127.0.0.1:30000".parse::<Outgoing>().unwrap());
        site.hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        site.is_default = is_default;
        site
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (text, host) in [
            ("example.com", "example.com"),
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("example.com:8080", "example.com"),
            ("example.com:", "example.com"),
            ("EXAMPLE.com.:80", "example.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("::1", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:80", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("my_app.internal", "my_app.internal"),
        ] {
            assert_eq!(normalize_host(text).as_deref(), Ok(host), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "a..",
            "a b",
            "a/b",
            "a:x",
            "a:80:90",
            "[::1",
            "[::1]x",
            "[zz]",
            "*.example.com",
            "ex\u{e4}mple.com",
            "a@b",
        ] {
            assert_eq!(normalize_host(text), Err(HostError), "{text:?}");
        }
        assert!(normalize_host(&format!("{}.de", "x".repeat(251))).is_err());
    }

    #[test]
    fn a_request_finds_its_site_however_the_host_is_spelled() {
        let table =
            HostTable::new(&[site(&["example.com", "www.example.com"], false), site(&["[::1]"], false)]);
        for host in ["example.com", "EXAMPLE.COM", "www.example.com.", "www.Example.com:8080"] {
            assert_eq!(table.find(&normalize_host(host).unwrap()), Some(0), "{host}");
        }
        for host in ["[::1]:80", "[0::1]"] {
            assert_eq!(table.find(&normalize_host(host).unwrap()), Some(1), "{host}");
        }
        assert_eq!(table.find("other.example.com"), None);
        assert_eq!(table.find(""), None);
    }

    #[test]
    fn an_unknown_host_belongs_to_the_default_site() {
        let table = HostTable::new(&[site(&["a.test"], false), site(&["b.test"], true)]);
        for host in ["c.test", ""] {
            assert_eq!(table.find(host), Some(1), "{host:?}");
        }
        assert_eq!(table.find("a.test"), Some(0));
    }

    #[test]
    fn ten_thousand_sites_are_all_found() {
        let sites: Vec<_> = (0..10_000).map(|n| site(&[&format!("app{n}.example.com")], n == 0)).collect();
        let table = HostTable::new(&sites);
        for n in 0..10_000 {
            assert_eq!(table.find(&format!("app{n}.example.com")), Some(n));
        }
    }
}
