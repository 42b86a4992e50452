//! The folder in which ACME's account and certificates are kept, for their owner only: one folder in it per authority, so
//! that nobody takes the certificate of a test authority for a real one.
//!
//! Each certificate is one file, chain and key together, replaced as a whole: after a crash there is the old or the new.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;

use crate::config::AcmeConfig;
use crate::tls::Certificate;

/// Only the owner.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The folder of one authority.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The one that this configuration names.
    pub fn of(config: &AcmeConfig) -> Self {
        let authority = config.directory.trim_start_matches("https://");
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        Self { folder: config.state.join(authority.chars().map(plain).collect::<String>()) }
    }

    /// Makes the folder, if it is not there.
    ///
    /// # Errors
    /// [`StoreError`], also if files cannot be written there.
    pub fn prepare(&self) -> Result<(), StoreError> {
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.folder);
        made.map_err(|cause| StoreError { file: self.folder.clone(), cause })?;
        self.write("writable", b"")?;
        let _ = fs::remove_file(self.folder.join("writable"));
        Ok(())
    }

    /// It and all that is in it, for a change of owner.
    pub fn paths(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let parent = self.folder.parent().map(Path::to_owned);
        parent.into_iter().chain([self.folder.clone()]).chain(entries.map(|entry| entry.path())).collect()
    }

    /// The certificate for exactly these names, if there is one that can be used.
    pub(super) fn certificate(&self, names: &[String]) -> Option<Certificate> {
        let file = self.file(names);
        let bundle = match fs::read(&file) {
            Ok(bundle) => bundle,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("acme: {}", StoreError { file, cause: error });
                }
                return None;
            }
        };
        match Certificate::from_pem(&bundle, &file, &bundle, &file) {
            Ok(certificate) if names.iter().all(|name| certificate.names().contains(name)) => {
                Some(certificate)
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!("acme: {error}; a new one is asked for");
                None
            }
        }
    }

    /// Keeps this bundle.
    pub(super) fn keep(&self, names: &[String], bundle: &str) -> Result<Certificate, StoreError> {
        let file = self.file(names);
        let certificate = Certificate::from_pem(bundle.as_bytes(), &file, bundle.as_bytes(), &file);
        let unusable = |error| StoreError { file: file.clone(), cause: io::Error::other(error) };
        let certificate = certificate.map_err(unusable)?;
        self.write(&file_name(names), bundle.as_bytes())?;
        Ok(certificate)
    }

    pub(super) fn account(&self) -> Result<Option<AccountCredentials>, StoreError> {
        let file = self.folder.join(ACCOUNT);
        match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(StoreError { file, cause }),
            // Of what stands there nothing may be said: it is a key.
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| StoreError {
                file,
                cause: io::Error::other("it is no account; remove it, and a new one is made"),
            }),
        }
    }

    pub(super) fn keep_account(&self, credentials: &AccountCredentials) -> Result<(), StoreError> {
        let text = serde_json::to_vec(credentials)
            .map_err(|error| StoreError { file: self.folder.join(ACCOUNT), cause: error.into() })?;
        self.write(ACCOUNT, &text)
    }

    fn file(&self, names: &[String]) -> PathBuf {
        self.folder.join(file_name(names))
    }

    /// Whole or not at all.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let (file, draft) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let written = || {
            let _ = fs::remove_file(&draft);
            let mut new = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&draft)?;
            new.write_all(content)?;
            new.sync_all()?;
            fs::rename(&draft, &file)
        };
        written().map_err(|cause| StoreError { file: file.clone(), cause })
    }
}

const ACCOUNT: &str = "account.json";

fn file_name(names: &[String]) -> String {
    format!("{}.pem", names.first().map_or("none", String::as_str))
}

/// A file of the store that cannot be read or written.
#[derive(Debug)]
pub struct StoreError {
    file: PathBuf,
    cause: io::Error,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = crate::config::plain(&self.cause);
        write!(
            f,
            "acme.state: {} cannot be used ({cause}); its folder must be this user's own",
            self.file.display()
        )
    }
}

impl std::error::Error for StoreError {}
