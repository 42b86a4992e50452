//! The pid file. Its lock, not its number, says whether the process lives: a number may belong to
//! another process after a crash or a reboot, a lock ends with its holder.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// This process's pid file; removed when dropped.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    file: Flock<File>,
}

impl Pidfile {
    /// Writes this process's id. The file appears under its name with its content and its lock, never
    /// half done. Refused while another process holds it; one left behind by a crash is replaced.
    pub fn create(path: &Path) -> Result<Self, PidfileError> {
        let failed = |cause| PidfileError::Failed { path: path.to_owned(), cause };
        let draft = PathBuf::from(format!("{}.{}", path.display(), process::id()));
        let written = write_locked(&draft).and_then(|file| {
            publish(&draft, path)?;
            Ok(file)
        });
        let _ = fs::remove_file(&draft);
        match written {
            Ok(file) => Ok(Pidfile { path: path.to_owned(), file }),
            Err(PublishError::Held) => {
                let holder = fs::read_to_string(path).unwrap_or_default().trim().to_owned();
                Err(PidfileError::Held { path: path.to_owned(), holder })
            }
            Err(PublishError::Io(cause)) => Err(failed(cause)),
        }
    }

    /// Takes over the file of the process whose place this one takes. Its lock came along, so that at no time nobody
    /// holds it; and so does the right to write, also where this process's user could not make such a file.
    pub fn take_over(path: PathBuf, file: File) -> Result<Self, PidfileError> {
        let number = format!("{}\n", process::id());
        // In this order, so that whoever reads it meanwhile finds one of the two numbers in its first line.
        let written =
            file.write_all_at(number.as_bytes(), 0).and_then(|()| file.set_len(number.len() as u64));
        let locked = written.and_then(|()| {
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, cause)| cause.into())
        });
        match locked {
            Ok(file) => Ok(Pidfile { path, file }),
            Err(cause) => Err(PidfileError::Failed { path, cause }),
        }
    }

    /// The file with its lock, for the process that is to take this one's place.
    pub(super) fn heirloom(&self) -> io::Result<(PathBuf, OwnedFd)> {
        Ok((self.path.clone(), self.file.as_fd().try_clone_to_owned()?))
    }

    /// Another process has taken it over: neither the file nor its lock, which both share, is ours any more.
    pub(super) fn hand_over(self) {
        std::mem::forget(self);
    }

    /// Whether it is that process's by now.
    pub(super) fn names(&self, pid: u32) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text.trim() == pid.to_string())
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        let is_ours = |theirs: fs::Metadata| {
            self.file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
        };
        // Somebody may have put another file there. And having dropped root's rights, we may not remove
        // ours from root's folder: then it stays, empty.
        if fs::metadata(&self.path).is_ok_and(is_ours) && fs::remove_file(&self.path).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

enum PublishError {
    Held,
    Io(io::Error),
}

impl From<io::Error> for PublishError {
    fn from(cause: io::Error) -> Self {
        PublishError::Io(cause)
    }
}

fn write_locked(draft: &Path) -> Result<Flock<File>, PublishError> {
    let _ = fs::remove_file(draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(draft)?;
    writeln!(file, "{}", process::id())?;
    lock(file)
}

/// Gives the draft its name: at once when there is no file of that name, else by replacing one that
/// nobody holds, under that one's lock, so that of two starting processes only one can.
fn publish(draft: &Path, path: &Path) -> Result<(), PublishError> {
    loop {
        match fs::hard_link(draft, path) {
            Ok(()) => return Ok(()),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(cause.into()),
        }
        let stale = match File::open(path) {
            Ok(file) => lock(file)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(cause.into()),
        };
        // It may have been replaced between opening and locking.
        if fs::metadata(path).is_ok_and(|now| stale.metadata().is_ok_and(|then| now.ino() == then.ino())) {
            return Ok(fs::rename(draft, path)?);
        }
    }
}

fn lock(file: File) -> Result<Flock<File>, PublishError> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, cause)| match cause {
        Errno::EWOULDBLOCK => PublishError::Held,
        cause => PublishError::Io(cause.into()),
    })
}

/// Why there is no pid file.
#[derive(Debug)]
pub enum PidfileError {
    /// Another process runs with it.
    Held {
        /// Where it is.
        path: PathBuf,
        /// What the file says: that process's id.
        holder: String,
    },
    /// It cannot be written.
    Failed {
        /// Where it should be.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
}

impl std::error::Error for PidfileError {}

impl fmt::Display for PidfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PidfileError::Held { path, holder } => {
                let path = path.display();
                write!(f, "pidfile: {path} is held by process {holder}; stop that one or name another file")
            }
            PidfileError::Failed { path, cause } => {
                write!(f, "pidfile: {} cannot be written ({cause}); name another file", path.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("swiftiply-pidfile-{name}-{}", process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn pidfile(&self) -> PathBuf {
            self.0.join("swiftiply.pid")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn it_holds_the_process_id_while_the_process_runs() {
        let folder = Folder::new("runs");
        let pidfile = Pidfile::create(&folder.pidfile()).unwrap();
        assert_eq!(fs::read_to_string(folder.pidfile()).unwrap(), format!("{}\n", process::id()));
        drop(pidfile);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }

    #[test]
    fn a_second_process_is_refused_with_the_id_of_the_first() {
        let folder = Folder::new("second");
        let _first = Pidfile::create(&folder.pidfile()).unwrap();
        let error = Pidfile::create(&folder.pidfile()).unwrap_err().to_string();
        assert!(error.contains(&format!("is held by process {};", process::id())), "{error}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn one_that_a_crash_left_behind_is_replaced() {
        let folder = Folder::new("crash");
        // Process 1 lives, but does not hold the file.
        fs::write(folder.pidfile(), "1\n").unwrap();
        let _pidfile = Pidfile::create(&folder.pidfile()).unwrap();
        assert_eq!(fs::read_to_string(folder.pidfile()).unwrap(), format!("{}\n", process::id()));
    }

    #[test]
    fn a_file_that_somebody_else_put_there_is_not_removed() {
        let folder = Folder::new("else");
        let pidfile = Pidfile::create(&folder.pidfile()).unwrap();
        fs::remove_file(folder.pidfile()).unwrap();
        fs::write(folder.pidfile(), "7\n").unwrap();
        drop(pidfile);
        assert_eq!(fs::read_to_string(folder.pidfile()).unwrap(), "7\n");
    }

    #[test]
    fn the_lock_is_held_without_a_gap_when_another_process_takes_it_over() {
        let folder = Folder::new("heirloom");
        let old = Pidfile::create(&folder.pidfile()).unwrap();
        fs::write(folder.pidfile(), "1234567890\n").unwrap();
        let (path, file) = old.heirloom().unwrap();
        let refused = || assert!(Pidfile::create(&folder.pidfile()).is_err());
        refused();
        let new = Pidfile::take_over(path, file.into()).unwrap();
        refused();
        old.hand_over();
        refused();
        assert_eq!(fs::read_to_string(folder.pidfile()).unwrap(), format!("{}\n", process::id()));
        drop(new);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }

    #[test]
    fn a_successor_that_fails_leaves_file_and_lock_where_they_were() {
        let folder = Folder::new("failed-heir");
        let old = Pidfile::create(&folder.pidfile()).unwrap();
        drop(old.heirloom().unwrap());
        assert!(old.names(process::id()) && !old.names(1));
        assert!(Pidfile::create(&folder.pidfile()).is_err());
        drop(old);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_told() {
        let error = Pidfile::create(Path::new("/nonexistent/swiftiply.pid")).unwrap_err().to_string();
        assert!(error.starts_with("pidfile: /nonexistent/swiftiply.pid cannot be written"), "{error}");
    }
}
