//! Which certificate a client gets: the one for the name that it asks for (SNI, RFC 6066 section 3), or the first.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Certificate;
use crate::acme::{CHALLENGE_PROTOCOL, Issued};

/// The certificates of one address.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By whole names, and by what follows the `*` of a wildcard, with its dot. They come from certificates of our own,
    /// so nobody can make them collide.
    by_name: FxHashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
    /// Those that came by ACME.
    issued: Option<Arc<Issued>>,
}

impl Names {
    /// Of two certificates for the same name the first keeps it.
    pub(super) fn new(certificates: &[Arc<Certificate>], issued: Option<Arc<Issued>>) -> Self {
        let mut names = Self { issued, ..Self::default() };
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
    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let wildcard = name.find('.').map(|dot| &name[dot..]);
        let issued = || self.issued.as_ref()?.find(name);
        self.by_name.get(name).cloned().or_else(issued).or_else(|| self.by_name.get(wildcard?).cloned())
    }

    fn for_anybody(&self) -> Option<Arc<CertifiedKey>> {
        self.default.clone().or_else(|| self.issued.as_ref()?.any())
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name =
            hello.server_name().map(|name| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase());
        if let Some(issued) = &self.issued
            && hello
                .alpn()
                .is_some_and(|mut protocols| protocols.any(|protocol| protocol == CHALLENGE_PROTOCOL))
        {
            return issued.proof(&name?);
        }
        name.and_then(|name| self.find(&name)).or_else(|| self.for_anybody())
    }
}
