//! From the configuration to what rustls wants.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::version::{TLS12, TLS13};

use super::names::Names;
use crate::acme::{CHALLENGE_PROTOCOL, Issued};
use crate::config::{Config, ListenAddr, TlsConfig, TlsVersion};

/// The protocols that are offered above TLS (ALPN, RFC 7301), the best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// HTTP/2 (RFC 9113 section 3.2).
pub const HTTP2: &[u8] = b"h2";

/// What outlives a reload: a session that began before it can be resumed after it.
#[derive(Clone)]
pub struct Settings {
    /// Sealed tickets that the clients keep, so that no shard keeps anything. Their keys are this process's own and
    /// change every few hours.
    tickets: Arc<dyn ProducesTickets>,
    /// Certificates that came by ACME.
    issued: Arc<Issued>,
}

impl Settings {
    /// With keys of its own.
    ///
    /// # Panics
    /// If the system gives no random numbers.
    pub fn new() -> Self {
        let tickets = rustls::crypto::ring::Ticketer::new();
        Self { tickets: tickets.expect("the system gives random numbers"), issued: Arc::default() }
    }

    /// Certificates that came by ACME.
    pub fn issued(&self) -> &Arc<Issued> {
        &self.issued
    }

    /// The TLS of each address that has it.
    pub fn of(&self, config: &Config) -> impl Iterator<Item = (ListenAddr, Arc<ServerConfig>)> {
        let issued = config.acme.as_ref().map(|_| self.issued.clone());
        let has_http2 = config.http2.enabled;
        config
            .tls
            .iter()
            .map(move |tls| (tls.address.clone(), Arc::new(self.server(tls, issued.clone(), has_http2))))
    }

    fn server(&self, tls: &TlsConfig, issued: Option<Arc<Issued>>, has_http2: bool) -> ServerConfig {
        let versions: &[_] = match tls.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(super::provider().clone());
        let builder = builder.with_protocol_versions(versions).expect("ring can do both versions");
        let proves = issued.as_ref().map(|_| CHALLENGE_PROTOCOL);
        let names = Arc::new(Names::new(&tls.certificates, issued));
        let mut server = builder.with_no_client_auth().with_cert_resolver(names);
        let protocols = PROTOCOLS.into_iter().filter(|protocol| has_http2 || *protocol != HTTP2);
        server.alpn_protocols = protocols.chain(proves).map(<[u8]>::to_vec).collect();
        server.ticketer = self.tickets.clone();
        // Sessions by number would have to be found from every shard.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(..)")
    }
}
