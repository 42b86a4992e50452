//! How this process was started, so that it can be started again.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

/// What starts a process like this one.
#[derive(Debug, Clone)]
pub struct Program {
    file: PathBuf,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
}

impl Program {
    /// This one. To be asked before the process changes its folder. Links are not followed, so that what they lead to
    /// may be another version next time.
    ///
    /// # Errors
    /// The system's, if it does not tell which file this process runs.
    pub fn of_this_process() -> io::Result<Self> {
        let mut words = env::args_os();
        let name = words.next().map(PathBuf::from).unwrap_or_default();
        let file = match find(&name) {
            Some(file) => file,
            None => env::current_exe()?,
        };
        Ok(Self { file, arguments: words.collect(), folder: env::current_dir().ok() })
    }

    /// Its file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Runs it with the same arguments, in the same folder if that is still there.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        let folder = self.folder.as_deref().filter(|folder| folder.is_dir());
        command.args(&self.arguments).current_dir(folder.unwrap_or(Path::new("/")));
        command
    }
}

/// The file of a command, as a shell would find it.
fn find(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return absolute(name).ok().filter(|file| is_executable(file));
    }
    let folders = env::var_os("PATH")?;
    let files = env::split_paths(&folders).map(|folder| folder.join(name));
    files.filter_map(|file| absolute(file).ok()).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_as_a_shell_would() {
        assert_eq!(find(Path::new("/bin/sh")), Some("/bin/sh".into()));
        assert!(find(Path::new("sh")).is_some_and(|file| file.is_absolute() && file.ends_with("sh")));
        assert_eq!(find(Path::new("/etc/passwd")), None, "it cannot be run");
        assert_eq!(find(Path::new("no-such-command")), None);
        assert_eq!(find(Path::new("")), None);
    }
}
