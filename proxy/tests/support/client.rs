//! A client that says any bytes and reads what it gets as RFC 9112 says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;

/// One connection.
#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    /// Between the socket and what is said, if it speaks TLS.
    pub tls: Option<Box<rustls::ClientConnection>>,
    incoming: Vec<u8>,
}

/// How a connection, or a body on it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As its framing says.
    Whole,
    /// Closed in order.
    Closed,
    /// By a reset.
    Reset,
    /// In TLS: closed without a word.
    Cut,
}

/// One reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub status_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// `Whole` unless the reply was cut, or had no other end than the connection's.
    pub end: End,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("these tests speak ASCII")
    }

    /// Whether the connection closes after it.
    pub fn closes(&self) -> bool {
        self.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).expect("the proxy listens"))
    }

    /// One whose system takes only little before the client reads.
    pub fn connect_narrow(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small receive buffer");
        socket.connect(&address.into()).expect("the proxy listens");
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an option of a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option of a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("an option of a socket");
        Self { stream, tls: None, incoming: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes.as_ref()).expect("the proxy takes what the client sends");
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.stream).write_all(bytes),
            None => self.stream.write_all(bytes),
        }
    }

    /// A GET of this path.
    pub fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
    }

    /// A POST with this body.
    pub fn post(&mut self, path: &str, body: &str) {
        self.send(format!(
            "POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Is gone without a goodbye: by a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("an option of a socket");
    }

    /// Whether anything has come, or the connection has ended.
    pub fn has_answer(&self) -> bool {
        let nonblocking = |yes| self.stream.set_nonblocking(yes).expect("an option of a socket");
        nonblocking(true);
        let peeked = self.stream.peek(&mut [0]);
        nonblocking(false);
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// A whole reply; one that is cut fails the test.
    pub fn reply(&mut self) -> Reply {
        let reply = self.any_reply(false);
        assert_eq!(reply.end, End::Whole, "{reply:?}");
        reply
    }

    /// The reply to a HEAD.
    pub fn reply_to_head(&mut self) -> Reply {
        self.any_reply(true)
    }

    /// A reply as far as it comes.
    pub fn reply_as_far_as_it_comes(&mut self) -> Reply {
        self.any_reply(false)
    }

    fn any_reply(&mut self, to_head: bool) -> Reply {
        let mut reply = self.head();
        let status = reply.status;
        if to_head || status < 200 || status == 204 || status == 304 {
            return reply;
        }
        if reply.header("Transfer-Encoding") == Some("chunked") {
            assert_eq!(reply.header("Content-Length"), None, "two lengths");
            self.read_chunks(&mut reply);
        } else if let Some(length) = reply.header("Content-Length") {
            let length = length.parse().expect("a Content-Length is a number");
            reply.end = self.fill(length);
            let taken = length.min(self.incoming.len());
            reply.body = self.incoming.drain(..taken).collect();
        } else {
            reply.end = self.fill(usize::MAX);
            reply.body = std::mem::take(&mut self.incoming);
        }
        reply
    }

    /// Only a head, final or informational.
    pub fn head(&mut self) -> Reply {
        let head = self.up_to(b"\r\n\r\n");
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let status_line = lines.next().expect("a status line").to_owned();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        Reply {
            status: status.unwrap_or_else(|| panic!("no status line: {status_line:?}")),
            status_line,
            headers: lines.map(field).collect(),
            body: Vec::new(),
            trailers: Vec::new(),
            end: End::Whole,
        }
    }

    fn read_chunks(&mut self, reply: &mut Reply) {
        loop {
            let Some(line) = self.line() else {
                reply.end = self.fill(usize::MAX);
                return;
            };
            let size =
                usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("a chunk's size: {line:?}"));
            if size == 0 {
                break;
            }
            reply.end = self.fill(size + 2);
            let taken = size.min(self.incoming.len());
            reply.body.extend(self.incoming.drain(..taken));
            if reply.end != End::Whole {
                return;
            }
            assert_eq!(self.incoming.drain(..2).as_slice(), b"\r\n");
        }
        loop {
            match self.line().expect("the end of the trailers").as_str() {
                "" => return,
                line => reply.trailers.push(field(line)),
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        while find(&self.incoming, b"\r\n").is_none() {
            if self.read() != End::Whole {
                return None;
            }
        }
        Some(self.up_to(b"\r\n").trim_end().to_owned())
    }

    /// Everything up to and with these bytes.
    pub fn up_to(&mut self, mark: &[u8]) -> String {
        loop {
            if let Some(at) = find(&self.incoming, mark) {
                let taken = self.incoming.drain(..at + mark.len()).collect();
                return String::from_utf8(taken).expect("these tests speak ASCII");
            }
            let end = self.read();
            let seen = String::from_utf8_lossy(&self.incoming);
            assert_eq!(end, End::Whole, "the connection ended after {seen:?}");
        }
    }

    /// A head and so many bytes behind it, as they came.
    pub fn raw_reply(&mut self, body_bytes: usize) -> Vec<u8> {
        while find(&self.incoming, b"\r\n\r\n").is_none() {
            assert_eq!(self.read(), End::Whole);
        }
        let end = find(&self.incoming, b"\r\n\r\n").expect("it was just found");
        self.bytes(end + 4 + body_bytes)
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        assert_eq!(self.fill(count), End::Whole);
        self.incoming.drain(..count).collect()
    }

    /// Waits for the end of the connection, with nothing before it.
    pub fn end(&mut self) -> End {
        let end = self.fill(usize::MAX);
        assert_eq!(String::from_utf8_lossy(&self.incoming), "", "before the end");
        end
    }

    /// Reads until so many bytes are there; tells how the connection ended if it did before.
    fn fill(&mut self, count: usize) -> End {
        while self.incoming.len() < count {
            match self.read() {
                End::Whole => {}
                end => return end,
            }
        }
        End::Whole
    }

    fn read(&mut self) -> End {
        let mut piece = [0; 16 * 1024];
        let read = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.stream).read(&mut piece),
            None => self.stream.read(&mut piece),
        };
        match read {
            Ok(0) => End::Closed,
            Ok(n) => {
                self.incoming.extend_from_slice(&piece[..n]);
                End::Whole
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            // Of TLS: the socket has closed without a close_notify.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => End::Cut,
            Err(error) => {
                panic!(
                    "nothing came from the proxy ({error}) after {:?}",
                    String::from_utf8_lossy(&self.incoming)
                )
            }
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
    (name.to_owned(), value.to_owned())
}
