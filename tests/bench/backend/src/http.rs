//! The same backend for peers that dial: HTTP/1.1 with keepalive, and no more of it than their requests need.

use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::wish::Wish;

const EVENTS_MAX: usize = 512;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Longer than the longest head of any run.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most that is given of a long reply's body at once.
const WRITE_BYTES: usize = 64 * 1024;

/// Listens at `unix:/path` or `host:port` and answers whatever comes there.
pub fn serve(address: &str, body: &[u8]) -> Result<(), String> {
    let listener = Listener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    let mut server = Server { listener, epoll: create()?, connections: Vec::new(), reply: reply(body) };
    server.run().map_err(|error| error.to_string())
}

fn create() -> Result<OwnedFd, String> {
    epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| error.to_string())
}

fn reply(body: &[u8]) -> Vec<u8> {
    [head(body.len() as u64).as_bytes(), body].concat()
}

fn head(length: u64) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")
}

struct Server {
    listener: Listener,
    epoll: OwnedFd,
    /// By the number of their descriptor.
    connections: Vec<Option<Connection>>,
    reply: Vec<u8>,
}

impl Server {
    fn run(&mut self) -> io::Result<()> {
        self.watch(self.listener.as_fd())?;
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
            for event in &events {
                let number = event.data.u64() as usize;
                if number == number_of(self.listener.as_fd()) {
                    self.accept()?;
                } else if let Some(connection) = &mut self.connections[number]
                    && !connection.answer(&self.reply).unwrap_or(false)
                {
                    self.connections[number] = None;
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let stream = self.listener.accept()?;
        let connection = Connection { stream, unread: Vec::with_capacity(READ_BYTES), owed: None };
        self.watch(connection.stream.as_fd())?;
        let number = number_of(connection.stream.as_fd());
        if self.connections.len() <= number {
            self.connections.resize_with(number + 1, || None);
        }
        self.connections[number] = Some(connection);
        Ok(())
    }

    fn watch(&self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number_of(descriptor) as u64);
        Ok(epoll::add(&self.epoll, descriptor, data, epoll::EventFlags::IN)?)
    }
}

fn number_of(descriptor: BorrowedFd<'_>) -> usize {
    descriptor.as_raw_fd() as usize
}

struct Connection {
    stream: Stream,
    unread: Vec<u8>,
    owed: Option<Owed>,
}

/// The reply to a request whose head was read.
struct Owed {
    wish: Wish,
    /// Bytes of the request's body that are to come first.
    body_left: usize,
}

impl Connection {
    /// Answers all that came; false at the end. A write may wait: those who dial here always read.
    fn answer(&mut self, reply: &[u8]) -> io::Result<bool> {
        match recv(self.stream.as_fd(), spare_capacity(&mut self.unread), RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Ok(false),
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let mut used = 0;
        while let Some(mut owed) = self.owed.take().or_else(|| request(&self.unread, &mut used)) {
            let there = owed.body_left.min(self.unread.len() - used);
            used += there;
            owed.body_left -= there;
            if owed.body_left > 0 {
                self.owed = Some(owed);
                break;
            }
            self.reply(owed.wish, reply)?;
        }
        self.unread.drain(..used);
        Ok(self.unread.len() < HEAD_BYTES_MAX)
    }

    fn reply(&mut self, wish: Wish, reply: &[u8]) -> io::Result<()> {
        wish.wait();
        let Some(mut left) = wish.bytes else { return self.stream.write(reply) };
        static PIECE: [u8; WRITE_BYTES] = [b'x'; WRITE_BYTES];
        self.stream.write(head(left).as_bytes())?;
        while left > 0 {
            let piece = &PIECE[..left.min(WRITE_BYTES as u64) as usize];
            self.stream.write(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }
}

/// The head of a request that begins at `used`, once all of it is there.
fn request(bytes: &[u8], used: &mut usize) -> Option<Owed> {
    let bytes = &bytes[*used..];
    let head = &bytes[..bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4];
    *used += head.len();
    let path = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    let body_left = if head.starts_with(b"GET ") { 0 } else { content_length(head) };
    Some(Owed { wish: Wish::of(path), body_left })
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    head.split(|&byte| byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
        .unwrap_or(0)
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn bind(address: &str) -> io::Result<Self> {
        let Some(path) = address.strip_prefix("unix:") else {
            return TcpListener::bind(address).map(Self::Tcp);
        };
        let listener = UnixListener::bind(path)?;
        // Peers give up their rights before they dial.
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        Ok(Self::Unix(listener))
    }

    fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
