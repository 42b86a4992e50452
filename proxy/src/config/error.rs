//! What can be wrong with a configuration: one sentence that says where, what, and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tls::CertificateError;

use super::address::AddressError;
use super::hosts::HostError;

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file is missing, or may not be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file is no YAML.
    Syntax {
        /// Where reading stopped.
        place: Place,
        /// What the YAML parser says.
        cause: String,
    },
    /// A key or its value is wrong.
    Fault {
        /// The key in question.
        place: Place,
        /// What is wrong with it.
        fault: Fault,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable { file, cause } if cause.kind() == io::ErrorKind::NotFound => {
                write!(f, "{}: there is no such file; check the path", file.display())
            }
            ConfigError::Unreadable { file, cause } => {
                let cause = plain(cause);
                write!(f, "{}: cannot be read ({cause}); check the path and its permissions", file.display())
            }
            ConfigError::Syntax { place, cause } => {
                write!(f, "{place}: this is no YAML ({cause}); check indentation, colons and quotes")
            }
            ConfigError::Fault { place, fault } => write!(f, "{place}: {fault}"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Something that is allowed but surely not meant, or that has no effect (any more, or yet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key in question.
    pub place: Place,
    /// What will or will not happen, and what to do.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Where in a file something stands. Shown as `swiftiply.yml:7: map[1].outgoing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; None where there is none, as for a key that is missing.
    pub line: Option<usize>,
    /// The path of the key; empty for the whole file.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// What is wrong with a key or its value. Displayed behind its [`Place`].
#[derive(Debug)]
pub enum Fault {
    /// No key of this name is known here.
    UnknownKey {
        /// What may have been meant.
        hint: Hint,
    },
    /// The same key twice in one mapping.
    KeyTwice,
    /// A key that must be there is not.
    Missing {
        /// What to write.
        wanted: &'static str,
    },
    /// The value is nothing that this key can mean.
    WrongValue {
        /// The value, or what kind of thing it is.
        found: String,
        /// What to write instead.
        wanted: String,
    },
    /// A list without entries.
    Empty {
        /// What to write.
        wanted: &'static str,
    },
    /// No address.
    Address {
        /// What stands there.
        text: String,
        /// Why it is none.
        cause: AddressError,
    },
    /// No host name.
    Host {
        /// What stands there.
        text: String,
        /// Why it is none.
        cause: HostError,
    },
    /// A second site with `default: true`.
    SecondDefault {
        /// The key path of the first.
        first: String,
    },
    /// A host that a site already has.
    SameHost {
        /// The host, in its one spelling.
        host: String,
        /// The key path of the first.
        first: String,
    },
    /// An address that is already listened on.
    SameAddress {
        /// The address.
        address: String,
        /// The key path of the first.
        first: String,
    },
    /// A key file that is missing, empty or may not be read.
    KeyFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// An error page that is missing, empty, too long or may not be read.
    ErrorPage {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// `key` and `key_file` side by side.
    TwoKeys,
    /// Two keys that mean the same, side by side.
    TwoNames {
        /// The other one.
        other: &'static str,
    },
    /// A certificate or its key cannot be used.
    Certificate(CertificateError),
    /// `proxy_protocol` without anybody who may speak it.
    NobodyTrusted,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::UnknownKey { hint } => write!(f, "unknown key; {hint}"),
            Fault::KeyTwice => f.write_str("this key stands here twice; remove one of them"),
            Fault::Missing { wanted } => write!(f, "missing; {wanted}"),
            Fault::WrongValue { found, wanted } => write!(f, "{found} cannot stand here; write {wanted}"),
            Fault::Empty { wanted } => write!(f, "empty; {wanted}"),
            Fault::Address { text, cause } => write!(f, "{text:?} {cause}"),
            Fault::Host { text, cause } => write!(f, "{text:?} {cause}"),
            Fault::SecondDefault { first } => {
                write!(f, "a second default site after {first}; keep `default: true` at one of them")
            }
            Fault::SameHost { host, first } => {
                write!(f, "the host {host} already stands at {first}; remove it from one of them")
            }
            Fault::SameAddress { address, first } => {
                write!(f, "the address {address} already stands at {first}; each needs one of its own")
            }
            Fault::KeyFile { file, cause } => {
                write!(f, "the key file {} {cause}; put the site's key into it", file.display())
            }
            Fault::ErrorPage { file, cause } => {
                write!(f, "the page {} {cause}; put one there, or remove the key", file.display())
            }
            Fault::TwoKeys => f.write_str("the key is already given by `key` beside it; remove one of them"),
            Fault::TwoNames { other } => {
                write!(f, "this is the old name of `{other}`, which stands beside it; keep one of them")
            }
            Fault::Certificate(error) => error.fmt(f),
            Fault::NobodyTrusted => f.write_str(
                "nobody may speak it, so nobody could connect; name the proxies in front in `trusted_proxies`",
            ),
        }
    }
}

/// What may have been meant by an unknown key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// This key, known at the same place, has nearly the same name.
    Near(&'static str),
    /// A key of this very name is known, but elsewhere.
    Elsewhere(&'static str),
    /// Nothing comes near; these are the known ones.
    Known(&'static [&'static str]),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Near(key) => write!(f, "did you mean `{key}`?"),
            Hint::Elsewhere(place) => write!(f, "it belongs {place}"),
            Hint::Known(keys) => write!(f, "remove it, or use one of {}", keys.join(", ")),
        }
    }
}

/// The system's own words, without Rust's "(os error 2)" behind them.
pub(crate) fn plain(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
