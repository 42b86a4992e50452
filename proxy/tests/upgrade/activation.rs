//! Sockets that a service manager keeps open: a restart only lets clients wait.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::app::App;
use crate::load::Load;
use crate::service::Service;
use crate::support::PATIENCE;

/// Does what a service manager does: gives the sockets as descriptors 3 and 4, and says so.
fn activated(service: &Service, clients: &TcpListener, door: &UnixListener) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec ./swiftiply -c site.yml",
    ]);
    let (clients, door) = (clients.try_clone().unwrap(), door.try_clone().unwrap());
    command.stdin(Stdio::from(OwnedFd::from(clients))).stdout(Stdio::from(OwnedFd::from(door)));
    command.current_dir(&service.folder);
    command
}

#[test]
fn restarts_behind_sockets_of_a_service_manager_fail_no_request() {
    let mut service = Service::new("shards: 2");
    let clients = TcpListener::bind(&service.address).unwrap();
    let door = UnixListener::bind(service.door()).unwrap();
    service.launch(activated(&service, &clients, &door));
    let app = App::start(&service.door(), 2, 2);
    let load = Load::start(&service.address, 12);
    for round in 0..3 {
        load.wait_for_more(1_000);
        if round == 1 {
            service.upgrade(); // The sockets go on to the next process; the manager would follow it.
            assert!(service.wait().success());
        }
        let old = service.pid().unwrap();
        service.signal(Signal::SIGTERM);
        service.until_gone(old);
        assert!(service.door().exists(), "the manager's socket is not ours to remove");
        service.launch(activated(&service, &clients, &door));
    }
    load.wait_for_more(1_000);
    let (answered, posts, failures) = load.end();
    assert!(failures.is_empty(), "{} of {answered}: {:?}", failures.len(), failures.first());
    assert_eq!(app.posts(), posts);
}

#[test]
fn a_socket_that_the_configuration_does_not_name_is_told_of() {
    let mut service = Service::new("");
    let clients = TcpListener::bind(&service.address).unwrap();
    let other = UnixListener::bind(service.folder.path("other.sock")).unwrap();
    service.launch(activated(&service, &clients, &other));
    service.until_said("other.sock, which the configuration does not name", 1);
    assert!(service.door().exists(), "what is missing is opened");
}

#[test]
fn the_sample_units_are_what_systemd_accepts() {
    let units = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let folder = crate::support::Folder::new();
    let service = std::fs::read_to_string(units.join("swiftiply.service")).unwrap();
    // It looks whether the program is there.
    let service = service.replace("/usr/local/bin/swiftiply", env!("CARGO_BIN_EXE_swiftiply"));
    let service = folder.write("swiftiply.service", &service);
    let socket = std::fs::read_to_string(units.join("swiftiply.socket")).unwrap();
    let socket = folder.write("swiftiply.socket", &socket);
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").args([service, socket]).output() else {
        return; // A machine without systemd.
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("swiftiply."), "{said}");
}

#[test]
fn a_service_manager_is_told_who_serves() {
    let mut service = Service::new("");
    let path = service.folder.path("notify.sock");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let hears = |sentence: &str| {
        let mut heard = Vec::new();
        while heard.last().map(String::as_str) != Some(sentence) {
            let mut bytes = [0; 256];
            let length = manager
                .recv(&mut bytes)
                .unwrap_or_else(|error| panic!("not {sentence:?} but {heard:?}: {error}"));
            heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    };
    let mut command = service.command();
    command.env("NOTIFY_SOCKET", &path);
    service.launch(command);
    hears("READY=1");
    let new = service.upgrade();
    hears(&format!("MAINPID={new}\nREADY=1"));
    service.signal(Signal::SIGTERM);
    hears("STOPPING=1");
    service.until_gone(new);
}
