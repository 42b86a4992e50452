//! Getting one certificate: order, proof for each host, certificate.

use std::fmt;
use std::sync::Arc;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::Issued;
use super::issued::Shown;
use super::store::{Store, StoreError};
use crate::config::AcmeConfig;
use crate::tls::provider;

/// The account that the store has, or a new one.
pub(super) async fn account(config: &AcmeConfig, store: &Store) -> Result<Account, OrderError> {
    let builder = || match &config.ca_file {
        Some(file) => Account::builder_with_root(file),
        None => Account::builder(),
    };
    if let Some(credentials) = store.account()? {
        return Ok(builder()?.from_credentials(credentials).await?);
    }
    let contact = config.contact.iter().map(|address| format!("mailto:{address}")).collect::<Vec<_>>();
    let contact = contact.iter().map(String::as_str).collect::<Vec<_>>();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder()?.create(&wanted, config.directory.clone(), None).await?;
    store.keep_account(&credentials)?;
    Ok(account)
}

/// A chain for these names, and its key behind it, as PEM.
pub(super) async fn certificate(
    account: &Account,
    names: &[String],
    issued: &Arc<Issued>,
) -> Result<String, OrderError> {
    let identifiers: Vec<_> = names.iter().map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let shown = prove(&mut order, issued).await?;
    let status = order.poll_ready(&RetryPolicy::default()).await?;
    drop(shown);
    if status != OrderStatus::Ready {
        return Err(refusal(&mut order).await);
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&RetryPolicy::default()).await?;
    Ok(format!("{}\n{key}", chain.trim_end()))
}

/// Shows what the authority wants to see, and tells it so.
async fn prove(order: &mut Order, issued: &Arc<Issued>) -> Result<Vec<Shown>, OrderError> {
    let mut shown = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge =
            authorization.challenge(ChallengeType::TlsAlpn01).ok_or(OrderError::NoChallenge)?;
        let name = challenge.identifier().to_string();
        let digest = challenge.key_authorization().digest();
        shown.push(issued.show(&name, proof(&name, digest.as_ref())?));
        challenge.set_ready().await?;
    }
    Ok(shown)
}

/// The certificate that shows whose the name is (RFC 8737 section 3).
fn proof(name: &str, digest: &[u8]) -> Result<CertifiedKey, OrderError> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = provider().key_provider.load_private_key(key).map_err(OrderError::Proof)?;
    // Not checked against each other: rustls cannot read a certificate with this extension, which is critical.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// Why the authority does not believe us.
async fn refusal(order: &mut Order) -> OrderError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return OrderError::Refused(problem.to_string());
        }
    }
    OrderError::Refused("the authority gives no reason".to_owned())
}

/// Why there is no certificate.
#[derive(Debug)]
pub(super) enum OrderError {
    /// The authority, or the way to it.
    Acme(instant_acme::Error),
    /// It did not see what it wanted to see.
    Refused(String),
    /// It has no use for tls-alpn-01.
    NoChallenge,
    Proof(rustls::Error),
    Store(StoreError),
    TooSlow,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acme(error) => {
                write!(f, "{error}")?;
                // A library's error says "client error (Connect)", and why only in its cause.
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
            Self::Refused(reason) => write!(f, "the authority is not convinced: {reason}"),
            Self::NoChallenge => f.write_str("the authority does not offer tls-alpn-01"),
            Self::Proof(error) => write!(f, "no proof can be made: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::TooSlow => f.write_str("it took more than five minutes"),
        }
    }
}

impl From<instant_acme::Error> for OrderError {
    fn from(error: instant_acme::Error) -> Self {
        Self::Acme(error)
    }
}

impl From<rcgen::Error> for OrderError {
    fn from(error: rcgen::Error) -> Self {
        Self::Proof(rustls::Error::General(error.to_string()))
    }
}

impl From<StoreError> for OrderError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
