//! A client that says any frames, right or wrong, and reads those of the proxy.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::PATIENCE;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const WITH_PRIORITY: u8 = 0x20;

pub const NO_ERROR: u32 = 0x0;
pub const PROTOCOL_ERROR: u32 = 0x1;
pub const FLOW_CONTROL_ERROR: u32 = 0x3;
pub const STREAM_CLOSED: u32 = 0x5;
pub const FRAME_SIZE_ERROR: u32 = 0x6;
pub const REFUSED_STREAM: u32 = 0x7;
pub const CANCEL: u32 = 0x8;
pub const COMPRESSION_ERROR: u32 = 0x9;
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that came from the proxy.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn is_end(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The code of a RST_STREAM, or of a GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        number(&self.payload[at..at + 4])
    }

    /// The `:status` of a reply's head, which its block begins with.
    pub fn status(&self) -> u16 {
        assert_eq!(self.kind, HEADERS, "{self:?}");
        const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        // Behind the size of the table, which was set to nothing.
        let start = self.payload.iter().position(|byte| byte & 0xe0 != 0x20).expect("a field");
        match self.payload[start..] {
            [first @ 0x88..=0x8e, ..] => INDEXED[usize::from(first - 0x88)],
            [first, length, ref text @ ..] => {
                assert!(matches!(first, 0x48 | 0x08), "{self:?} begins with no :status");
                let text = &text[..usize::from(length & 0x7f)];
                if length & 0x80 == 0 { plain(text) } else { huffman(text) }
            }
            _ => panic!("{self:?} has no fields"),
        }
    }
}

fn plain(text: &[u8]) -> u16 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("a status")
}

/// Three digits in the code of RFC 7541 appendix B: `0` to `2` have five bits, the others six.
fn huffman(text: &[u8]) -> u16 {
    let bits = text.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte));
    let mut left = 8 * text.len();
    let mut take = |count: usize| {
        left -= count;
        bits >> left & ((1 << count) - 1)
    };
    let mut digit = || match take(5) {
        short @ 0..=2 => short,
        long => (long << 1 | take(1)) - 0x16,
    };
    (digit() * 100 + digit() * 10 + digit()) as u16
}

/// One connection.
pub struct Peer {
    stream: TcpStream,
    incoming: Vec<u8>,
}

impl Peer {
    /// Has sent nothing yet.
    pub fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the proxy listens");
        stream.set_nodelay(true).expect("an option of a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option of a socket");
        Self { stream, incoming: Vec::new() }
    }

    /// Has exchanged settings, these of its own; and for its heads to be read easily, no table of HPACK.
    pub fn with_settings(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::silent(address);
        peer.bytes(PREFACE);
        peer.settings(&[&[(1, 0)], settings].concat());
        let theirs = peer.wait("SETTINGS", |frame| frame.kind == SETTINGS && frame.flags & ACK == 0);
        assert_eq!(theirs.stream, 0);
        peer.send(SETTINGS, ACK, 0, &[]);
        peer.wait("SETTINGS acknowledged", |frame| frame.kind == SETTINGS && frame.flags & ACK != 0);
        peer
    }

    pub fn connect(address: SocketAddr) -> Self {
        Self::with_settings(address, &[])
    }

    /// Any bytes. What the proxy does not read any more is lost: it has closed.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            assert!(is_closed(error.kind()), "the proxy does not read: {error}");
        }
    }

    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.bytes(&frame(kind, flags, stream, payload));
    }

    pub fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        self.send(SETTINGS, 0, 0, &payload);
    }

    /// A whole GET.
    pub fn get(&mut self, stream: u32) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &block(&fields_of("GET")));
    }

    /// A request whose body is to come.
    pub fn post(&mut self, stream: u32, more: &[(&str, &str)]) {
        let fields = [&fields_of("POST")[..], more].concat();
        self.send(HEADERS, END_HEADERS, stream, &block(&fields));
    }

    /// These fields and nothing after them.
    pub fn request(&mut self, stream: u32, fields: &[(&str, &str)]) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields));
    }

    pub fn window(&mut self, stream: u32, more: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    }

    pub fn reset(&mut self, stream: u32) {
        self.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    /// The next frame; none at the end of the connection.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = self.incoming.first_chunk::<9>() {
                let length = number(&head[..3]) as usize;
                let (kind, flags, stream) = (head[3], head[4], number(&head[5..]) & 0x7fff_ffff);
                if self.incoming.len() >= 9 + length {
                    let payload = self.incoming.drain(..9 + length).skip(9).collect();
                    return Some(Frame { kind, flags, stream, payload });
                }
            }
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(n) => self.incoming.extend_from_slice(&piece[..n]),
                Err(error) if is_closed(error.kind()) => return None,
                Err(error) => panic!("nothing came from the proxy: {error}"),
            }
        }
    }

    /// The next frame of this kind; others are passed over.
    pub fn wait(&mut self, what: &str, is_it: impl Fn(&Frame) -> bool) -> Frame {
        let mut seen = Vec::new();
        while let Some(frame) = self.next() {
            if is_it(&frame) {
                return frame;
            }
            seen.push(frame);
        }
        panic!("{what} did not come, but {seen:?}");
    }

    /// The reply's head on this stream.
    pub fn head(&mut self, stream: u32) -> Frame {
        self.wait("a head", |frame| frame.stream == stream && frame.kind == HEADERS)
    }

    /// The end of this stream, and all of its body.
    pub fn body(&mut self, stream: u32) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let frame = self.wait("DATA", |frame| frame.stream == stream && frame.kind == DATA);
            body.extend_from_slice(&frame.payload);
            if frame.is_end() {
                return body;
            }
        }
    }

    /// The code with which this stream was reset.
    pub fn was_reset(&mut self, stream: u32) -> u32 {
        self.wait("RST_STREAM", |frame| frame.stream == stream && frame.kind == RST_STREAM).code()
    }

    /// The code with which the proxy closed the connection; none if it closed without a GOAWAY.
    pub fn was_closed(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        code
    }

    /// The connection works: what was sent before has been read.
    pub fn is_alive(&mut self) {
        self.send(PING, 0, 0, b"are you?");
        self.wait("an answer to a PING", |frame| frame.kind == PING && frame.payload == b"are you?");
    }

    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The fields of a plain request for `/` at `app.test`.
pub fn fields_of(method: &'static str) -> [(&'static str, &'static str); 4] {
    [(":method", method), (":scheme", "http"), (":authority", "app.test"), (":path", "/")]
}

/// A header block: every field a literal that is not indexed, without Huffman (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A length with a prefix of seven bits, and the text.
fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend_from_slice(text.as_bytes());
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
}
