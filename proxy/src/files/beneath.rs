//! Opening a regular file beneath a root, and nothing else.
//!
//! The system itself keeps the path beneath the root (`openat2` with `RESOLVE_BENEATH`): neither `..` nor a symbolic link
//! leads out, also while others rename folders. Links that stay inside and are relative are followed. The root is opened
//! anew for every file, so that a deploy may replace it (`current -> releases/8`).
//!
//! What is not a regular file (a FIFO, a device, a socket) is never opened for reading: it is looked at first.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// How much a look at the file system may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Only what the system has in memory: it takes microseconds, so a shard may do it.
    InMemory,
    /// Whatever it takes.
    Any,
}

/// A regular file that was found, open for reading.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// What it was when it was opened.
    pub metadata: Metadata,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    /// The answer is on a disk; ask again with [`Effort::Any`].
    NeedsDisk,
    /// There is no such file.
    Absent,
    /// There is something, but not to be given out.
    Refused(Cause),
}

/// Why something is not given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A symbolic link leads out of the root.
    LeadsOut,
    /// The system says so.
    System(Errno),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeadsOut => f.write_str(
                "a symbolic link on its path is absolute or leads out of the folder; make it relative, and keep its \
                 target inside",
            ),
            Self::System(errno) => io::Error::from(*errno).fmt(f),
        }
    }
}

/// How often a path is looked up anew when others rename folders on it meanwhile.
const RENAMES_MAX: usize = 3;

/// Opens the file at this relative path beneath the root.
///
/// # Errors
/// [`Unopened`]
pub fn open(root: &Path, path: &Path, effort: Effort) -> Result<Opened, Unopened> {
    for _ in 0..RENAMES_MAX {
        match look_then_open(|flags| open_beneath(root, path, flags, effort)) {
            Err(Errno::AGAIN) if effort == Effort::InMemory => return Err(Unopened::NeedsDisk),
            Err(Errno::AGAIN) => {}
            result => return Ok(result?),
        }
    }
    Err(Unopened::Absent)
}

/// Opens twice: to look, and if that found a regular file, to read the very same one.
fn look_then_open(open_with: impl Fn(OFlags) -> Result<OwnedFd, Errno>) -> Result<Opened, Errno> {
    let seen = File::from(open_with(LOOK)?).metadata().map_err(errno)?;
    if !seen.is_file() {
        return Err(Errno::NOENT);
    }
    // Not to wait for a writer, should a FIFO have taken the file's place meanwhile.
    let file = File::from(open_with(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
    let metadata = file.metadata().map_err(errno)?;
    let is_same = (seen.dev(), seen.ino()) == (metadata.dev(), metadata.ino());
    if is_same { Ok(Opened { file, metadata }) } else { Err(Errno::AGAIN) }
}

fn open_beneath(root: &Path, path: &Path, flags: OFlags, effort: Effort) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match by_the_system(root, path, flags, effort) {
        Err(Errno::NOSYS | Errno::PERM) if effort == Effort::InMemory => Err(Errno::AGAIN),
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, path, flags),
        result => result,
    }
}

/// The flags to look at something without opening it for reading.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::NONBLOCK;

#[cfg(target_os = "linux")]
fn by_the_system(root: &Path, path: &Path, flags: OFlags, effort: Effort) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};

    let cached = match effort {
        Effort::InMemory => ResolveFlags::CACHED,
        Effort::Any => ResolveFlags::empty(),
    };
    let root = openat2(CWD, root, LOOK | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), cached)?;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags, Mode::empty(), cached | within)
}

#[cfg(not(target_os = "linux"))]
fn by_the_system(_: &Path, _: &Path, _: OFlags, _: Effort) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

/// The same without the system's help: name by name, and no symbolic link beneath the root is followed at all.
fn step_by_step(root: &Path, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let folder = LOOK | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut within = openat(CWD, root, folder, Mode::empty())?;
    for name in path.parent().into_iter().flatten() {
        within = openat(&within, name, folder | OFlags::NOFOLLOW, Mode::empty())?;
    }
    openat(&within, path.file_name().ok_or(Errno::NOENT)?, flags | OFlags::NOFOLLOW, Mode::empty())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

impl From<Errno> for Unopened {
    fn from(errno: Errno) -> Self {
        match errno {
            // A link that is not followed looks like a file that is not a folder, or like too many links.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => Self::Absent,
            Errno::XDEV => Self::Refused(Cause::LeadsOut),
            errno => Self::Refused(Cause::System(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::{fs, thread};

    use nix::sys::stat::Mode as FifoMode;
    use nix::unistd::mkfifo;

    use super::*;

    /// A folder with a root and what lies beside it; removed when dropped.
    struct Around(PathBuf);

    impl Around {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("swiftiply-beneath-{}-{name}", std::process::id()));
            fs::create_dir_all(folder.join("root/deep")).expect("a folder of our own");
            fs::create_dir_all(folder.join("root-secret")).expect("a folder of our own");
            fs::write(folder.join("root/file"), "file").expect("a file of our own");
            fs::write(folder.join("root/deep/file"), "deep").expect("a file of our own");
            fs::write(folder.join("secret"), "secret").expect("a file of our own");
            fs::write(folder.join("root-secret/file"), "secret").expect("a file of our own");
            Self(folder)
        }

        fn root(&self) -> PathBuf {
            self.0.join("root")
        }

        fn link(&self, target: impl AsRef<Path>, name: &str) {
            symlink(target, self.root().join(name)).expect("a link of our own");
        }

        fn open(&self, path: &str) -> Result<String, Unopened> {
            open(&self.root(), Path::new(path), Effort::Any).map(|opened| content(opened.file))
        }

        fn open_step_by_step(&self, path: &str) -> Result<String, Unopened> {
            let opened =
                look_then_open(|flags| step_by_step(&self.root(), Path::new(path), flags | OFlags::CLOEXEC))?;
            Ok(content(opened.file))
        }
    }

    impl Drop for Around {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn content(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).expect("a regular file can be read");
        text
    }

    #[test]
    fn a_regular_file_is_opened_and_nothing_else() {
        let around = Around::new("regular");
        let root = around.root();
        mkfifo(&root.join("fifo"), FifoMode::S_IRUSR | FifoMode::S_IWUSR).expect("a FIFO");
        let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
        for open in [Around::open, Around::open_step_by_step] {
            assert_eq!(open(&around, "file").as_deref(), Ok("file"));
            assert_eq!(open(&around, "deep/file").as_deref(), Ok("deep"));
            for path in ["", "deep", "fifo", "socket", "nothing", "file/below", "nothing/below"] {
                assert_eq!(open(&around, path), Err(Unopened::Absent), "{path}");
            }
            assert_eq!(open(&around, &"x".repeat(300)), Err(Unopened::Absent));
        }
    }

    #[test]
    fn a_fifo_is_not_even_opened() {
        let around = Around::new("fifo");
        let fifo = around.root().join("fifo");
        mkfifo(&fifo, FifoMode::S_IRUSR | FifoMode::S_IWUSR).expect("a FIFO");
        assert_eq!(around.open("fifo"), Err(Unopened::Absent));
        // A writer that does not wait is told that nobody reads.
        let writer = openat(CWD, &fifo, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
        assert_eq!(writer.err(), Some(Errno::NXIO));
    }

    #[test]
    fn a_device_is_not_opened() {
        let opened = open(Path::new("/dev"), Path::new("zero"), Effort::Any);
        assert_eq!(opened.err(), Some(Unopened::Absent));
    }

    #[test]
    fn a_link_is_followed_as_far_as_it_stays_inside() {
        let around = Around::new("inside");
        around.link("file", "to-file");
        around.link("../file", "deep/up");
        around.link("deep", "to-folder");
        for path in ["to-file", "deep/up"] {
            assert_eq!(around.open(path).as_deref(), Ok("file"), "{path}");
        }
        assert_eq!(around.open("to-folder/file").as_deref(), Ok("deep"));
        for path in ["to-file", "deep/up", "to-folder/file"] {
            assert_eq!(around.open_step_by_step(path), Err(Unopened::Absent), "{path}");
        }
    }

    #[test]
    fn no_link_leads_out() {
        let around = Around::new("out");
        around.link("../secret", "relative");
        around.link(around.0.join("secret"), "absolute");
        around.link("..", "folder");
        around.link("../root-secret", "neighbour");
        around.link("/proc/self/root", "magic");
        around.link("to-itself", "to-itself");
        for path in ["relative", "absolute", "folder/secret", "neighbour/file", "magic/etc/passwd"] {
            assert_eq!(around.open(path), Err(Unopened::Refused(Cause::LeadsOut)), "{path}");
            assert_eq!(around.open_step_by_step(path), Err(Unopened::Absent), "{path}");
        }
        for path in ["../secret", "deep/../../secret", "../root-secret/file"] {
            assert_eq!(around.open(path), Err(Unopened::Refused(Cause::LeadsOut)), "{path}");
        }
        assert_eq!(around.open("to-itself"), Err(Unopened::Absent));
    }

    #[test]
    fn the_root_itself_may_be_a_link_that_changes() {
        let around = Around::new("releases");
        let current = around.0.join("current");
        symlink("root", &current).expect("a link of our own");
        let read = || open(&current, Path::new("file"), Effort::Any).map(|opened| content(opened.file));
        assert_eq!(read().as_deref(), Ok("file"));
        fs::remove_file(&current).expect("a link of our own");
        symlink("root-secret", &current).expect("a link of our own");
        assert_eq!(read().as_deref(), Ok("secret"));
    }

    #[test]
    fn a_path_stays_inside_while_others_rename_its_folders() {
        let around = Around::new("race");
        let (inside, outside) = (around.root().join("deep"), around.0.join("out"));
        thread::scope(|scope| {
            let mover = scope.spawn(|| {
                for _ in 0..500 {
                    fs::rename(&inside, &outside).expect("a folder of our own");
                    symlink("../root-secret", &inside).expect("a link of our own");
                    fs::remove_file(&inside).expect("a link of our own");
                    fs::rename(&outside, &inside).expect("a folder of our own");
                }
            });
            while !mover.is_finished() {
                assert!(around.open("deep/file").map_or(true, |text| text == "deep"));
                assert!(around.open_step_by_step("deep/file").map_or(true, |text| text == "deep"));
            }
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_in_memory_is_known_without_a_disk() {
        let around = Around::new("memory");
        let at_once = |path| open(&around.root(), Path::new(path), Effort::InMemory).map(|_| ());
        assert_eq!(at_once("nobody-asked-before"), Err(Unopened::NeedsDisk));
        assert_eq!(around.open("nobody-asked-before"), Err(Unopened::Absent));
        assert_eq!(around.open("file").as_deref(), Ok("file"));
        // On a kernel that has no such call everything needs a disk.
        if at_once("file") != Err(Unopened::NeedsDisk) {
            assert_eq!(at_once("file"), Ok(()));
            assert_eq!(at_once("nobody-asked-before"), Err(Unopened::Absent));
        }
    }
}
