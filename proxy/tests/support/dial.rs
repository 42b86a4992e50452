//! The handshake of a scripted backend.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use swiftiply_wire::limits::{FRAME_PAYLOAD_MAX, WINDOW_DEFAULT};
use swiftiply_wire::{
    Frame, Hello, Key, LinkIndex, PREFACE, Proof, Refusal, ToBackend, ToProxy, VERSION_MAX, VERSION_MIN,
    Welcome, backend_proof,
};

use super::Socket;
use super::socket::Address;

/// How a backend introduces itself, and where.
#[derive(Debug, Clone)]
pub struct Dial {
    pub address: Address,
    pub id: [u8; 16],
    pub slots: u16,
    pub window: u32,
    pub key: Option<Vec<u8>>,
}

/// An authenticated link, and what came behind its WELCOME.
#[derive(Debug)]
pub struct Dialled {
    pub socket: Socket,
    pub welcome: Welcome,
    pub early: Vec<u8>,
}

#[derive(Debug)]
pub enum DialError {
    Refused(Refusal),
    Closed(io::Error),
}

impl Dial {
    /// A backend with one slot and an identity of its own.
    pub fn to(address: Address) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Self { address, id, slots: 1, window: WINDOW_DEFAULT, key: None }
    }

    pub fn hello(&self, link: LinkIndex) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            backend: self.id,
            link,
            slots: self.slots,
            window: self.window,
            pid: std::process::id(),
            nonce: [7; 32],
            language: "rust".into(),
            adapter: "a scripted backend".into(),
            host: "here".into(),
            label: String::new(),
        }
    }

    /// Dials one link and shakes hands.
    pub fn link(&self, link: LinkIndex) -> Result<Dialled, DialError> {
        let mut socket = Socket::connect(&self.address)?;
        let mut hello = Vec::new();
        ToProxy::Hello(self.hello(link)).write(&mut hello);
        socket.write_all(&PREFACE)?;
        socket.write_all(&hello)?;
        let mut incoming = Vec::new();
        loop {
            let (used, answer) = next_frame(&mut socket, &mut incoming)?;
            match answer {
                Answer::Challenge(nonce) => {
                    let key = Key::new(self.key.clone().unwrap_or_default());
                    let mac = backend_proof(&key, &nonce, &hello[swiftiply_wire::FRAME_HEADER_BYTES..]);
                    let mut proof = Vec::new();
                    ToProxy::Proof(Proof { mac }).write(&mut proof);
                    socket.write_all(&proof)?;
                }
                Answer::Welcome(welcome) => {
                    incoming.drain(..used);
                    return Ok(Dialled { socket, welcome, early: incoming });
                }
                Answer::Refusal(refusal) => return Err(DialError::Refused(refusal)),
            }
            incoming.drain(..used);
        }
    }
}

enum Answer {
    Challenge([u8; 32]),
    Welcome(Welcome),
    Refusal(Refusal),
}

fn next_frame(socket: &mut Socket, incoming: &mut Vec<u8>) -> io::Result<(usize, Answer)> {
    loop {
        if let Some((used, frame)) =
            Frame::parse(incoming, FRAME_PAYLOAD_MAX).expect("the proxy's frames are sound")
        {
            let answer = match ToBackend::read(frame).expect("the proxy's messages are sound") {
                ToBackend::Challenge(challenge) => Answer::Challenge(challenge.nonce),
                ToBackend::Welcome(welcome) => Answer::Welcome(welcome),
                ToBackend::Refusal(refusal) => Answer::Refusal(refusal),
                other => panic!("{other:?} before the handshake was over"),
            };
            return Ok((used, answer));
        }
        let mut piece = [0; 4096];
        let n = socket.read(&mut piece)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        incoming.extend_from_slice(&piece[..n]);
    }
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::Closed(error)
    }
}
