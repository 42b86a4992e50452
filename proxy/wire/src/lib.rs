//! What the proxy and its backends have agreed on: the bytes that travel on a link.
//!
//! A backend dials the proxy and keeps the connection: that is a *link*. On it travel [`Frame`]s. A link begins with
//! [`PREFACE`] and a handshake ([`Hello`], [`Challenge`], [`Proof`], then [`Welcome`] or [`Refusal`]); after it each side
//! reads the other's messages as one enum: the proxy reads [`ToProxy`], the backend reads [`ToBackend`].
//!
//! Nothing in here waits, logs, or knows the time: bytes go in; values and the number of bytes used come out. The same
//! protocol is written down byte by byte in `PROTOCOL.md` beside this crate's manifest, and a test checks its dump.

mod bytes;
mod codes;
mod error;
mod frame;
mod handshake;
mod head;
mod headers;
pub mod limits;
mod proof;
mod to_backend;
mod to_proxy;
mod token;

pub use codes::{CancelCode, GoodbyeCode, ResetCode};
pub use error::WireError;
pub use frame::{FRAME_HEADER_BYTES, Frame, LINK_STREAM, StreamId};
pub use handshake::{Challenge, Hello, LinkIndex, Proof, Refusal, RefusalCode, Welcome};
pub use head::{Body, Endpoint, Method, ReplyFields, ReplyHead, RequestFields, RequestHead, Scheme, Version};
pub use headers::{HeaderBlock, HeaderWriter, Headers, HeadersIter, Name};
pub use proof::{Key, Nonce, backend_proof, proxy_proof};
pub use to_backend::{RequestFlags, ToBackend, put_request};
pub use to_proxy::{ToProxy, put_reply};
pub use token::Token;

/// The first eight bytes that a backend sends on a link. The first byte is neither ASCII (HTTP, the 0.6 preface
/// `swiftclient`) nor a TLS record type, so one port can tell them apart.
pub const PREFACE: [u8; 8] = *b"\xF5SwLink\n";

/// The lowest protocol version that this crate speaks.
pub const VERSION_MIN: u8 = 1;
/// The highest protocol version that this crate speaks.
pub const VERSION_MAX: u8 = 1;
