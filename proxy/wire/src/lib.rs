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
mod fields;
mod frame;
mod handshake;
mod headers;
pub mod limits;
mod preface;
mod proof;
mod reply_head;
mod request_head;
mod syntax;
mod to_backend;
mod to_proxy;
mod token;

pub use codes::{CancelCode, GoodbyeCode, ResetCode};
pub use error::WireError;
pub use fields::{Body, Endpoint, Method, Scheme, Version};
pub use frame::{FRAME_HEADER_BYTES, Frame, LINK_STREAM, StreamId};
pub use handshake::{Challenge, Hello, LinkIndex, Proof, Refusal, RefusalCode, Welcome};
pub use headers::{HeaderBlock, HeaderWriter, Headers, HeadersIter, Name};
pub use preface::{PREFACE, VERSION_MAX, VERSION_MIN, read_preface};
pub use proof::{Key, Nonce, backend_proof, proxy_proof};
pub use reply_head::{ReplyFields, ReplyHead};
pub use request_head::{RequestFields, RequestHead};
pub use syntax::{is_token, is_token_byte, is_value};
pub use to_backend::{RequestFlags, ToBackend, put_request};
pub use to_proxy::{ToProxy, put_reply};
pub use token::Token;
