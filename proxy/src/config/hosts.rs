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
///
/// As in nginx, an exact name wins over every wildcard, a longer wildcard over a shorter one, and the default site has
/// what is left. `*.example.com` stands for one label or several (`www.example.com`, `a.b.example.com`), but not for
/// `example.com` itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTable {
    /// Its keys come from the configuration, so nobody can make them collide.
    by_name: FxHashMap<Box<str>, SiteIndex>,
    /// `*.example.com` as `example.com`.
    by_parent: FxHashMap<Box<str>, SiteIndex>,
    default: Option<SiteIndex>,
}

impl HostTable {
    /// The table of these sites. Of two sites with the same host the first keeps it (a file in
    /// which that happens is refused before).
    pub fn new(sites: &[SiteConfig]) -> Self {
        let mut table = HostTable::default();
        for (index, site) in sites.iter().enumerate() {
            for host in &site.hosts {
                let (hosts, host) = match host.strip_prefix("*.") {
                    Some(parent) => (&mut table.by_parent, parent),
                    None => (&mut table.by_name, host.as_str()),
                };
                hosts.entry(host.into()).or_insert(index);
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
        self.by_name.get(host).copied().or_else(|| self.find_by_parent(host)).or(self.default)
    }

    /// From the longest parent to the shortest; a host has at most 127 of them.
    fn find_by_parent(&self, host: &str) -> Option<SiteIndex> {
        if self.by_parent.is_empty() {
            return None;
        }
        let dots = memchr::memchr_iter(b'.', host.as_bytes());
        dots.map(|dot| &host[dot + 1..]).find_map(|parent| self.by_parent.get(parent).copied())
    }
}

/// The one spelling of a host of `incoming`: that of [`normalize_host`], or `*.` and a name.
pub(super) fn normalize_pattern(text: &str) -> Result<Cow<'_, str>, HostError> {
    match text.strip_prefix("*.") {
        _ if text == "*" => Err(HostError::EveryHost),
        None => normalize_host(text),
        Some(parent) => match normalize_host(parent)? {
            // No name ends in a number (RFC 3696 section 2), so this would be meant for addresses.
            parent if parent.ends_with(|last: char| last.is_ascii_digit() || last == ']') => {
                Err(HostError::NoHost)
            }
            parent => Ok(Cow::Owned(format!("*.{parent}"))),
        },
    }
}

/// The one spelling of a host: lower case, without port and trailing dot, an IPv6 address in its
/// shortest form and in brackets. Borrows what is already spelled so.
pub fn normalize_host(text: &str) -> Result<Cow<'_, str>, HostError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, port) = rest.split_once(']').ok_or(HostError::NoHost)?;
        check_port(port)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| HostError::NoHost)?;
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
        return Err(HostError::NoHost);
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Ok(Cow::Owned(host.to_ascii_lowercase()))
    } else {
        Ok(Cow::Borrowed(host))
    }
}

/// Why a text is no host. Displayed after the text itself, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// It is no host name, no IP address, and neither with a port.
    NoHost,
    /// It is a lone star.
    EveryHost,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostError::NoHost => {
                "is not a host name; write one like www.example.com, or \"*.example.com\" for all below it, \
                 international ones in their xn-- form"
            }
            HostError::EveryHost => {
                "is not a host name; write `default: true` for every host that no site names"
            }
        })
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
        _ => Err(HostError::NoHost),
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
            assert_eq!(normalize_host(text), Err(HostError::NoHost), "{text:?}");
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
    fn a_wildcard_has_one_spelling_and_stands_for_names_only() {
        for (text, pattern) in [
            ("*.example.com", "*.example.com"),
            ("*.Example.COM.", "*.example.com"),
            ("*.example.com:80", "*.example.com"),
            ("*.com", "*.com"),
            ("example.com", "example.com"),
        ] {
            assert_eq!(normalize_pattern(text).as_deref(), Ok(pattern), "{text}");
        }
        for text in ["*.", "*..a", "**.a", "a.*.b", "www.*", "*a.b", "*.*.a", "*.0.0.1", "*.[::1]", "*.::1"] {
            assert_eq!(normalize_pattern(text), Err(HostError::NoHost), "{text}");
        }
        assert_eq!(normalize_pattern("*"), Err(HostError::EveryHost));
    }

    #[test]
    fn the_exact_name_wins_then_the_longest_wildcard_then_the_default() {
        let sites = [
            site(&["*.example.com"], false),
            site(&["www.example.com", "example.org"], false),
            site(&["*.eu.example.com"], false),
            site(&["default.test"], true),
        ];
        let table = HostTable::new(&sites);
        for (host, index) in [
            ("a.example.com", 0),
            ("a.b.example.com", 0),
            ("eu.example.com", 0),
            ("a.www.example.com", 0),
            ("www.example.com", 1),
            ("a.eu.example.com", 2),
            ("a.b.eu.example.com", 2),
            ("example.com", 3),
            ("notexample.com", 3),
            ("com", 3),
            ("www.example.org", 3),
            ("*.example.com.evil.test", 3),
            ("", 3),
        ] {
            assert_eq!(table.find(host), Some(index), "{host}");
        }
        let without_default = HostTable::new(&sites[..3]);
        assert_eq!(without_default.find("example.com"), None);
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
