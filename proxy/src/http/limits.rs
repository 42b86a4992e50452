//! Every bound on what a client may send in a head or around a body, and a backend in a reply's head.

/// The bounds that a configuration may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line without its CRLF, 8 KiB; beyond it 414. RFC 9112 section 3 asks for at least 8,000.
    /// Must be less than `head_bytes_max`.
    pub request_line_max: usize,
    /// Bytes of the whole head, request line and final empty line included, 32 KiB; beyond it 431. Browsers stop
    /// at about 16 KiB of cookies; the rest bounds what one slow client can make us keep.
    pub head_bytes_max: usize,
    /// Headers in a head, 100; beyond it 431. At most [`HEADERS_ROOM`].
    pub headers_max: usize,
    /// Bytes of chunk extensions in all of one body, 4 KiB; beyond it 400. We ignore them, so they are only a way
    /// to send bytes that count for nothing.
    pub chunk_extension_bytes_max: usize,
    /// Bytes of the trailer section, 8 KiB; beyond it 431. It is kept until its end, unlike the body.
    pub trailer_bytes_max: usize,
    /// Trailers after one body, 32; beyond it 431. At most [`TRAILERS_ROOM`].
    pub trailers_max: usize,
    /// Bytes of a reply's head as rendered, 64 KiB; beyond it the reply is a backend's fault. Generous, since apps
    /// set large policies and cookies, but bounded, since it is kept until the client has taken it.
    pub reply_head_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line_max: 8 * 1024,
            head_bytes_max: 32 * 1024,
            headers_max: 100,
            chunk_extension_bytes_max: 4 * 1024,
            trailer_bytes_max: 8 * 1024,
            trailers_max: 32,
            reply_head_bytes_max: 64 * 1024,
        }
    }
}

/// Headers that fit into a [`HeaderRoom`](super::HeaderRoom), the most that a configuration may allow. A head on the
/// link may hold 256, and [`forward::request`](super::forward::request) adds up to six of ours.
pub const HEADERS_ROOM: usize = 240;

/// Trailers that a decoder can read, the most that a configuration may allow. Real ones carry one or two (a checksum,
/// a gRPC status).
pub const TRAILERS_ROOM: usize = 64;

/// Empty lines that are skipped before a request line. RFC 9112 section 2.2 asks for at least one, for old clients
/// that end a POST body with a CRLF too many; two leave room for a second mistake, and no more.
pub(super) const LEADING_EMPTY_LINES_MAX: u8 = 2;

/// Names in a head's Connection headers together. Real clients send one to three; each is compared with each header,
/// so the product must stay small.
pub(super) const CONNECTION_OPTIONS_MAX: usize = 32;

/// Bytes of a host name: the longest that DNS can carry (RFC 1035 section 2.3.4), with a trailing dot.
pub(super) const HOST_BYTES_MAX: usize = 254;

/// Hexadecimal digits of a chunk's size, leading zeros included: what fits 64 bits.
pub(super) const CHUNK_SIZE_DIGITS_MAX: u8 = 16;
