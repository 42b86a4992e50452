//! The pid file. Its lock, not its number, says whether the process lives: a number may belong to
//! another process after a crash or a reboot, a lock ends with its holder.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
        path: PathBuf,
        /// What the file says: that process's id.
        holder: String,
    },
    /// It cannot be written.
    Failed { path: PathBuf, cause: io::Error },
}

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
    fn a_folder_that_does_not_exist_is_told() {
        let error = Pidfile::create(Path::new("/nonexistent/swiftiply.pid")).unwrap_err().to_string();
        assert!(error.starts_with("pidfile: /nonexistent/swiftiply.pid cannot be written"), "{error}");
    }
}
