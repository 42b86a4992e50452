//! Listening sockets: for clients one per shard and address, for backends one per address.
//!
//! - [`ClientSockets`], [`Door`] (here): the two kinds, bound or inherited.
//! - `inherited`: sockets that were there before this process.
//! - `file`: the file of a Unix socket, and who removes it.

mod file;
mod inherited;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{ListenAddr, Outgoing};

pub use file::SocketFile;
pub use inherited::{Heirloom, Inherited};

/// Connections that the system holds for us while we are busy: bursts of new clients. The system's own bound
/// (`net.core.somaxconn`, 4096) cuts it.
const BACKLOG: i32 = 4096;

/// Who may connect to a Unix socket: owner and group. Like the key, it decides who may be a backend.
const SOCKET_MODE: u32 = 0o660;

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    address: Outgoing,
    cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, cause } = self;
        let what_to_do = match cause.kind() {
            io::ErrorKind::AddrInUse => "another process listens there: stop it, or choose another address",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 and foreign folders need more rights: start as root (`user` drops them again), or choose another address"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: choose one that it has"
            }
            _ => "choose another address",
        };
        write!(f, "cannot listen on {address} ({cause}); {what_to_do}")
    }
}

impl std::error::Error for BindError {}

/// The sockets of one client address.
#[derive(Debug)]
pub struct ClientSockets {
    /// As the configuration names it.
    pub address: ListenAddr,
    /// By shard; each holds one socket per address that the name stands for.
    pub by_shard: Vec<Vec<std::net::TcpListener>>,
}

impl ClientSockets {
    /// Takes the sockets of this address that were inherited, or binds one for each shard. The system spreads new
    /// connections over them.
    ///
    /// # Errors
    /// [`BindError`], also when another process listens there in the same manner.
    pub fn bind(address: &ListenAddr, shards: usize, inherited: &mut Inherited) -> Result<Self, BindError> {
        let failed = |cause| BindError { address: Outgoing::Tcp(address.clone()), cause };
        let bound = bind_each(address, |one| match inherited.take_tcp(one) {
            Some(sockets) => Ok(sockets),
            None => bind_shared(one, shards),
        });
        let mut by_shard: Vec<Vec<_>> = (0..shards).map(|_| Vec::new()).collect();
        for sockets in bound.map_err(failed)? {
            spread(sockets, &mut by_shard).map_err(failed)?;
        }
        Ok(Self { address: address.clone(), by_shard })
    }

    /// The same sockets once more, for the shards to take clients from. An address is closed when both are dropped.
    ///
    /// # Errors
    /// The system's, when it has no more descriptors.
    pub fn for_shards(&self) -> io::Result<Vec<Vec<std::net::TcpListener>>> {
        let again = |sockets: &Vec<std::net::TcpListener>| {
            sockets.iter().map(std::net::TcpListener::try_clone).collect()
        };
        self.by_shard.iter().map(again).collect()
    }

    /// The same sockets once more, for another process.
    ///
    /// # Errors
    /// The system's, when it has no more descriptors.
    pub fn heirlooms(&self) -> io::Result<Vec<Heirloom>> {
        let all = self.by_shard.iter().flatten();
        all.map(|socket| Ok(Heirloom { socket: socket.try_clone()?.into(), removes_file: false })).collect()
    }

    /// Where clients can connect: the port that the system chose, if the configuration left it open.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        let first = self.by_shard.first();
        first.into_iter().flatten().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// Where the backends of a site dial in.
#[derive(Debug)]
pub enum Door {
    /// One socket per address that the name stands for.
    Tcp(Vec<std::net::TcpListener>),
    /// The socket's file goes with it.
    Unix(UnixListener, SocketFile),
}

impl Door {
    /// Takes the sockets of an `outgoing` address that were inherited, or binds it.
    ///
    /// # Errors
    /// [`BindError`]
    pub fn bind(address: &Outgoing, inherited: &mut Inherited) -> Result<Self, BindError> {
        let bound = match address {
            Outgoing::Tcp(tcp) => bind_each(tcp, |one| match inherited.take_tcp(one) {
                Some(sockets) => Ok(sockets),
                None => Ok(vec![listen(one, false)?]),
            })
            .map(|sockets| Self::Tcp(sockets.into_iter().flatten().collect())),
            Outgoing::Unix(path) => match inherited.take_unix(path) {
                Some((listener, file)) => Ok(Self::Unix(listener, file)),
                None => bind_unix(path),
            },
        };
        bound.map_err(|cause| BindError { address: address.clone(), cause })
    }

    /// The same sockets once more, for another process.
    ///
    /// # Errors
    /// The system's, when it has no more descriptors.
    pub fn heirlooms(&self) -> io::Result<Vec<Heirloom>> {
        match self {
            Self::Tcp(listeners) => {
                let again = |socket: &std::net::TcpListener| {
                    Ok(Heirloom { socket: socket.try_clone()?.into(), removes_file: false })
                };
                listeners.iter().map(again).collect()
            }
            Self::Unix(listener, file) => {
                let socket = listener.try_clone()?.into();
                Ok(vec![Heirloom { socket, removes_file: file.is_to_be_removed() }])
            }
        }
    }

    /// This process has taken the place of the one whose sockets it inherited.
    pub fn take_over(&mut self) {
        if let Self::Unix(_, file) = self {
            file.take_over();
        }
    }

    /// Another process has taken the place of this one: the socket's file is its own.
    pub fn hand_over(&mut self) {
        if let Self::Unix(_, file) = self {
            file.hand_over();
        }
    }

    /// The TCP address, if it is one.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listeners) => listeners.first()?.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }
}

/// A name may stand for addresses that this machine does not serve (`localhost` without IPv6): one that works is enough.
fn bind_each<T>(
    address: &ListenAddr,
    mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let mut bound = Vec::new();
    let mut unavailable = io::Error::other("the name stands for no address");
    for one in address.resolve()? {
        match bind(one) {
            Ok(socket) => bound.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => unavailable = error,
            Err(error) => return Err(error),
        }
    }
    if bound.is_empty() { Err(unavailable) } else { Ok(bound) }
}

/// Gives every shard a socket to take clients from, and every socket a shard: in its queue there may be clients. There
/// are as many as shards, unless they were inherited from a process with another number of them.
fn spread(
    sockets: Vec<std::net::TcpListener>,
    by_shard: &mut [Vec<std::net::TcpListener>],
) -> io::Result<()> {
    if sockets.is_empty() {
        return Ok(()); // Another address covers this one.
    }
    for (shard, place) in by_shard.iter_mut().enumerate().skip(sockets.len()) {
        place.push(sockets[shard % sockets.len()].try_clone()?);
    }
    let shards = by_shard.len();
    for (number, socket) in sockets.into_iter().enumerate() {
        by_shard[number % shards].push(socket);
    }
    Ok(())
}

/// Sockets that share a port do not notice that another process shares it too; one that does not share it does.
fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

fn bind_shared(mut address: SocketAddr, shards: usize) -> io::Result<Vec<std::net::TcpListener>> {
    probe(address)?;
    let mut listeners = Vec::new();
    for _ in 0..shards {
        let listener = listen(address, true)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections inherit it: a small reply never waits for an acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<Door> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err(error);
            }
            remove_stale(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(Door::Unix(listener, SocketFile::ours(path.to_owned())))
}

/// Removes a socket that nobody listens on; never anything else.
fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("there is a file of that name, and it is not a socket"));
    }
    std::fs::remove_file(path)
}
