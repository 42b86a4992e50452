//! The bytes of a file, piece by piece, without making a shard wait for a disk.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use tokio::task::{JoinHandle, spawn_blocking};

use super::beneath::Opened;

/// Bytes that are read at once, and held while they are sent. A quarter of an exchange's window.
pub const PIECE_BYTES: usize = 64 * 1024;

/// Some bytes of an open file.
#[derive(Debug)]
pub struct Source {
    file: Arc<File>,
    left: Range<u64>,
    state: State,
    path: PathBuf,
    /// What a thread that may wait is reading.
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

/// What tells that a file was changed.
#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

impl State {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl Source {
    /// These bytes of this file, which must have them.
    pub(super) fn new(opened: Opened, bytes: Range<u64>, path: &Path) -> Self {
        let state = State::of(&opened.metadata);
        Self { file: Arc::new(opened.file), left: bytes, state, path: path.to_owned(), reading: None }
    }

    /// Where the file is, for a message.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the next piece to `take`, and whether it is the last one.
    ///
    /// # Errors
    /// The system's; and when the file is not what it was any more: what was sent of it may be of another state than
    /// what would follow, so the last piece is withheld.
    pub fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8], bool),
    ) -> Poll<io::Result<()>> {
        let wanted = (self.left.end - self.left.start).min(PIECE_BYTES as u64) as usize;
        if self.reading.is_none() {
            let mut piece = [0; PIECE_BYTES];
            if let Some(read) = read_at_once(&self.file, &mut piece[..wanted], self.left.start) {
                return Poll::Ready(self.pass_on(&piece[..read], take));
            }
        }
        let (file, at) = (&self.file, self.left.start);
        let reading = self.reading.get_or_insert_with(|| {
            let file = file.clone();
            spawn_blocking(move || {
                let mut piece = vec![0; wanted];
                let read = file.read_at(&mut piece, at)?;
                piece.truncate(read);
                Ok(piece)
            })
        });
        let piece = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)?;
        self.reading = None;
        Poll::Ready(piece.and_then(|piece| self.pass_on(&piece, take)))
    }

    fn pass_on(&mut self, piece: &[u8], take: impl FnOnce(&[u8], bool)) -> io::Result<()> {
        self.left.start += piece.len() as u64;
        let is_last = self.left.is_empty();
        if piece.is_empty() || (is_last && State::of(&self.file.metadata()?) != self.state) {
            return Err(io::Error::other("it was changed while it was sent"));
        }
        take(piece, is_last);
        Ok(())
    }
}

/// Reads what is in memory. None if nothing of it is, or nobody can tell.
#[cfg(target_os = "linux")]
fn read_at_once(file: &File, piece: &mut [u8], at: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};

    let read = preadv2(file, &mut [io::IoSliceMut::new(piece)], at, ReadWriteFlags::NOWAIT);
    // The end of a file that has shrunk may also be an error of a disk; the other way to read tells.
    read.ok().filter(|&read| read > 0)
}

#[cfg(not(target_os = "linux"))]
fn read_at_once(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
    None
}
