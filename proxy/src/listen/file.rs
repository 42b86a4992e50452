//! The file of a Unix socket: who listens last removes it.

use std::path::PathBuf;

/// The file of a Unix socket, removed when we stop listening, if it is ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    owner: Owner,
}

/// Whose it is to remove the file of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// This process.
    Us,
    /// The process that this one replaces, until it has done so.
    Predecessor,
    /// A service manager, or the process that has taken our place.
    Other,
}

impl SocketFile {
    pub(super) fn ours(path: PathBuf) -> Self {
        Self { path, owner: Owner::Us }
    }

    pub(super) fn inherited(path: PathBuf, owner: Owner) -> Self {
        Self { path, owner }
    }

    /// Whether it is removed when nobody listens any more.
    pub(super) fn is_to_be_removed(&self) -> bool {
        self.owner != Owner::Other
    }

    /// This process has taken its predecessor's place.
    pub(super) fn take_over(&mut self) {
        if self.owner == Owner::Predecessor {
            self.owner = Owner::Us;
        }
    }

    /// Another process has taken the place of this one.
    pub(super) fn hand_over(&mut self) {
        self.owner = Owner::Other;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.owner == Owner::Us {
            // After a change of user it may be out of our hands; the next start finds it stale and removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
