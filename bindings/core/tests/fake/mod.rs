//! A proxy by hand: it accepts links, says what a test wants to be said, and hands over what the backend says, all on
//! a real socket. Every wait ends in an error after [`PATIENCE`], so that a broken promise is a failed test and no
//! hanging one.

#![allow(dead_code)] // Each test file uses its part.

pub mod looped;
mod said;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use std::time::Duration;

use swiftiply_connector::{Address, Options, Wait};
use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{
    Body, CancelCode, Challenge, Frame, Hello, Key, LinkIndex, PREFACE, Refusal, RefusalCode, RequestFields,
    RequestFlags, RequestHead, Scheme, StreamId, ToBackend, ToProxy, Version, Welcome, proxy_proof,
    put_request,
};

pub use said::Said;

/// How long a test waits for what has to come. Far more than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A wait of that long.
pub fn wait() -> Wait {
    Wait::at_most(PATIENCE)
}

/// The end of a thread, whose own failure is the test's.
pub fn join(thread: JoinHandle<()>) {
    thread.join().unwrap();
}

/// What a proxy with one shard and no key says.
pub fn usual_welcome() -> Welcome {
    Welcome {
        version: 1,
        proxy: [1; 16],
        shard: 0,
        links: 1,
        window: 256 * 1024,
        ping_interval_ms: 60_000,
        proof: [0; 32],
    }
}

/// A proxy that listens on a port of its own.
pub struct FakeProxy {
    listener: TcpListener,
    id: u8,
}

impl FakeProxy {
    pub fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap(), id: 1 }
    }

    pub fn address(&self) -> Address {
        self.listener.local_addr().unwrap().to_string().parse().unwrap()
    }

    /// What a backend with this one proxy is started with.
    pub fn options(&self, slots: u16) -> Options {
        Options { connect: vec![self.address()], slots, ..Options::default() }
    }

    /// A proxy that comes up where the last one was.
    pub fn at(address: &Address) -> Self {
        Self { listener: TcpListener::bind(address.to_string()).unwrap(), id: 1 }
    }

    /// The next connection, whose HELLO is read but not answered.
    pub fn accept(&self) -> (FakeLink, Hello) {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        FakeLink::over(stream.into())
    }

    /// The next link, welcomed without a key.
    pub fn welcome(&self) -> FakeLink {
        self.welcome_as(0, 1)
    }

    /// The next link, as one of so many.
    pub fn welcome_as(&self, shard: u16, links: u16) -> FakeLink {
        let (mut link, _) = self.accept();
        link.send(&ToBackend::Welcome(Welcome { shard, links, ..self.usual_welcome() }));
        link
    }

    /// The next link, for the shard that it is for.
    pub fn welcome_as_asked(&self, links: u16) -> FakeLink {
        let (mut link, hello) = self.accept();
        let LinkIndex::Shard(shard) = hello.link else { panic!("for no shard: {hello:?}") };
        link.send(&ToBackend::Welcome(Welcome { shard, links, ..self.usual_welcome() }));
        link
    }

    fn usual_welcome(&self) -> Welcome {
        Welcome { proxy: [self.id; 16], ..usual_welcome() }
    }

    /// From now on it is another process at the same address.
    pub fn restart(&mut self) {
        self.id += 1;
    }
}

/// One link, at the proxy's end.
pub struct FakeLink {
    stream: TcpStream,
    inbox: Vec<u8>,
    hello: Vec<u8>,
}

impl FakeLink {
    /// A connection of any kind, up to its HELLO.
    pub fn over(socket: OwnedFd) -> (Self, Hello) {
        // The timeout is of all sockets, and reading and writing are too.
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut preface = [0; PREFACE.len()];
        stream.read_exact(&mut preface).unwrap();
        assert_eq!(preface, PREFACE);
        let mut link = Self { stream, inbox: Vec::new(), hello: Vec::new() };
        let (payload, hello) = link.frame(|frame| {
            let payload = frame.payload.to_vec();
            let ToProxy::Hello(hello) = ToProxy::read(frame).unwrap() else { panic!("no hello: {frame:?}") };
            (payload, hello)
        });
        link.hello = payload;
        (link, hello)
    }

    /// Asks for the key and checks the proof; then gives the proxy's own, made with `own_key`.
    pub fn authenticate(&mut self, key: &[u8], own_key: &[u8], welcome: Welcome) {
        let nonce = [7; 32];
        self.send(&ToBackend::Challenge(Challenge { nonce }));
        let proof = self.frame(|frame| match ToProxy::read(frame).unwrap() {
            ToProxy::Proof(proof) => proof,
            other => panic!("no proof: {other:?}"),
        });
        if !Key::new(key).accepts_backend(&nonce, &self.hello, &proof.mac) {
            let reason = "the key does not fit".to_owned();
            return self.send(&ToBackend::Refusal(Refusal { code: RefusalCode::WrongKey, reason }));
        }
        let proof = proxy_proof(&Key::new(own_key), &nonce, &self.hello);
        self.send(&ToBackend::Welcome(Welcome { proof, ..welcome }));
    }

    pub fn send(&mut self, message: &ToBackend<'_>) {
        let mut out = Vec::new();
        message.write(&mut out);
        self.send_bytes(&out);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// A request without a body.
    pub fn request(&mut self, stream: StreamId, method: &str, path: &str) {
        let flags = RequestFlags { end: true, ..RequestFlags::default() };
        self.send_bytes(&request(stream, method, path, Body::None, flags));
    }

    /// A request whose body follows.
    pub fn upload(&mut self, stream: StreamId, path: &str, body: Body) {
        self.send_bytes(&request(stream, "POST", path, body, RequestFlags::default()));
    }

    pub fn data(&mut self, stream: StreamId, data: &[u8], end: bool) {
        self.send(&ToBackend::Data { stream, data, end });
    }

    pub fn cancel(&mut self, stream: StreamId) {
        self.send(&ToBackend::Cancel { stream, code: CancelCode::ClientLeft });
    }

    pub fn grant(&mut self, stream: StreamId, credit: u32) {
        self.send(&ToBackend::Window { stream, credit });
    }

    /// What the backend says next.
    pub fn hear(&mut self) -> Said {
        if !self.has_frame() {
            return Said::Closed;
        }
        self.frame(Said::of)
    }

    /// The whole reply on this stream: its status and body.
    pub fn hear_reply(&mut self, wanted: StreamId) -> (u16, Vec<u8>) {
        let mut status = 0;
        let mut body = Vec::new();
        loop {
            let end = match self.hear() {
                Said::Reply { stream, status: given, end, .. } if stream == wanted => {
                    status = given;
                    end
                }
                Said::Data { stream, data, end, .. } if stream == wanted => {
                    body.extend_from_slice(&data);
                    end
                }
                Said::Started(stream) if stream == wanted => false,
                other => panic!("while waiting for the reply on {wanted}: {other:?}"),
            };
            if end {
                return (status, body);
            }
        }
    }

    /// Whether the backend has said anything that was not heard yet.
    pub fn has_something(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !self.inbox.is_empty() || peeked.is_ok()
    }

    /// Closes both directions.
    pub fn close(self) {
        drop(self);
    }

    /// Takes one frame and removes it.
    fn frame<T>(&mut self, take: impl FnOnce(Frame<'_>) -> T) -> T {
        assert!(self.has_frame(), "the backend closed its side");
        let (used, frame) = Frame::parse(&self.inbox, FRAME_PAYLOAD_MAX).unwrap().unwrap();
        let taken = take(frame);
        self.inbox.drain(..used);
        taken
    }

    /// Waits for a whole frame; `false`: there will be none.
    fn has_frame(&mut self) -> bool {
        let mut buffer = [0; 65536];
        while Frame::parse(&self.inbox, FRAME_PAYLOAD_MAX).unwrap().is_none() {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(n) => self.inbox.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error) => panic!("the backend says nothing: {error}"),
            }
        }
        true
    }
}

/// The frame of a request.
pub fn request(stream: StreamId, method: &str, path: &str, body: Body, flags: RequestFlags) -> Vec<u8> {
    let fields = RequestFields {
        method: method.as_bytes(),
        scheme: Scheme::Http,
        version: Version::Http11,
        authority: b"example.com",
        path: path.as_bytes(),
        query: None,
        peer: None,
        local: None,
        body,
    };
    let mut head = Vec::new();
    RequestHead::write(&mut head, &fields, |headers| headers.push(b"Host", b"example.com"));
    let mut out = Vec::new();
    put_request(&mut out, stream, flags, &head);
    out
}
