//! A real proxy process in a folder of its own, at an address of its own, and those that take its place.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Folder, PATIENCE};

pub struct Service {
    pub folder: Folder,
    /// Where clients connect.
    pub address: String,
    child: Option<Child>,
}

impl Service {
    /// One that is not started yet. `top` are further keys of its configuration.
    pub fn new(top: &str) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Every address of 127.0.0.0/8 is this host: a number of process and test meets no port in use.
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let address = format!("127.{}.{b}.{c}", 128 + (a & 63));
        let port = 19_080 + NEXT.fetch_add(1, Ordering::Relaxed);
        let service = Self { folder: Folder::new(), address: format!("{address}:{port}"), child: None };
        service.configure(top);
        service.install(Path::new(env!("CARGO_BIN_EXE_swiftiply")));
        service
    }

    pub fn start(top: &str) -> Self {
        let mut service = Self::new(top);
        service.launch(service.command());
        service
    }

    /// Writes the configuration.
    pub fn configure(&self, top: &str) {
        let (host, port) = self.address.split_once(':').unwrap();
        let drain = if top.contains("drain_timeout:") { "" } else { "drain_timeout: 20\n" };
        let text = format!(
            "cluster_address: {host}\ncluster_port: {port}\npidfile: swiftiply.pid\n\
             log: {{error: error.log, access: off}}\n{drain}{top}\n\
             map:\n  - incoming: app.test\n    outgoing: unix:{}\n    default: true\n    timeout: 20\n{}",
            self.door().display(),
            self.more_sites(top),
        );
        self.folder.write("site.yml", &text);
    }

    /// Another one of its own, for whatever else shall listen.
    pub fn second_address(&self) -> String {
        let (host, port) = self.address.split_once(':').unwrap();
        format!("{host}:{}", port.parse::<u16>().unwrap() + 1000)
    }

    /// `# more` in the configuration adds a site, so that its map has changed.
    fn more_sites(&self, top: &str) -> String {
        match top.contains("# more") {
            true => format!(
                "  - incoming: more.test\n    outgoing: unix:{}\n",
                self.folder.path("more.sock").display()
            ),
            false => String::new(),
        }
    }

    /// Puts another program in the place of the file that the proxy was started from. Another process does it: one that
    /// another test starts just then would have the file open for writing, and nobody could execute it.
    pub fn install(&self, program: &Path) {
        let mut copy = Command::new("cp");
        copy.args(["-p", "--remove-destination"]).arg(program).arg(self.program());
        assert!(copy.status().unwrap().success());
    }

    /// The same for a script.
    pub fn install_script(&self, text: &str) {
        let script = self.folder.write("script", &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        self.install(&script);
    }

    pub fn program(&self) -> PathBuf {
        self.folder.path("swiftiply")
    }

    pub fn door(&self) -> PathBuf {
        self.folder.path("app.sock")
    }

    pub fn pidfile(&self) -> PathBuf {
        self.folder.path("swiftiply.pid")
    }

    /// As a person in the folder would type it.
    pub fn command(&self) -> Command {
        let mut command = Command::new("./swiftiply");
        command.args(["-c", "site.yml"]).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    pub fn launch(&mut self, mut command: Command) {
        self.child = Some(command.spawn().unwrap());
        self.until("it listens", || TcpStream::connect(&self.address).is_ok() && self.pid().is_some());
    }

    /// The process that the pid file names.
    pub fn pid(&self) -> Option<Pid> {
        fs::read_to_string(self.pidfile()).ok()?.trim().parse().ok().map(Pid::from_raw)
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid().expect("a pid file"), signal).unwrap();
    }

    /// SIGUSR2 to the process of the pid file; returns when that names another one.
    pub fn upgrade(&self) -> Pid {
        let old = self.pid();
        self.signal(Signal::SIGUSR2);
        self.until("another process has taken its place", || self.pid().is_some() && self.pid() != old);
        self.pid().unwrap()
    }

    /// The end of the process that was started here (not of those that took its place).
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() >= until {
                child.kill().unwrap();
                panic!("it does not end\n{}", self.log());
            }
            std::thread::sleep(PAUSE);
        }
    }

    pub fn until_gone(&self, pid: Pid) {
        self.until("it has ended", || has_ended(pid));
    }

    pub fn until_said(&self, sentence: &str, times: usize) {
        self.until(sentence, || self.log().matches(sentence).count() >= times);
    }

    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < until, "not so: {what}\n{}", self.log());
            std::thread::sleep(PAUSE);
        }
    }

    /// What all its processes said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path("error.log")).unwrap_or_default()
    }

    /// The status of a request on a connection of its own.
    pub fn status(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        String::from_utf8_lossy(&start[9..]).into_owned()
    }
}

/// Only a pause between two looks, not a guess at how long something takes.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

/// One that nobody has waited for counts as ended, too.
fn has_ended(pid: Pid) -> bool {
    if kill(pid, None) == Err(Errno::ESRCH) {
        return true;
    }
    let mut stat = String::new();
    let read = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read_to_string(&mut stat));
    read.is_err() || stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

impl Drop for Service {
    fn drop(&mut self) {
        // A test that failed half way leaves no process behind.
        if let Some(pid) = self.pid().filter(|pid| !has_ended(*pid)) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
