//! The site's key, on the backend's side.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The site's key: the same bytes as in the proxy's configuration. It never leaves the process, and it cannot be
/// printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(swiftiply_wire::Key);

impl Key {
    /// A key of these bytes, as they are.
    ///
    /// # Errors
    /// [`KeyError::Empty`]: an empty key would let everybody in.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let secret = secret.into();
        if secret.is_empty() {
            return Err(KeyError::Empty { file: None });
        }
        Ok(Self(swiftiply_wire::Key::new(secret)))
    }

    /// The key in this file, without the one line end that editors put behind it.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be read, or holds nothing.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let mut secret = std::fs::read(path)
            .map_err(|error| KeyError::Unreadable { file: path.to_owned(), kind: error.kind() })?;
        if secret.ends_with(b"\n") {
            secret.pop();
            if secret.ends_with(b"\r") {
                secret.pop();
            }
        }
        Self::new(secret).map_err(|_| KeyError::Empty { file: Some(path.to_owned()) })
    }

    pub(crate) fn as_wire(&self) -> &swiftiply_wire::Key {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// No bytes.
    Empty {
        /// Where they were looked for, if in a file.
        file: Option<PathBuf>,
    },
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { file: None } => {
                f.write_str("the key is empty; give the same one as in the proxy's configuration")
            }
            Self::Empty { file: Some(file) } => {
                write!(
                    f,
                    "the key file {} is empty; put the site's key of the proxy's configuration into it",
                    file.display()
                )
            }
            Self::Unreadable { file, kind } => write!(
                f,
                "the key file {} cannot be read ({kind}); check its name and who may read it",
                file.display()
            ),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_may_end_in_one_line_end() {
        let file = std::env::temp_dir().join(format!("swiftiply-key-{}", std::process::id()));
        for content in ["secret", "secret\n", "secret\r\n"] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(Key::from_file(&file), Key::new("secret"));
        }
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(Key::from_file(&file), Err(KeyError::Empty { file: Some(file.clone()) }));
        std::fs::remove_file(&file).unwrap();
        let error = Key::from_file(&file).unwrap_err().to_string();
        assert!(error.contains("not found") && error.contains(file.to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_key_cannot_be_printed_and_cannot_be_empty() {
        assert_eq!(format!("{:?}", Key::new("secret").unwrap()), "Key(..)");
        assert_eq!(Key::new(""), Err(KeyError::Empty { file: None }));
    }
}
