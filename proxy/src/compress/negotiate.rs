//! Which coding a client wants (RFC 9110 section 12.5.3).

/// A content coding that we can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 1952: every client knows it.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// All of them, the best first: zstd compresses like brotli for a third of the work, and gzip more weakly than both.
    pub const ALL: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

    /// Its name in HTTP, and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// What is appended to an entity tag to tell this form of a file from others.
    pub fn etag_suffix(self) -> &'static str {
        match self {
            Self::Gzip => "-gz",
            Self::Brotli => "-br",
            Self::Zstd => "-zst",
        }
    }

    /// The coding of this name, in any case.
    pub fn of(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }
}

/// What a client accepts, by the weights of its Accept-Encoding headers. Without such a header: nothing but the plain
/// content.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// In thousandths, by the coding's number.
    codings: [Option<u16>; 3],
    /// Of the content as it is.
    identity: Option<u16>,
    /// Of what is not named.
    others: Option<u16>,
}

impl Accepted {
    /// Reads the values of all Accept-Encoding headers. A member that is malformed is as good as none.
    pub fn read<'h>(values: impl Iterator<Item = &'h [u8]>) -> Self {
        let mut accepted = Self::default();
        for member in values.flat_map(|value| value.split(|&byte| byte == b',')) {
            let (name, parameters) = match member.iter().position(|&byte| byte == b';') {
                Some(at) => (&member[..at], &member[at + 1..]),
                None => (member, &b""[..]),
            };
            let (name, Some(weight)) = (name.trim_ascii(), weight(parameters)) else { continue };
            match Coding::of(name) {
                Some(coding) => accepted.codings[coding as usize] = Some(weight),
                None if name == b"*" => accepted.others = Some(weight),
                None if name.eq_ignore_ascii_case(b"identity") => accepted.identity = Some(weight),
                None => {}
            }
        }
        accepted
    }

    /// The coding that the client likes best of those on offer; among equals the first. None if it likes the plain
    /// content better than any.
    pub fn best(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best = None;
        let mut best_weight = self.identity.unwrap_or(0).max(1) - 1;
        for &coding in offered {
            let weight = self.codings[coding as usize].or(self.others).unwrap_or(0);
            if weight > best_weight {
                (best, best_weight) = (Some(coding), weight);
            }
        }
        best
    }
}

/// `q=0.5` in thousandths; without parameters, 1. None if it is malformed.
fn weight(parameters: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(parameters).ok()?.trim_matches([' ', '\t']);
    if text.is_empty() {
        return Some(1000);
    }
    let value = text.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim_start();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_well_formed = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse().ok().filter(|_| is_well_formed)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Coding::{Brotli, Gzip, Zstd};
    use super::*;

    fn best(accept: &str, offered: &[Coding]) -> Option<Coding> {
        Accepted::read(accept.split('\n').map(str::as_bytes)).best(offered)
    }

    #[test]
    fn the_client_is_given_what_it_likes_best() {
        for (accept, coding) in [
            ("gzip", Some(Gzip)),
            ("GZip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip, deflate, br", Some(Brotli)),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", Some(Brotli)),
            ("gzip;q=0.8, br;q=0.2", Some(Gzip)),
            ("gzip; q = 0.8 ,br;q=0.9", Some(Brotli)),
            ("gzip;q=0.001", Some(Gzip)),
            ("*", Some(Zstd)),
            ("*;q=0.5, gzip", Some(Gzip)),
            ("zstd;q=0, *", Some(Brotli)),
            ("gzip\nbr;q=0.1", Some(Gzip)),
            ("identity;q=0.5, gzip;q=0.5", Some(Gzip)),
            ("identity;q=0, gzip", Some(Gzip)),
        ] {
            assert_eq!(best(accept, &Coding::ALL), coding, "{accept}");
        }
    }

    #[test]
    fn plain_content_is_what_everybody_takes() {
        for accept in [
            "",
            "identity",
            "deflate",
            "gzip;q=0",
            "gzip;q=0.000",
            "*;q=0",
            "gzip;q=0, br;q=0, zstd;q=0, *",
            "identity, gzip;q=0.5",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=0.0001",
            "gzip;q=",
            "gzip;q=1.5",
            "gzip;quality=1",
            "gzip gzip",
            "\u{e9}",
        ] {
            assert_eq!(best(accept, &Coding::ALL), None, "{accept}");
        }
    }

    #[test]
    fn among_equals_the_order_of_the_configuration_counts() {
        assert_eq!(best("gzip, br, zstd", &[Gzip, Brotli]), Some(Gzip));
        assert_eq!(best("gzip, br, zstd", &[Brotli, Gzip]), Some(Brotli));
        assert_eq!(best("zstd", &[Brotli, Gzip]), None);
        assert_eq!(best("zstd", &[]), None);
    }
}
