//! The command as a person at a terminal meets it: what it prints, and how it ends.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn help_and_version_are_printed() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["--config", "--daemonize", "--pidfile", "--log-level", "check"] {
        assert!(stdout(&help).contains(word), "{word} in {}", stdout(&help));
    }
    for flag in ["--version", "-V", "-v"] {
        let version = run(&[flag]);
        assert_eq!(stdout(&version), format!("swiftiply {}\n", env!("CARGO_PKG_VERSION")));
        assert_eq!(version.status.code(), Some(0));
    }
}

#[test]
fn a_bad_command_line_ends_with_2() {
    for args in [&["--bogus"][..], &["-c"], &["check", "a", "b"], &["--log-level", "loud"], &["-d", "maybe"]]
    {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    }
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_2_and_starts_nothing() {
    let folder = Folder::new("unusable");
    let bad = folder.write("bad.yml", "cluster_adress: 127.0.0.1\n");
    for args in [&["check", &bad][..], &["-c", &bad], &["-c", &bad, "-d"], &["-c", "no-such-file.yml"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "one sentence: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let sentence = stderr(&run(&["-c", &bad]));
    assert_eq!(
        sentence,
        format!("swiftiply: {bad}:1: cluster_adress: unknown key; did you mean `cluster_address`?\n")
    );
}

#[test]
fn check_without_a_file_tells_what_is_done_without_one() {
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(0));
    for line in
        ["clients connect to: 127.0.0.1:8080", "  outgoing: 127.0.0.1:30000, unix:/", "  timeout: 10 s"]
    {
        assert!(stdout(&output).contains(line), "{line} in {}", stdout(&output));
    }
}

#[test]
fn the_flag_of_0_6_prints_the_configuration_like_check() {
    let folder = Folder::new("print-config");
    let file = folder.config("127.0.0.1", "");
    assert_eq!(stdout(&run(&["-c", &file, "-p"])), stdout(&run(&["check", &file])));
}

#[test]
fn check_resolves_no_names_and_binds_nothing() {
    let folder = Folder::new("unresolved");
    let file = folder.config("no-such-host.invalid", "");
    let output = run(&["check", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("clients connect to: no-such-host.invalid:"), "{}", stdout(&output));
}

#[test]
fn a_port_in_use_is_told_with_its_address_and_ends_with_2() {
    let folder = Folder::new("in-use");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = folder.write("site.yml", &format!(
        "cluster_address: 127.0.0.1\ncluster_port: {port}\nmap: [{{incoming: a.test, outgoing: '127.0.0.1:0'}}]\nlog: {{error: error.log}}\n"
    ));
    // In the background too: the sentence and the code come from the process that was started.
    for args in [&["-c", &file][..], &["-c", &file, "-d"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(&format!("127.0.0.1:{port}")), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "one sentence: {}", stderr(&output));
    }
}

#[test]
fn a_log_file_that_cannot_be_opened_ends_with_2() {
    let folder = Folder::new("log");
    let file = folder.config("127.0.0.1", "log: {access: no-such-folder/access.log}");
    for args in [&["-c", &file][..], &["-c", &file, "-d"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("no-such-folder/access.log cannot be opened"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_user_that_does_not_exist_ends_with_2() {
    let folder = Folder::new("user");
    let file = folder.config("127.0.0.1", "user: no-such-user");
    let output = run(&["-c", &file]);
    assert_eq!(output.status.code(), Some(2));
    let sentence =
        "swiftiply: user: there is no user \"no-such-user\" on this host; create it or name another one\n";
    assert_eq!(stderr(&output), sentence);
}

#[test]
fn only_root_can_become_another_user() {
    use std::os::unix::process::CommandExt;
    let folder = Folder::new("not-root");
    let file = folder.config("127.0.0.1", "user: 12345\ngroup: 12345");
    // Another user may not be able to enter the folder of the build. Copied by a process of its own: a
    // command that another test starts meanwhile would inherit our open copy, which then could not be run.
    let copy = folder.path().join("swiftiply");
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_swiftiply")).arg(&copy).status().unwrap().success());
    let mut command = Command::new(copy);
    command.args(["-c", &file]);
    if nix::unistd::geteuid().is_root() {
        command.uid(54321).gid(54321);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("swiftiply: user: only root can become"), "{}", stderr(&output));
}

#[test]
fn a_pid_file_that_another_process_holds_ends_with_2() {
    let folder = Folder::new("held");
    let file = folder.config("127.0.0.1", "");
    let pidfile = folder.write("swiftiply.pid", "4711\n");
    let held = fs::File::open(&pidfile).unwrap();
    let _held = nix::fcntl::Flock::lock(held, nix::fcntl::FlockArg::LockExclusive).unwrap();
    for args in [&["-c", &file, "-f", &pidfile][..], &["-c", &file, "-f", &pidfile, "-d"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("is held by process 4711;"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(&pidfile).unwrap(), "4711\n");
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_swiftiply")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder for one test, readable for every user, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("swiftiply-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// A file of one site, whose ports the system chooses.
    fn config(&self, address: &str, more: &str) -> String {
        let site = "map: [{incoming: a.test, outgoing: '127.0.0.1:0', queue: 0}]";
        self.write("site.yml", &format!("cluster_address: {address}\ncluster_port: 0\n{site}\n{more}\n"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
