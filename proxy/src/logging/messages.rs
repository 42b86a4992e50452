//! Messages for people: few, so each is written at once.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{LogError, open};

/// Standard error, or a file that can be opened anew.
#[derive(Clone)]
pub(super) enum MessageWriter {
    Stderr,
    File(Arc<(PathBuf, Mutex<File>)>),
}

impl MessageWriter {
    pub fn stderr() -> Self {
        MessageWriter::Stderr
    }

    pub fn file(path: &Path) -> Result<Self, LogError> {
        Ok(MessageWriter::File(Arc::new((path.to_owned(), Mutex::new(open(path)?)))))
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self, MessageWriter::Stderr) && io::stderr().is_terminal()
    }

    pub fn reopen(&self) -> Result<(), LogError> {
        if let MessageWriter::File(shared) = self {
            let (path, file) = shared.as_ref();
            let new = open(path)?;
            *file.lock().unwrap_or_else(PoisonError::into_inner) = new;
        }
        Ok(())
    }
}

impl Write for MessageWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            MessageWriter::Stderr => io::stderr().write(line),
            MessageWriter::File(shared) => {
                shared.1.lock().unwrap_or_else(PoisonError::into_inner).write(line)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn after_a_rotation_lines_go_to_the_new_file() {
        let folder = std::env::temp_dir().join(format!("swiftiply-messages-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (path, old) = (folder.join("error.log"), folder.join("error.log.1"));
        let mut log = MessageWriter::file(&path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &old).unwrap();
        log.write_all(b"two\n").unwrap();
        log.reopen().unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        fs::remove_dir_all(&folder).unwrap();
    }
}
