//! What the proxy is told to do: the configuration file and what it means.
//!
//! [`Config`] is the meaning, in plain types; the format of the file (that of Swiftiply 0.6, with
//! new keys) is known only to the reading half of this module.
//!
//! ```
//! let (config, warnings) = swiftiply::config::Config::from_text("
//! cluster_address: 127.0.0.1
//! cluster_port: 8080
//! map:
//!   - incoming: [example.com, www.example.com]
//!     outgoing: 127.0.0.1:30000
//!     default: yes
//! ", "example.yml".as_ref()).unwrap();
//! assert!(warnings.is_empty());
//! assert_eq!(config.listen[0].to_string(), "127.0.0.1:8080");
//! assert_eq!(config.host_table().find("WWW.example.com."), Some(0));
//! ```

mod acme;
mod address;
mod embedded;
mod error;
mod file;
mod files;
mod front;
mod hosts;
mod http2;
mod legacy;
mod model;
mod node;
mod prefix;
mod read;
mod secret;
mod section;
mod sites;
mod source;
mod warnings;

use std::path::Path;

pub use crate::tls::{Certificate, CertificateError, Part};
pub use acme::AcmeConfig;
pub use address::{AddressError, ListenAddr, Network, Outgoing};
pub(crate) use error::plain;
pub use error::{ConfigError, Fault, Hint, Place, Warning};
pub use files::{DocRoot, ErrorPages, Mask, Page, PageCache, SendfileRoot};
pub use hosts::{HostError, HostTable, SiteIndex, normalize_host};
pub use http2::Http2;
pub use model::{
    AccessLog, Config, Identity, Limits, Log, LogLevel, PoolConfig, Process, SiteConfig, TlsConfig,
    TlsVersion,
};
pub use prefix::{NoPool, PathPrefix, PoolIndex, PoolTable, PrefixError};
pub use secret::Secret;
pub use source::{ConfigSource, Overrides};

impl Config {
    /// What a file says, and what is to be said about it. Reads the key files and pages that it names; resolves no
    /// names.
    pub fn load(file: &Path) -> Result<(Config, Vec<Warning>), ConfigError> {
        read::config(&file::Document::read(file)?)
    }

    /// The same from a text; `file` is what messages call it and where relative paths begin.
    pub fn from_text(text: &str, file: &Path) -> Result<(Config, Vec<Warning>), ConfigError> {
        read::config(&file::Document::parse(text.to_owned(), file)?)
    }
}
