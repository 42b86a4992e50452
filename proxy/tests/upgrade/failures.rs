//! An upgrade that does not come about changes nothing, and says in one line why.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::service::Service;
use crate::support::{Address, Backend, Dial};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// The proxy serves on, in the same process, and its backend has come back.
fn serves_on(service: &Service, pid: Pid) {
    assert_eq!(service.pid(), Some(pid));
    assert_eq!(service.status(), "200");
}

#[test]
fn a_new_process_that_cannot_start_is_told_of_in_one_line() {
    let service = Service::start("");
    let _app = App::start(&service.door(), 1, 1);
    let pid = service.pid().unwrap();
    assert_eq!(service.status(), "200");

    service.configure("no_such_key: 1");
    service.signal(Signal::SIGUSR2);
    service.until_said("no_such_key: unknown key", 1);
    serves_on(&service, pid);

    service.configure("");
    service.install_script("exit 7");
    service.signal(Signal::SIGUSR2);
    service.until_said("it ended before it was ready (exit status: 7)", 1);
    serves_on(&service, pid);

    fs::remove_file(service.program()).unwrap();
    service.signal(Signal::SIGUSR2);
    service.until_said("cannot be started (No such file", 1);
    serves_on(&service, pid);
    let errors = service.log().lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(errors, 3, "{}", service.log());

    // And the next one succeeds.
    service.install(env!("CARGO_BIN_EXE_swiftiply").as_ref());
    let new = service.upgrade();
    service.until_gone(pid);
    serves_on(&service, new);
}

#[test]
fn during_an_upgrade_a_second_one_is_refused_a_reload_waits_and_a_stop_ends_both() {
    let mut service = Service::start("");
    service.install_script("echo $$ > new.pid; exec sleep 600");
    service.signal(Signal::SIGUSR2);
    service.until("the new process runs", || {
        fs::read_to_string(service.folder.path("new.pid")).is_ok_and(|pid| pid.ends_with('\n'))
    });
    service.signal(Signal::SIGUSR2);
    service.until_said("an upgrade is under way already", 1);
    service.signal(Signal::SIGHUP);

    let new = fs::read_to_string(service.folder.path("new.pid")).unwrap().trim().parse().unwrap();
    let new = Pid::from_raw(new);
    service.signal(Signal::SIGTERM);
    assert!(service.wait().success(), "{}", service.log());
    service.until_gone(new);
    assert!(!service.log().contains("the configuration was read again"), "{}", service.log());
    assert!(!service.pidfile().exists());
}

#[test]
fn a_reload_that_was_asked_for_during_an_upgrade_is_made_up_for() {
    let service = Service::start("");
    service.install_script("while [ ! -e go ]; do sleep 0.01; done; exit 5");
    service.signal(Signal::SIGUSR2);
    service.until_said("upgrade: ", 1);
    service.configure("# more");
    service.signal(Signal::SIGHUP);
    service.signal(Signal::SIGUSR2);
    service.until_said("an upgrade is under way already", 1);
    assert!(!service.log().contains("the configuration was read again"), "{}", service.log());
    service.folder.write("go", "");
    service.until_said("the configuration was read again: 2 sites", 1);
    assert!(service.log().contains("(exit status: 5)"));
}

#[test]
fn what_runs_in_the_old_process_is_finished_there_while_the_new_one_serves() {
    let mut service = Service::start("");
    let _app = App::start(&service.door(), 2, 1);
    let old = service.pid().unwrap();
    assert_eq!(service.status(), "200");
    let mut slow = TcpStream::connect(&service.address).unwrap();
    let mut idle = TcpStream::connect(&service.address).unwrap();
    idle.write_all(GET).unwrap();
    let mut piece = [0; 4096];
    let length = idle.read(&mut piece).unwrap();
    let reply = String::from_utf8_lossy(&piece[..length]);
    assert!(reply.contains("200") && !reply.contains("Connection: close"), "{reply}");
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").unwrap();
    service.upgrade();
    assert_eq!(service.status(), "200");
    let reply = read_all(&mut slow);
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    // This one stood between two requests, and may still send its next one.
    idle.write_all(GET).unwrap();
    let reply = read_all(&mut idle);
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("Connection: close"), "{reply}");
    assert!(service.wait().success());
    service.until_gone(old);
    assert!(service.door().exists(), "the socket's file is the new one's");
}

#[test]
fn a_daemon_is_replaced_in_the_background_and_the_pid_file_leads_to_the_new_one() {
    let service = Service::new("daemonize: yes");
    assert!(service.command().status().unwrap().success());
    let old = service.pid().unwrap();
    let new = service.upgrade();
    service.until_gone(old);
    let newest = service.upgrade();
    service.until_gone(new);
    assert_eq!(fs::read_link(format!("/proc/{newest}/cwd")).unwrap(), std::path::Path::new("/"));
    kill(newest, Signal::SIGTERM).unwrap();
    service.until_gone(newest);
    assert!(!service.pidfile().exists());
}

/// An old process whose backends were told to go, and a new one that waits for them.
struct HalfWay {
    app: App,
    /// What the app runs meanwhile.
    slow: TcpStream,
    /// A backend that does not go.
    lost: Backend,
    new: Pid,
}

impl HalfWay {
    fn of(service: &Service) -> Self {
        let app = App::start(&service.door(), 1, 1);
        service.until("the app is there", || app.connected() == 1);
        let mut slow = TcpStream::connect(&service.address).unwrap();
        let head =
            "POST /slow HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        slow.write_all(head.as_bytes()).unwrap();
        service.until("it runs", || app.running() == 1);
        let lost = Backend::dial(Dial::to(Address::Unix(service.door())));
        let mut lost = lost.unwrap_or_else(|error| panic!("{error:?}"));
        lost.round_trip();
        service.signal(Signal::SIGUSR2);
        service.until_said("is ready; backends are sent to it", 1);
        lost.drained();
        let log = service.log();
        let pid = log.split("starts as process ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        Self { app, slow, lost, new: Pid::from_raw(pid.parse().unwrap()) }
    }

    fn slow_is_whole(&mut self) {
        let reply = read_all(&mut self.slow);
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("ok"), "{reply}");
    }
}

#[test]
fn a_new_process_that_is_stopped_or_dies_before_it_has_taken_over_leaves_all_to_the_old_one() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let service = Service::start("shards: 1");
        let pid = service.pid().unwrap();
        let mut it = HalfWay::of(&service);
        kill(it.new, signal).unwrap();
        service.until_said("the upgrade failed, this process serves on: it ended before it was ready", 1);
        it.slow_is_whole();
        service.until("the app has come back", || it.app.connected() == 1);
        drop(it.lost);
        serves_on(&service, pid);
        assert!(service.door().exists());
    }
}

#[test]
fn a_backend_that_does_not_come_holds_up_a_new_process_for_seconds_only() {
    let service = Service::start("shards: 1");
    let old = service.pid().unwrap();
    let mut it = HalfWay::of(&service);
    service.until("it has taken over", || service.pid() == Some(it.new));
    it.slow_is_whole();
    drop(it.lost);
    service.until_gone(old);
    serves_on(&service, it.new);
    assert_eq!(it.app.connected(), 1);
}
