//! How each end shows that it holds the site's key without sending it (HMAC-SHA256, RFC 2104).
//!
//! Each side makes a nonce. A proof covers both nonces and the whole HELLO, and names the side that gives it, so it can
//! neither be replayed on another link, nor be bent to another identity, nor be echoed back.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Fresh random bytes of one side, for one link.
pub type Nonce = [u8; 32];

/// What a proof begins with: the side that gives it. Neither is a prefix of the other.
const BACKEND: &[u8] = b"swiftiply link backend";
const PROXY: &[u8] = b"swiftiply link proxy";

/// A site's key. It can be neither printed nor sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of any length above zero; an empty one never proves anything. 32 random bytes are a good one.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What the backend sends as PROOF. `hello` is the payload of its HELLO frame.
pub fn backend_proof(key: &Key, challenge: &Nonce, hello: &[u8]) -> [u8; 32] {
    mac(key, BACKEND, challenge, hello).finalize().into_bytes().into()
}

/// What the proxy sends in WELCOME.
pub fn proxy_proof(key: &Key, challenge: &Nonce, hello: &[u8]) -> [u8; 32] {
    mac(key, PROXY, challenge, hello).finalize().into_bytes().into()
}

impl Key {
    /// Whether `proof` is the backend's for this key, in constant time.
    pub fn accepts_backend(&self, challenge: &Nonce, hello: &[u8], proof: &[u8; 32]) -> bool {
        self.accepts(BACKEND, challenge, hello, proof)
    }

    /// Whether `proof` is the proxy's for this key, in constant time.
    pub fn accepts_proxy(&self, challenge: &Nonce, hello: &[u8], proof: &[u8; 32]) -> bool {
        self.accepts(PROXY, challenge, hello, proof)
    }

    /// An empty key is a configuration gone wrong (an unset variable, an empty file) and everybody has it.
    fn accepts(&self, side: &[u8], challenge: &Nonce, hello: &[u8], proof: &[u8; 32]) -> bool {
        !self.0.is_empty() && mac(self, side, challenge, hello).verify_slice(proof).is_ok()
    }
}

/// The HELLO carries the backend's own nonce, so covering it covers both.
fn mac(key: &Key, side: &[u8], challenge: &Nonce, hello: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of every length");
    mac.update(side);
    mac.update(challenge);
    mac.update(hello);
    mac
}
