//! How a reply's body is delimited (RFC 9112 section 6.3).

use swiftiply_wire::Version;

/// What follows a reply's head, and how the client will know its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFraming {
    /// No body, whatever the app gave. A length may still be announced: the one that a GET would have had.
    Empty {
        /// The Content-Length to send, if one may be sent and is known.
        announced: Option<u64>,
    },
    /// Exactly so many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Until the connection closes, the only way for an HTTP/1.0 client when the length is unknown; or in HTTP/2 until the
    /// stream ends.
    UntilEnd,
}

impl Default for ReplyFraming {
    /// Nothing is known yet.
    fn default() -> Self {
        Self::Empty { announced: None }
    }
}

impl ReplyFraming {
    /// Decides for a final reply to a request of this version. `length` is the body's length, or for HEAD and 304 the
    /// one that the app announced.
    pub fn decide(version: Version, method_is_head: bool, status: u16, length: Option<u64>) -> Self {
        match (status, length) {
            // RFC 9110 section 8.6: no Content-Length in 1xx and 204.
            (100..=199 | 204, _) => Self::Empty { announced: None },
            // RFC 9110 section 15.3.6: 205 has no content and must say so.
            (205, _) => Self::Empty { announced: Some(0) },
            (304, announced) => Self::Empty { announced },
            (_, announced) if method_is_head => Self::Empty { announced },
            (_, Some(length)) => Self::Length(length),
            (_, None) if version != Version::Http11 => Self::UntilEnd,
            (_, None) => Self::Chunked,
        }
    }

    /// Whether bytes of a body follow the head.
    pub fn has_body(self) -> bool {
        !matches!(self, Self::Empty { .. } | Self::Length(0))
    }
}
