//! The access log. A shard only appends to a buffer; one thread writes it out, so neither a slow disk
//! nor a reader that has stopped ever holds up a request.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{LogError, open};

/// A buffer of this many bytes is written at once: about 500 lines, one system call.
const WRITE_BYTES: usize = 64 * 1024;
/// A line waits at most this long: people who watch the log do not notice, and a busy proxy is woken
/// ten times a second instead of thousands.
const WRITE_EVERY: Duration = Duration::from_millis(100);
/// More than this many bytes are not kept for a disk or a reader that does not keep up: later lines are
/// dropped, and counted.
const BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where the lines end up.
pub(super) enum Target {
    Stdout,
    File(PathBuf, File),
}

impl Target {
    pub fn file(path: &Path) -> Result<Self, LogError> {
        Ok(Target::File(path.to_owned(), open(path)?))
    }

    fn write(&mut self, lines: &[u8]) {
        // There is nobody to tell: the log itself is what fails.
        let _ = match self {
            Target::Stdout => io::stdout().write_all(lines).and_then(|()| io::stdout().flush()),
            Target::File(_, file) => file.write_all(lines),
        };
    }
}

/// The end of the access log that shards hold. Appending never waits for the disk.
#[derive(Clone)]
pub struct AccessWriter(Arc<Shared>);

impl fmt::Debug for AccessWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessWriter(..)")
    }
}

struct Shared {
    state: Mutex<State>,
    /// Signalled when there is something to write, and when all is written.
    changed: Condvar,
    path: Option<PathBuf>,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Lines that found no room.
    lost: usize,
    new_file: Option<File>,
    is_finishing: bool,
    is_finished: bool,
}

impl AccessWriter {
    pub(super) fn start(target: Target) -> Self {
        let path = match &target {
            Target::Stdout => None,
            Target::File(path, _) => Some(path.clone()),
        };
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), path });
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.write_out(target))
            .expect("the system lets a starting process have a thread");
        AccessWriter(shared)
    }

    pub(super) fn reopen(&self) -> Result<(), LogError> {
        if let Some(path) = &self.0.path {
            self.0.lock().new_file = Some(open(path)?);
        }
        Ok(())
    }

    /// Takes whole lines; drops and counts them when the writing thread does not keep up.
    pub fn append(&self, lines: &[u8]) {
        let mut state = self.0.lock();
        let before = state.lines.len();
        if before + lines.len() > BUFFER_BYTES_MAX {
            state.lost += lines.iter().filter(|&&byte| byte == b'\n').count();
            return;
        }
        state.lines.extend_from_slice(lines);
        let is_full = before < WRITE_BYTES && state.lines.len() >= WRITE_BYTES;
        drop(state);
        if before == 0 || is_full {
            self.0.changed.notify_all();
        }
    }

    /// Returns when every line is written.
    pub(super) fn finish(&self) {
        let mut state = self.0.lock();
        state.is_finishing = true;
        self.0.changed.notify_all();
        while !state.is_finished {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    /// The writing thread: sleeps while there is nothing, gathers for a moment, writes.
    fn write_out(&self, mut target: Target) {
        let mut lines = Vec::new();
        let mut state = self.lock();
        loop {
            state = self.gather(state);
            mem::swap(&mut lines, &mut state.lines);
            let lost = mem::take(&mut state.lost);
            let new_file = state.new_file.take();
            let is_last = state.is_finishing;
            drop(state);

            target.write(&lines);
            lines.clear();
            if lost > 0 {
                tracing::warn!("{lost} access-log lines were lost: their reader does not keep up");
            }
            // What was gathered belongs to the time before the rotation.
            if let (Some(new), Target::File(_, file)) = (new_file, &mut target) {
                *file = new;
            }

            state = self.lock();
            if is_last && state.lines.is_empty() {
                state.is_finished = true;
                return self.changed.notify_all();
            }
        }
    }

    fn gather<'s>(&'s self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let has_nothing = |state: &mut State| state.lines.is_empty() && !state.is_finishing;
        let state = self.changed.wait_while(state, has_nothing).unwrap_or_else(PoisonError::into_inner);
        let has_time = |state: &mut State| state.lines.len() < WRITE_BYTES && !state.is_finishing;
        let waited = self.changed.wait_timeout_while(state, WRITE_EVERY, has_time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("swiftiply-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn every_line_is_in_the_file_when_the_log_is_finished() {
        let folder = folder("access-order");
        let path = folder.join("access.log");
        let log = AccessWriter::start(Target::file(&path).unwrap());
        let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}\n")).collect();
        for line in &lines {
            log.append(line.as_bytes());
        }
        log.finish();
        assert_eq!(fs::read_to_string(&path).unwrap(), lines.concat());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn after_a_rotation_lines_go_to_the_new_file() {
        let folder = folder("access-rotation");
        let (path, old) = (folder.join("access.log"), folder.join("access.log.1"));
        let log = AccessWriter::start(Target::file(&path).unwrap());
        log.append(b"before\n");
        fs::rename(&path, &old).unwrap();
        log.reopen().unwrap();
        log.finish();
        assert_eq!(fs::read_to_string(&old).unwrap(), "before\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "", "reopened under its name");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_reader_that_has_stopped_costs_lines_but_no_time() {
        // A pipe that nobody reads: the writing thread is stuck in it for good.
        let (reader, pipe) = io::pipe().unwrap();
        let target = Target::File(PathBuf::from("pipe"), File::from(std::os::fd::OwnedFd::from(pipe)));
        let log = AccessWriter::start(target);
        let line = [&[b'x'; 64 * 1024 - 1][..], b"\n"].concat();
        // More than buffer, pipe and the lines on their way hold: the rest is dropped, none of it blocks.
        for _ in 0..4 * BUFFER_BYTES_MAX / line.len() {
            log.append(&line);
        }
        let state = log.0.lock();
        assert!(state.lost > 0);
        assert!(state.lines.len() <= BUFFER_BYTES_MAX);
        drop(state);
        drop(reader);
        log.finish();
    }
}
