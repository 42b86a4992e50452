//! A certificate authority of the test's own, and clients that speak TLS and trust it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::{Client, Folder};

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub root_pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root_pem = params.self_signed(&key).expect("a root").pem();
        Self { issuer: Issuer::new(params, key), root_pem }
    }

    /// A certificate for these names and its key, as PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_as(names, |_| {})
    }

    /// The same, with something else about it.
    pub fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate for a key that somebody else has, valid since yesterday and for so many seconds.
    pub fn sign(&self, names: &[&str], key: &impl PublicKeyData, valid_s: u64) -> String {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(86_400)).into();
        params.not_after = (now + Duration::from_secs(valid_s)).into();
        params.signed_by(key, &self.issuer).expect("a certificate").pem()
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub fn issue_into(&self, folder: &Folder, name: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.issue(names);
        (
            folder.write(&format!("{name}.pem"), &certificate),
            folder.write_secret(&format!("{name}.key"), &key),
        )
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.root_pem.as_bytes()).expect("a root");
        roots.add(root).expect("a root");
        roots
    }

    /// How its clients connect.
    pub fn dial(&self, address: SocketAddr) -> TlsDial {
        TlsDial::new(address, self.roots())
    }
}

/// How a client connects with TLS. What it has learned from one connection (tickets) serves the next.
#[derive(Clone)]
pub struct TlsDial {
    pub address: SocketAddr,
    pub name: String,
    pub config: Arc<ClientConfig>,
}

impl TlsDial {
    fn new(address: SocketAddr, roots: RootCertStore) -> Self {
        let config = builder(rustls::ALL_VERSIONS).with_root_certificates(roots).with_no_client_auth();
        Self { address, name: "app.test".to_owned(), config: Arc::new(config) }
    }

    pub fn name(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// A client that takes any certificate: what it was shown is the question.
    pub fn unverified(&self) -> Self {
        self.change(|config| config.dangerous().set_certificate_verifier(Arc::new(TakesAny)))
    }

    pub fn change(&self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = (*self.config).clone();
        change(&mut config);
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Only this version.
    pub fn version(&self, authority: &Authority, version: &'static SupportedProtocolVersion) -> Self {
        let config = builder(&[version]).with_root_certificates(authority.roots()).with_no_client_auth();
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The client, after its handshake.
    pub fn connect(&self) -> Client {
        self.try_connect().unwrap_or_else(|error| panic!("no handshake: {error}"))
    }

    pub fn try_connect(&self) -> std::io::Result<Client> {
        self.shake_hands(Client::connect(self.address))
    }

    /// The handshake over a connection on which something was said already.
    pub fn shake_hands(&self, mut client: Client) -> std::io::Result<Client> {
        let name = self.name.clone().try_into().expect("a name");
        let mut tls = ClientConnection::new(self.config.clone(), name).expect("settings");
        while tls.is_handshaking() || tls.wants_write() {
            tls.complete_io(&mut client.stream)?;
        }
        client.tls = Some(Box::new(tls));
        Ok(client)
    }
}

#[derive(Debug)]
struct TakesAny;

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn builder(
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
}
