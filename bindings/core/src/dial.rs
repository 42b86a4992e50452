//! Making a connection to a proxy. Names and connections can take long, so each dial has a short-lived thread of its
//! own.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Weak;
use std::time::Duration;

use rustix::net::sockopt;

use crate::address::{Address, Target};
use crate::connector::Dial;
use crate::limits::CONNECT_TIMEOUT;

/// Who dials, and hears of what came of it.
pub(crate) trait Dialler: Send + Sync + 'static {
    /// The connection is there, ready for use without waiting; or why it is not.
    fn dialled(&self, dial: &Dial, outcome: Result<OwnedFd, String>);
}

/// Dials in a thread. If the dialler is gone by the time there is an outcome, the connection is closed.
pub(crate) fn dial<D: Dialler>(dialler: Weak<D>, dial: Dial) {
    let for_thread = (dialler.clone(), dial.clone());
    let spawned = std::thread::Builder::new().name("swiftiply-dial".into()).spawn(move || {
        let (dialler, dial) = for_thread;
        let outcome = connect(&dial.address).map_err(|error| describe(&error));
        if let Some(dialler) = dialler.upgrade() {
            dialler.dialled(&dial, outcome);
        }
    });
    if let (Err(error), Some(dialler)) = (spawned, dialler.upgrade()) {
        dialler.dialled(&dial, Err(format!("no thread to dial with: {error}")));
    }
}

fn connect(address: &Address) -> io::Result<OwnedFd> {
    match address.target() {
        Target::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
        Target::Tcp { host, port } => {
            let stream = connect_tcp(host, port)?;
            stream.set_nodelay(true)?;
            keep_alive(&stream)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
    }
}

/// Tries every address that the name has, in the system's order.
fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Pings watch the link; this is for the middle boxes, which forget a connection that is idle for minutes.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    const IDLE: Duration = Duration::from_secs(60);
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, IDLE)?;
    Ok(())
}

/// In the words of the system, without its number.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::TimedOut => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        io::ErrorKind::NotFound => "no such socket".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}
