//! What handshakes find of ACME: the certificates that were issued, and those that prove a host to be ours.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;
use rustls::sign::CertifiedKey;

use crate::tls::Certificate;

/// The protocol (ALPN) by which an authority asks for a proof (RFC 8737 section 6.2).
pub const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// Shared between the thread of control, which writes a few times a day, and the shards, which read at each handshake.
#[derive(Debug, Default)]
pub struct Issued(RwLock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    by_name: FxHashMap<String, Arc<CertifiedKey>>,
    proofs: FxHashMap<String, Arc<CertifiedKey>>,
}

/// A proof is shown until this is dropped.
#[derive(Debug)]
pub(super) struct Shown {
    name: String,
    issued: Arc<Issued>,
}

impl Issued {
    /// The certificate for this host, in lower case.
    pub fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.read().by_name.get(name).cloned()
    }

    /// Any certificate, for clients that ask for no host or for one that nobody knows.
    pub fn any(&self) -> Option<Arc<CertifiedKey>> {
        self.read().by_name.values().next().cloned()
    }

    /// What proves that this host is ours, while somebody wants to know.
    pub fn proof(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.read().proofs.get(name).cloned()
    }

    pub(super) fn put(&self, names: &[String], certificate: &Certificate) {
        let mut tables = self.write();
        for name in names {
            tables.by_name.insert(name.clone(), certificate.certified().clone());
        }
    }

    pub(super) fn keep_only<'n>(&self, names: impl Iterator<Item = &'n String>) {
        let names: HashSet<_> = names.collect();
        self.write().by_name.retain(|name, _| names.contains(name));
    }

    pub(super) fn show(self: &Arc<Self>, name: &str, proof: CertifiedKey) -> Shown {
        self.write().proofs.insert(name.to_owned(), Arc::new(proof));
        Shown { name: name.to_owned(), issued: self.clone() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.issued.write().proofs.remove(&self.name);
    }
}
