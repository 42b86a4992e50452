//! The proxy in the background: when it is there, who it is, and what it leaves behind.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

#[test]
fn the_command_returns_when_the_daemon_serves_and_the_pid_file_goes_with_it() {
    let site = Site::new(1, "daemonize: yes\n");
    // That this returns at all proves that the daemon has let go of our pipes.
    let output = site.start(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let daemon = site.daemon();
    assert!(
        stderr(&output).contains(&format!("in the background as process {daemon}")),
        "{}",
        stderr(&output)
    );
    assert_eq!(site.ask(), "HTTP/1.1 503");

    let stat = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap();
    let fields: Vec<i32> =
        stat.rsplit(')').next().unwrap().split(' ').filter_map(|f| f.parse().ok()).collect();
    let (parent, session, terminal) = (fields[0], fields[2], fields[3]);
    assert_ne!(parent, process::id() as i32);
    assert_ne!(session, daemon.as_raw(), "the leader of a session could get a terminal");
    assert_eq!(terminal, 0);
    assert_eq!(fs::read_link(format!("/proc/{daemon}/cwd")).unwrap(), Path::new("/"));

    site.stop(daemon);
    assert!(!site.pidfile().exists());
}

#[test]
fn a_second_one_is_refused_and_the_first_serves_on() {
    let site = Site::new(2, "");
    assert_eq!(site.start(&["-d"]).status.code(), Some(0));
    let daemon = site.daemon();
    for args in [&[][..], &["-d"]] {
        let second = site.start(args);
        assert_eq!(second.status.code(), Some(2));
        assert!(stderr(&second).contains(&format!("is held by process {daemon};")), "{}", stderr(&second));
    }
    assert_eq!(site.ask(), "HTTP/1.1 503");
    site.stop(daemon);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let site = Site::new(3, "daemonize: no\n");
    let other = site.folder.join("other.pid");
    let output = site.start(&["-d", "yes", "-f", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!site.pidfile().exists());
    let daemon = fs::read_to_string(&other).unwrap().trim().parse().unwrap();
    assert_eq!(site.ask(), "HTTP/1.1 503");
    stop(Pid::from_raw(daemon), &other);
}

#[test]
fn root_becomes_the_user_of_the_file_once_its_addresses_are_bound() {
    if !geteuid().is_root() {
        return; // Nobody else can; what they are told instead is tested in cli.rs.
    }
    let site = Site::new(4, "user: 54321\ngroup: 54322\n");
    let output = site.start(&["-d"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let daemon = site.daemon();
    assert_eq!(site.ask(), "HTTP/1.1 503");
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    for line in
        ["Uid:\t54321\t54321\t54321\t54321\n", "Gid:\t54322\t54322\t54322\t54322\n", "Groups:\t54322 \n"]
    {
        assert!(status.contains(line), "{line} in {status}");
    }
    site.stop(daemon);
    // The folder is root's, so the file could only be emptied.
    assert_eq!(fs::read_to_string(site.pidfile()).unwrap(), "");
}

/// A configuration in a folder of its own, at an address of its own: every address of 127.0.0.0/8 is this
/// host, so a number of test process and test never meets a port in use.
struct Site {
    folder: PathBuf,
    address: String,
}

impl Site {
    fn new(number: u16, more: &str) -> Self {
        let [_, a, b, c] = process::id().to_be_bytes();
        let address = format!("127.{}.{b}.{c}", 64 + (a & 63));
        let folder = std::env::temp_dir().join(format!("swiftiply-daemon-{number}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let port = 18_080 + number;
        let text = format!(
            "cluster_address: {address}\ncluster_port: {port}\npidfile: swiftiply.pid\n\
             log: {{error: error.log, access: off}}\n\
             map: [{{incoming: a.test, outgoing: '127.0.0.1:0', queue: 0}}]\n{more}"
        );
        fs::write(folder.join("site.yml"), text).unwrap();
        Site { folder, address: format!("{address}:{port}") }
    }

    /// Starts the proxy as a person in the folder would.
    fn start(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_swiftiply"));
        command.args(["-c", "site.yml"]).args(args).current_dir(&self.folder).output().unwrap()
    }

    fn pidfile(&self) -> PathBuf {
        self.folder.join("swiftiply.pid")
    }

    fn daemon(&self) -> Pid {
        Pid::from_raw(fs::read_to_string(self.pidfile()).unwrap().trim().parse().unwrap())
    }

    /// The beginning of the reply to a request; with no backend and no queue that comes at once.
    fn ask(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        String::from_utf8_lossy(&start).into_owned()
    }

    fn stop(&self, daemon: Pid) {
        stop(daemon, &self.pidfile());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that failed half way leaves no daemon behind.
        let left = fs::read_to_string(self.pidfile()).ok().and_then(|text| text.trim().parse().ok());
        if let Some(daemon) = left {
            let _ = kill(Pid::from_raw(daemon), Signal::SIGKILL);
        }
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Asks the daemon to stop and returns when it has: its lock on the pid file ends with it.
fn stop(daemon: Pid, pidfile: &Path) {
    let file = File::open(pidfile).unwrap();
    kill(daemon, Signal::SIGTERM).unwrap();
    let _lock = Flock::lock(file, FlockArg::LockExclusive).unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
