//! TLS towards clients, by rustls.
//!
//! - `certificate`, `validity`: what stands in a `certfile` and a `keyfile`.
//! - `names`: which certificate a client gets.
//! - `settings`: from the configuration to what rustls wants.
//! - `stream`: TLS over a client's socket.

mod certificate;
mod names;
mod settings;
mod stream;
mod validity;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

pub use certificate::{Certificate, CertificateError, Part, is_public};
pub use settings::{HTTP2, Settings};
pub use stream::{TLS_BUFFER_BYTES, TlsStream};

/// The cryptography: ring, since aws-lc-rs takes minutes to compile.
pub fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()))
}
