//! What a service manager is told of this process (`sd_notify(3)`): systemd waits for it where a unit says
//! `Type=notify`.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// It serves.
pub(super) fn ready() {
    notify("READY=1");
}

/// Another process serves in its place: that one is the service now.
pub(super) fn replaced_by(pid: u32) {
    notify(&format!("MAINPID={pid}\nREADY=1"));
}

/// It finishes and ends.
pub(super) fn stopping() {
    notify("STOPPING=1");
}

/// Where nobody wants to know there is no such variable; a manager that does not listen must not keep us from serving.
fn notify(state: &str) {
    if let Some(socket) = env::var_os("NOTIFY_SOCKET")
        && let Err(error) = send(&socket, state)
    {
        tracing::warn!("the service manager cannot be told `{}`: {error}", state.replace('\n', " "));
    }
}

/// A name that begins with `@` is abstract: it has no file.
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_hears_of_it_by_a_file_or_by_an_abstract_name() {
        let path = env::temp_dir().join(format!("swiftiply-notify-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        std::fs::remove_file(path).unwrap();

        let name = format!("swiftiply-notify-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"STOPPING=1");
    }
}
