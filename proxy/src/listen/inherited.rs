//! Listening sockets that were there before this process: those of the process whose place it takes, or of a service
//! manager that opened them in its name. In their queues clients may be waiting.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::Socket;

use super::SocketFile;
use super::file::Owner;

/// Listening sockets, to be found by their address.
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<Tcp>,
    unix: Vec<(PathBuf, UnixListener, Owner)>,
}

#[derive(Debug)]
struct Tcp {
    address: SocketAddr,
    /// It takes IPv4 clients too.
    is_dual: bool,
    /// None once it was taken: the address stays in use.
    listener: Option<TcpListener>,
}

/// A listening socket on its way to another process.
#[derive(Debug)]
pub struct Heirloom {
    /// The socket.
    pub socket: OwnedFd,
    /// Whether the file of a Unix socket is to be removed when nobody listens any more.
    pub removes_file: bool,
}

impl Inherited {
    /// Adds a socket that a predecessor listens on.
    ///
    /// # Errors
    /// If it is no listening stream socket.
    pub fn add(&mut self, heirloom: Heirloom) -> io::Result<()> {
        let Heirloom { socket, removes_file } = heirloom;
        self.add_as(socket, if removes_file { Owner::Predecessor } else { Owner::Other })
    }

    /// Adds a socket that a service manager listens on, and goes on listening on when we end.
    ///
    /// # Errors
    /// If it is no listening stream socket.
    pub fn add_of_manager(&mut self, socket: OwnedFd) -> io::Result<()> {
        let socket = Socket::from(socket);
        socket.set_cloexec(true)?;
        if socket.local_addr()?.as_socket().is_some() {
            // As on sockets that we open: a small reply never waits for an acknowledgement.
            socket.set_tcp_nodelay(true)?;
        }
        self.add_as(socket.into(), Owner::Other)
    }

    fn add_as(&mut self, socket: OwnedFd, owner: Owner) -> io::Result<()> {
        let socket = Socket::from(socket);
        if socket.r#type()? != socket2::Type::STREAM || !socket.is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no listening stream socket"));
        }
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        if let Some(address) = local.as_socket() {
            let is_dual = address.ip() == Ipv6Addr::UNSPECIFIED && !socket.only_v6()?;
            self.tcp.push(Tcp { address, is_dual, listener: Some(socket.into()) });
        } else if let Some(path) = local.as_pathname() {
            self.unix.push((path.to_owned(), UnixListener::from(OwnedFd::from(socket)), owner));
        } else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no address"));
        }
        Ok(())
    }

    /// The sockets of this address: several that share it, or none. `Some` of nothing: another address that was taken
    /// covers it.
    pub(super) fn take_tcp(&mut self, address: SocketAddr) -> Option<Vec<TcpListener>> {
        let mut here = self.tcp.iter_mut().filter(|tcp| tcp.serves(address)).peekable();
        here.peek()?;
        Some(here.filter_map(|tcp| tcp.listener.take()).collect())
    }

    /// The socket of this file.
    pub(super) fn take_unix(&mut self, path: &Path) -> Option<(UnixListener, SocketFile)> {
        let place = self.unix.iter().position(|(there, ..)| there == path)?;
        let (path, listener, owner) = self.unix.swap_remove(place);
        Some((listener, SocketFile::inherited(path, owner)))
    }

    /// The addresses that nobody has taken.
    pub fn left_over(&self) -> Vec<String> {
        let tcp = self.tcp.iter().filter(|tcp| tcp.listener.is_some()).map(|tcp| tcp.address.to_string());
        let unix = self.unix.iter().map(|(path, ..)| format!("unix:{}", path.display()));
        tcp.chain(unix).collect()
    }
}

impl Tcp {
    fn serves(&self, address: SocketAddr) -> bool {
        let same_port = self.address.port() == address.port();
        self.address == address || (same_port && self.is_dual && address.ip().is_unspecified())
    }
}

impl AsFd for Heirloom {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Display for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.left_over().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(listener: TcpListener) -> Inherited {
        let mut inherited = Inherited::default();
        inherited.add(Heirloom { socket: listener.into(), removes_file: false }).unwrap();
        inherited
    }

    #[test]
    fn a_socket_is_found_by_its_address_and_given_out_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut inherited = of(listener);
        assert_eq!(inherited.left_over(), [address.to_string()]);
        assert!(inherited.take_tcp("127.0.0.1:1".parse().unwrap()).is_none());
        assert_eq!(inherited.take_tcp(address).unwrap().len(), 1);
        assert_eq!(inherited.take_tcp(address).unwrap().len(), 0, "the address is in use all the same");
        assert!(inherited.left_over().is_empty());
    }

    #[test]
    fn a_socket_for_all_addresses_of_both_families_serves_either() {
        let Ok(listener) = TcpListener::bind("[::]:0") else { return }; // A machine without IPv6.
        let port = listener.local_addr().unwrap().port();
        if Socket::from(listener.try_clone().unwrap()).only_v6().unwrap() {
            return; // The system's own default may be so.
        }
        let mut inherited = of(listener);
        assert!(inherited.take_tcp(SocketAddr::new([127, 0, 0, 1].into(), port)).is_none());
        assert_eq!(inherited.take_tcp(SocketAddr::new([0, 0, 0, 0].into(), port)).unwrap().len(), 1);
        assert_eq!(inherited.take_tcp(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)).unwrap().len(), 0);
    }

    #[test]
    fn what_does_not_listen_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut inherited = Inherited::default();
        assert!(inherited.add(Heirloom { socket: connected.into(), removes_file: false }).is_err());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(inherited.add(Heirloom { socket: file.into(), removes_file: false }).is_err());
    }
}
