//! HTTP at the front: bytes in, values out.
//!
//! No socket, clock or task in here. A client connection reads bytes into its buffer and asks, in this order:
//!
//! | step | ask | answer |
//! |---|---|---|
//! | a request's head | [`HeadParser::parse`] | not yet, a [`Head`], or a [`Refusal`] |
//! | what goes on to the backend | [`forward::request`] | each header that may |
//! | the request's body | [`BodyDecoder::decode`] | pieces of data, then its end and trailers |
//! | how the reply will end | [`ReplyFraming::decide`] | empty, by length, chunked, or with the connection |
//! | the reply's head | [`FinalReply::head`] | bytes, or a [`ReplyFault`] of the backend |
//! | our own answer | [`ErrorPage::render`] | bytes |
//!
//! HTTP/2 comes as fields, which h2 has decoded: [`Head::of_stream`], [`FinalReply::fields`], [`ErrorPage::fields`].
//!
//! This is the only place that reads HTTP text, so it is strict: what two parsers could read in two ways is refused,
//! and the connection closed. Sources: RFC 9110 (semantics) and RFC 9112 (HTTP/1.1).

mod authority;
mod body;
mod chunk;
mod connection;
mod date;
mod diagnosis;
mod error_page;
mod field;
pub mod forward;
mod framing;
mod h2_reply;
mod h2_request;
mod hsts;
mod limits;
mod refusal;
mod reply;
mod reply_fault;
mod reply_framing;
mod request;
mod scan;
mod status;
mod target;
mod trailers;

pub use authority::Authority;
pub use body::{BodyDecoder, LengthDecoder, Piece, StreamDecoder};
pub use chunk::ChunkDecoder;
pub use date::DateLine;
pub use error_page::ErrorPage;
pub use framing::Framing;
pub use h2_reply::{inform_fields, switch_fields, trailer_fields};
pub use h2_request::Handshake;
pub use hsts::Hsts;
pub use limits::{HEADERS_ROOM, Limits, TRAILERS_ROOM};
pub use refusal::Refusal;
pub use reply::{FinalReply, chunk, decimal, inform, last_chunk, switch_protocols};
pub use reply_fault::ReplyFault;
pub use reply_framing::ReplyFraming;
pub use request::{Head, HeadParser, HeaderRoom};
pub use status::reason_phrase;
pub use target::Target;
pub use trailers::Trailers;
