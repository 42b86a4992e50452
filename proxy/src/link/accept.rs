//! From a stranger's connection at a site's `outgoing` address to an authenticated link.
//!
//! Until the proof is right the stranger gets nothing but a nonce, may send no more than [`HANDSHAKE_BYTES_MAX`], and is
//! cut after [`HANDSHAKE_TIME`].

use std::fmt;
use std::io;
use std::time::Duration;

use swiftiply_wire::limits::{HANDSHAKE_PAYLOAD_MAX, WINDOW_DEFAULT};
use swiftiply_wire::{
    Challenge, FRAME_HEADER_BYTES, Frame, Hello, Key, LinkIndex, Nonce, PREFACE, Refusal, RefusalCode,
    ToBackend, ToProxy, VERSION_MAX, VERSION_MIN, Welcome, WireError, proxy_proof,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::LinkStream;

/// How long a stranger may take to become a backend. A round trip is enough; this leaves room for a loaded machine.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// Bytes that a stranger may send: preface, HELLO and PROOF.
const HANDSHAKE_BYTES_MAX: usize = PREFACE.len() + 2 * (FRAME_HEADER_BYTES + HANDSHAKE_PAYLOAD_MAX);

/// What the proxy says of itself to every backend.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Random, for the life of this process.
    pub proxy: [u8; 16],
    /// Links wanted of each backend.
    pub shards: u16,
    /// See [`Welcome::ping_interval_ms`].
    pub ping_interval_ms: u32,
}

/// A backend that may.
#[derive(Debug)]
pub struct Accepted {
    /// What it said of itself.
    pub hello: Hello,
    /// The shard that its link belongs to.
    pub shard: u16,
    /// Bytes behind the handshake.
    pub early: Vec<u8>,
}

/// Why a stranger is not let in.
#[derive(Debug)]
pub enum Rejection {
    /// It went away or fell silent.
    Gone(io::Error),
    /// It speaks another protocol, or ours wrongly.
    Malformed(WireError),
    /// It speaks HTTP: somebody took this port for the front.
    Http,
    /// It is a client of Swiftiply 0.6.
    Legacy,
    /// It was told to end before it was let in.
    Left,
    /// It was told why.
    Refused(Refusal),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "it went away during the handshake ({error})"),
            Self::Malformed(error) => write!(f, "{error}"),
            Self::Http => {
                f.write_str("it speaks HTTP, but at this address backends dial in; clients connect elsewhere")
            }
            Self::Legacy => f.write_str("it is a client of Swiftiply 0.6, which this version does not serve"),
            Self::Left => f.write_str("it was told to end meanwhile"),
            Self::Refused(refusal) => f.write_str(&refusal.reason),
        }
    }
}

/// Shakes hands. When it returns `Ok`, the WELCOME is written and the link counts.
///
/// # Errors
/// [`Rejection`]; where the stranger speaks the protocol it has been told why.
pub async fn shake_hands(
    stream: &mut LinkStream,
    key: Option<&Key>,
    terms: &Terms,
) -> Result<Accepted, Rejection> {
    let mut handshake = Handshake { stream, bytes: Vec::new() };
    match handshake.run(key, terms).await {
        Err(Rejection::Refused(refusal)) => {
            handshake.send(&ToBackend::Refusal(refusal.clone())).await?;
            Err(Rejection::Refused(refusal))
        }
        Err(Rejection::Http) => {
            let _ = handshake.stream.write_all(wrong_port().as_bytes()).await;
            Err(Rejection::Http)
        }
        other => other,
    }
}

/// For a person with a browser or curl; nothing else speaks HTTP here.
fn wrong_port() -> String {
    let body = "Backends of Swiftiply dial in here. Clients connect to cluster_address.\n";
    let length = body.len();
    format!("HTTP/1.1 421 Misdirected Request\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

struct Handshake<'s> {
    stream: &'s mut LinkStream,
    /// Read and not used yet.
    bytes: Vec<u8>,
}

impl Handshake<'_> {
    async fn run(&mut self, key: Option<&Key>, terms: &Terms) -> Result<Accepted, Rejection> {
        self.preface().await?;
        let (message, hello_payload) = self.frame().await?;
        let ToProxy::Hello(hello) = message else {
            return Err(refuse(RefusalCode::Malformed, "HELLO was expected"));
        };
        check_version(&hello)?;
        let shard = shard_of(&hello, terms)?;
        let proof = match key {
            Some(key) => self.prove(key, &hello_payload).await?,
            None => [0; 32],
        };
        let welcome = Welcome {
            version: VERSION_MAX,
            proxy: terms.proxy,
            shard,
            links: terms.shards,
            window: WINDOW_DEFAULT,
            ping_interval_ms: terms.ping_interval_ms,
            proof,
        };
        self.send(&ToBackend::Welcome(welcome)).await?;
        Ok(Accepted { hello, shard, early: std::mem::take(&mut self.bytes) })
    }

    async fn preface(&mut self) -> Result<(), Rejection> {
        while self.bytes.len() < PREFACE.len() {
            self.read().await?;
            let seen = self.bytes.len().min(PREFACE.len());
            if self.bytes[..seen] != PREFACE[..seen] {
                return Err(stranger(&self.bytes));
            }
        }
        self.bytes.drain(..PREFACE.len());
        Ok(())
    }

    /// Demands proof of the key; gives our own.
    async fn prove(&mut self, key: &Key, hello: &[u8]) -> Result<[u8; 32], Rejection> {
        let nonce = fresh_nonce();
        self.send(&ToBackend::Challenge(Challenge { nonce })).await?;
        match self.frame().await?.0 {
            ToProxy::Proof(proof) if key.accepts_backend(&nonce, hello, &proof.mac) => {
                Ok(proxy_proof(key, &nonce, hello))
            }
            ToProxy::Proof(_) => Err(refuse(
                RefusalCode::WrongKey,
                "the key is wrong: give the backend the site's `key` by SWIFTIPLY_KEY or --key-file",
            )),
            _ => Err(refuse(RefusalCode::Malformed, "PROOF was expected")),
        }
    }

    /// The next frame, and its payload as the proofs cover it.
    async fn frame(&mut self) -> Result<(ToProxy<'static>, Vec<u8>), Rejection> {
        loop {
            if let Some((used, frame)) =
                Frame::parse(&self.bytes, HANDSHAKE_PAYLOAD_MAX).map_err(senseless)?
            {
                let payload = frame.payload.to_vec();
                let message = match ToProxy::read(frame).map_err(senseless)? {
                    ToProxy::Hello(hello) => ToProxy::Hello(hello),
                    ToProxy::Proof(proof) => ToProxy::Proof(proof),
                    ToProxy::Goodbye { .. } => return Err(Rejection::Left),
                    ToProxy::Unknown(_) => {
                        self.bytes.drain(..used);
                        continue;
                    }
                    _ => {
                        return Err(refuse(
                            RefusalCode::Malformed,
                            "only HELLO and PROOF belong in a handshake",
                        ));
                    }
                };
                self.bytes.drain(..used);
                return Ok((message, payload));
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), Rejection> {
        let mut piece = [0; 1024];
        let n = self.stream.read(&mut piece).await?;
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.bytes.extend_from_slice(&piece[..n]);
        if self.bytes.len() > HANDSHAKE_BYTES_MAX {
            return Err(refuse(RefusalCode::Malformed, "too many bytes before the handshake was over"));
        }
        Ok(())
    }

    async fn send(&mut self, message: &ToBackend<'_>) -> Result<(), Rejection> {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        Ok(self.stream.write_all(&bytes).await?)
    }
}

fn check_version(hello: &Hello) -> Result<(), Rejection> {
    if hello.version_min <= VERSION_MAX && hello.version_max >= VERSION_MIN {
        return Ok(());
    }
    let reason = format!(
        "{} speaks link protocol {} to {}, this proxy {VERSION_MIN} to {VERSION_MAX}; upgrade the older one",
        hello.adapter, hello.version_min, hello.version_max
    );
    Err(refuse(RefusalCode::Version, &reason))
}

fn shard_of(hello: &Hello, terms: &Terms) -> Result<u16, Rejection> {
    match hello.link {
        LinkIndex::First => Ok(0),
        LinkIndex::Shard(shard) if shard < terms.shards => Ok(shard),
        // One that was meant for a process with more shards, whose place this one has taken.
        LinkIndex::Shard(_) => Err(refuse(RefusalCode::TooMany, "this proxy has fewer shards; dial anew")),
    }
}

fn stranger(bytes: &[u8]) -> Rejection {
    const LEGACY: &[u8] = b"swiftclient";
    if bytes.starts_with(LEGACY) {
        return Rejection::Legacy;
    }
    // A request line begins with a method in capitals, a space and a target.
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match bytes.get(method..method + 2) {
        Some([b' ', b'/' | b'*' | b'h']) if method >= 3 => Rejection::Http,
        _ => Rejection::Malformed(WireError::NotOurProtocol),
    }
}

fn senseless(error: WireError) -> Rejection {
    refuse(RefusalCode::Malformed, &error.to_string())
}

fn refuse(code: RefusalCode, reason: &str) -> Rejection {
    Rejection::Refused(Refusal { code, reason: reason.to_owned() })
}

/// # Panics
/// When the system has no random numbers: nothing could be authenticated then.
fn fresh_nonce() -> Nonce {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).expect("the system gives random numbers");
    nonce
}

impl From<io::Error> for Rejection {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}
