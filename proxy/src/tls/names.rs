//! Which certificate a client gets: the one for the name that it asks for (SNI, RFC 6066 section 3), or the first.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Certificate;

/// The certificates of one address.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By whole names, and by what follows the `*` of a wildcard, with its dot. They come from certificates of our own,
    /// so nobody can make them collide.
    by_name: FxHashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl Names {
    /// Of two certificates for the same name the first keeps it.
    pub(super) fn new(certificates: &[Arc<Certificate>]) -> Self {
        let mut names = Self::default();
        for certificate in certificates {
            for name in certificate.names() {
                let name = name.strip_prefix('*').unwrap_or(name).to_owned();
                names.by_name.entry(name).or_insert_with(|| certificate.certified().clone());
            }
            names.default.get_or_insert_with(|| certificate.certified().clone());
        }
        names
    }

    /// The certificate for this name: its own, or one whose wildcard stands for its first label (RFC 6125 section
    /// 6.4.3).
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let name =
            if name.bytes().any(|b| b.is_ascii_uppercase()) { &name.to_ascii_lowercase() } else { name };
        let wildcard = name.find('.').map(|dot| &name[dot..]);
        self.by_name.get(name).or_else(|| self.by_name.get(wildcard?))
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.find(name));
        named.or(self.default.as_ref()).cloned()
    }
}
