//! HTTP Strict Transport Security (RFC 6797): telling browsers to come by TLS only.

use std::fmt;

/// What the header `Strict-Transport-Security` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// For how many seconds it is to be remembered; 0 tells browsers to forget it.
    pub max_age: u64,
    /// Whether it is meant for all hosts below this one too.
    pub include_subdomains: bool,
    /// Whether the host may be listed in browsers (<https://hstspreload.org>).
    pub preload: bool,
}

impl Hsts {
    /// A year, as usual.
    pub const YEAR: Hsts = Hsts { max_age: 31_536_000, include_subdomains: false, preload: false };

    /// Reads the header's value; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut directives = text.split(';').map(str::trim);
        let mut hsts = Self::YEAR;
        let digits = directives.next()?.strip_prefix("max-age=")?;
        hsts.max_age = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
        for directive in directives {
            match directive.to_ascii_lowercase().as_str() {
                "includesubdomains" => hsts.include_subdomains = true,
                "preload" => hsts.preload = true,
                "" => {}
                _ => return None,
            }
        }
        Some(hsts)
    }
}

impl Hsts {
    /// Appends the header.
    pub(super) fn line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("Strict-Transport-Security: {self}\r\n").as_bytes());
    }
}

/// The header's value.
impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-age={}", self.max_age)?;
        if self.include_subdomains {
            f.write_str("; includeSubDomains")?;
        }
        if self.preload {
            f.write_str("; preload")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_and_shown_alike() {
        for text in
            ["max-age=0", "max-age=300; includeSubDomains", "max-age=31536000; includeSubDomains; preload"]
        {
            assert_eq!(Hsts::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "max-age", "max-age=", "max-age=+1", "includeSubDomains", "max-age=1, x", "max-age=1; x"]
        {
            assert_eq!(Hsts::parse(text), None, "{text:?}");
        }
    }
}
