//! A certificate with its key, from the files in which they are kept.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::validity::validity;

/// The longest file that is read: a chain has a few KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A chain of certificates and the key of the first. Never empty.
#[derive(Clone, Debug)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    names: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Certificate {
    /// Reads both files; without a `keyfile` the key stands in the `certfile` too, as HAProxy has it.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn load(certfile: &Path, keyfile: Option<&Path>) -> Result<Self, CertificateError> {
        let pem = read(certfile, Part::Certificate)?;
        let keyfile = keyfile.unwrap_or(certfile);
        let key_pem = read(keyfile, Part::Key)?;
        Self::from_pem(&pem, certfile, &key_pem, keyfile)
    }

    /// The same from what the files say; errors name them.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn from_pem(
        pem: &[u8],
        certfile: &Path,
        key_pem: &[u8],
        keyfile: &Path,
    ) -> Result<Self, CertificateError> {
        let wrong = |part, file: &Path, wrong| CertificateError { part, file: file.to_owned(), wrong };
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| wrong(Part::Certificate, certfile, Wrong::NoPem))?;
        let Some(first) = chain.first() else {
            return Err(wrong(Part::Certificate, certfile, Wrong::NoCertificate));
        };
        let unreadable = || wrong(Part::Certificate, certfile, Wrong::NotX509);
        let names = webpki::EndEntityCert::try_from(first).map_err(|_| unreadable())?;
        let names = names.valid_dns_names().map(str::to_ascii_lowercase).collect();
        let (not_before, not_after) = validity(first).ok_or_else(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|cause| {
            let is_encrypted = key_pem.windows(9).any(|text| text == b"ENCRYPTED");
            let cause = match cause {
                _ if is_encrypted => Wrong::EncryptedKey,
                PemError::NoItemsFound => Wrong::NoKey,
                _ => Wrong::NoPem,
            };
            wrong(Part::Key, keyfile, cause)
        })?;
        let certified = CertifiedKey::from_der(chain, key, super::provider()).map_err(|cause| {
            let cause = match cause {
                rustls::Error::InconsistentKeys(_) => Wrong::OtherKey(certfile.to_owned()),
                _ => Wrong::UnknownKey,
            };
            wrong(Part::Key, keyfile, cause)
        })?;
        Ok(Self { certified: Arc::new(certified), names, not_before, not_after })
    }

    /// What rustls needs of it.
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// The host names that it is for, in lower case; `*.example.com` among them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// When it begins to be valid.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// When it expires.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }
}

/// Two are equal if a client cannot tell them apart: a key belongs to its certificate.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

/// Whether every user of this host can read the file.
pub fn is_public(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

fn read(file: &Path, part: Part) -> Result<Vec<u8>, CertificateError> {
    let unreadable =
        |cause| CertificateError { part, file: file.to_owned(), wrong: Wrong::Unreadable(cause) };
    if fs::metadata(file).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    fs::read(file).map_err(unreadable)
}

/// Why a certificate cannot be used. Displayed, it is a sentence that begins with the file.
#[derive(Debug)]
pub struct CertificateError {
    /// Which of the two files is to blame.
    pub part: Part,
    file: PathBuf,
    wrong: Wrong,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The chain.
    Certificate,
    /// The key.
    Key,
}

#[derive(Debug)]
enum Wrong {
    Unreadable(io::Error),
    NoPem,
    NoCertificate,
    NotX509,
    NoKey,
    EncryptedKey,
    UnknownKey,
    /// It belongs to another certificate than the first in this file.
    OtherKey(PathBuf),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.wrong {
            Wrong::Unreadable(cause) if cause.kind() == io::ErrorKind::NotFound => {
                write!(f, "there is no file {file}; check the path")
            }
            Wrong::Unreadable(cause) => {
                let cause = crate::config::plain(cause);
                write!(f, "{file} cannot be read ({cause}); check the path and its permissions")
            }
            Wrong::NoPem => write!(f, "{file} is no whole PEM; write it again from where it came"),
            Wrong::NoCertificate => write!(
                f,
                "{file} holds no certificate; it must hold the server's own and the ones that signed it, as PEM"
            ),
            Wrong::NotX509 => {
                write!(f, "the first certificate in {file} cannot be understood; get a new one")
            }
            Wrong::NoKey => write!(f, "{file} holds no private key; name the file that holds it, as PEM"),
            Wrong::EncryptedKey => {
                write!(f, "the key in {file} is encrypted; decrypt it with `openssl pkey`, and chmod it 600")
            }
            Wrong::UnknownKey => {
                write!(
                    f,
                    "the key in {file} cannot be used; take an ECDSA (P-256), RSA (2048 bits or more) or Ed25519 key"
                )
            }
            Wrong::OtherKey(certfile) => write!(
                f,
                "the key in {file} does not belong to the first certificate in {}; the server's own comes first there",
                certfile.display()
            ),
        }
    }
}

impl std::error::Error for CertificateError {}
