//! The head of a reply as the app gives it, checked as it is built: what stands in a [`ReplyHead`] can be sent.

use swiftiply_wire::limits::{HEAD_BYTES_MAX, HEADERS_MAX, TEXT_MAX};
use swiftiply_wire::{HeaderBlock, Headers, Token, is_token, is_value};

use crate::ReplyError;

/// The status and headers of a reply. Each call checks what it is given, so that the app's mistake is an error where
/// it was made.
///
/// ```
/// use swiftiply_connector::ReplyHead;
/// let mut head = ReplyHead::new(200)?;
/// head.push(b"Content-Type", b"text/plain")?;
/// head.push(b"Content-Length", b"13")?;
/// assert_eq!(head.length(), Some(13));
/// assert!(head.push(b"Location", b"/\r\nSet-Cookie: a=b").is_err());
/// # Ok::<(), swiftiply_connector::ReplyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHead {
    status: u16,
    reason: Vec<u8>,
    length: Option<u64>,
    fields: Fields,
    /// What the app's own Connection header names (RFC 9110 section 7.6.1): it must not pass.
    named_by_connection: Vec<Vec<u8>>,
}

/// The trailers of a reply's body, checked as they are built (RFC 9110 section 6.5).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Trailers(Fields);

impl ReplyHead {
    /// A head without headers.
    ///
    /// # Errors
    /// [`ReplyError::BadStatus`] unless `status` is 101 or 200 to 599.
    pub fn new(status: u16) -> Result<Self, ReplyError> {
        check_status(status)?;
        Ok(Self {
            status,
            reason: Vec::new(),
            length: None,
            fields: Fields::default(),
            named_by_connection: Vec::new(),
        })
    }

    /// Makes it a head without headers again, and keeps its memory: for a binding that builds one reply after the other.
    ///
    /// # Errors
    /// As [`ReplyHead::new`]; then it stays as it was.
    pub fn reuse(&mut self, status: u16) -> Result<(), ReplyError> {
        check_status(status)?;
        self.status = status;
        self.reason.clear();
        self.length = None;
        self.fields.clear();
        self.named_by_connection.clear();
        Ok(())
    }

    /// Replaces the usual reason phrase (RFC 9112 section 4); at most 255 bytes.
    ///
    /// # Errors
    /// [`ReplyError::BadReason`].
    pub fn set_reason(&mut self, reason: &[u8]) -> Result<(), ReplyError> {
        if reason.len() > TEXT_MAX || !is_value(reason) {
            return Err(ReplyError::BadReason);
        }
        self.reason.clear();
        self.reason.extend_from_slice(reason);
        Ok(())
    }

    /// Appends a header; the same name may come again. White space around the value goes.
    ///
    /// Content-Length becomes [`ReplyHead::length`]. What speaks of a connection, which is the proxy's business, is
    /// dropped: Connection and what it names, Keep-Alive, Proxy-Connection, Transfer-Encoding, TE, and Upgrade but in
    /// a 101 (RFC 9110 section 7.6.1).
    ///
    /// # Errors
    /// [`ReplyError::BadHeader`] when the name is no token (RFC 9110 section 5.1), the value has a control character
    /// (section 5.5), or a Content-Length is no number or contradicts an earlier one. [`ReplyError::HeadTooLong`]
    /// beyond 256 headers, or 60 KiB of names and values.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        let token = Token::of(name);
        match token {
            Some(Token::CONTENT_LENGTH) => self.set_length(name, value),
            Some(Token::CONNECTION) => {
                check(name, value)?;
                self.keep_names(value);
                Ok(())
            }
            Some(Token::UPGRADE) if self.status == 101 => self.fields.push(name, value),
            Some(token) if speaks_of_connection(token) => check(name, value),
            _ => self.fields.push(name, value),
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body's length if the app announced it. To a HEAD request, and with status 304, the one that a GET had had.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    pub(crate) fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// The headers that travel, which is nearly always all that are kept.
    pub(crate) fn headers(&self) -> Headers<'_> {
        self.fields.block.as_headers()
    }

    pub(crate) fn is_named_by_connection(&self, name: &[u8]) -> bool {
        self.named_by_connection.iter().any(|named| named.eq_ignore_ascii_case(name))
    }

    pub(crate) fn connection_names_some(&self) -> bool {
        !self.named_by_connection.is_empty()
    }

    fn set_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        let length = decimal(trim(value)).ok_or_else(|| bad(name, "is not a number of bytes"))?;
        if self.length.is_some_and(|earlier| earlier != length) {
            return Err(bad(name, "contradicts an earlier one"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn keep_names(&mut self, value: &[u8]) {
        let own = [&b"close"[..], b"keep-alive", b"upgrade", b""];
        let names = value.split(|&byte| byte == b',').map(trim);
        let others = names.filter(|name| !own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        self.named_by_connection.extend(others.map(<[u8]>::to_vec));
    }
}

impl Trailers {
    /// No trailers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a trailer.
    ///
    /// # Errors
    /// As [`ReplyHead::push`]; and [`ReplyError::BadHeader`] for a field that has no meaning after the body: one
    /// about framing, routing or the connection (RFC 9110 section 6.5.1).
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        match Token::of(name) {
            Some(token) if speaks_of_connection(token) || speaks_of_message(token) => {
                Err(bad(name, "cannot be a trailer: it has to be known before the body"))
            }
            _ => self.0.push(name, value),
        }
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        self.0.block.as_headers()
    }
}

/// Checked headers, and how much of a head they fill.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    block: HeaderBlock,
    bytes: usize,
}

impl Fields {
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        check(name, value)?;
        let value = trim(value);
        let bytes = self.bytes + name.len() + value.len();
        if bytes > HEAD_BYTES_MAX {
            return Err(ReplyError::HeadTooLong { limit: "61440 bytes" });
        }
        if self.block.as_headers().len() == HEADERS_MAX {
            return Err(ReplyError::HeadTooLong { limit: "256 headers" });
        }
        self.bytes = bytes;
        self.block.push(name, value);
        Ok(())
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        self.block.as_headers()
    }

    fn clear(&mut self) {
        self.block.clear();
        self.bytes = 0;
    }
}

fn check_status(status: u16) -> Result<(), ReplyError> {
    if matches!(status, 101 | 200..=599) { Ok(()) } else { Err(ReplyError::BadStatus(status)) }
}

fn speaks_of_connection(token: Token) -> bool {
    matches!(
        token,
        Token::CONNECTION
            | Token::KEEP_ALIVE
            | Token::PROXY_CONNECTION
            | Token::TRANSFER_ENCODING
            | Token::TE
            | Token::UPGRADE
    )
}

fn speaks_of_message(token: Token) -> bool {
    matches!(
        token,
        Token::CONTENT_LENGTH
            | Token::HOST
            | Token::TRAILER
            | Token::CONTENT_ENCODING
            | Token::CONTENT_TYPE
            | Token::CONTENT_RANGE
            | Token::SET_COOKIE
    )
}

fn check(name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
    if !is_token(name) {
        return Err(bad(name, "has a name that is no token of letters, digits and -_.!#$%&'*+^`|~"));
    }
    if !is_value(value) {
        return Err(bad(name, "has a control character (such as a line end) in its value"));
    }
    Ok(())
}

fn bad(name: &[u8], why: &'static str) -> ReplyError {
    let shown = &name[..name.len().min(TEXT_MAX)];
    ReplyError::BadHeader { name: shown.escape_ascii().to_string(), why }
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> ReplyHead {
        ReplyHead::new(200).unwrap()
    }

    fn names(head: &ReplyHead) -> Vec<String> {
        head.headers().iter().map(|(name, _)| name.as_bytes().escape_ascii().to_string()).collect()
    }

    #[test]
    fn an_injected_header_is_refused_and_named() {
        for value in [&b"a\r\nSet-Cookie: b"[..], b"a\nb", b"a\rb", b"a\0b", b"a\x7fb", b"\x1b"] {
            let error = head().push(b"X-Note", value).unwrap_err();
            assert!(error.to_string().contains("`X-Note`"), "{error}");
        }
        for name in [&b"X Note"[..], b"", b"X-Note:", b"X\r\nNote", b"X-N\xc3\xb6te"] {
            let error = head().push(name, b"v").unwrap_err();
            assert!(matches!(error, ReplyError::BadHeader { .. }), "{error}");
            assert!(!error.to_string().contains('\r'), "{error}");
        }
        assert_eq!(
            head().push(b"Connection", b"a\r\nb").unwrap_err().to_string(),
            "the header `Connection` has a control character (such as a line end) in its value"
        );
    }

    #[test]
    fn what_is_legal_passes_unchanged() {
        let mut head = head();
        head.push(b"X-Text", b" \t caf\xe9 \xc3\xa9\t! ").unwrap();
        let (name, value) = head.headers().iter().next().unwrap();
        assert_eq!((name.as_bytes(), value), (&b"X-Text"[..], &b"caf\xe9 \xc3\xa9\t!"[..]));
    }

    #[test]
    fn the_length_is_a_number_and_only_one() {
        for bad in ["", "+5", "-1", "0x5", "5 5", "5,5", "18446744073709551616", "1_0"] {
            assert!(head().push(b"Content-Length", bad.as_bytes()).is_err(), "{bad}");
        }
        let mut head = head();
        head.push(b"content-length", b" 5 ").unwrap();
        head.push(b"Content-Length", b"5").unwrap();
        assert_eq!(head.length(), Some(5));
        assert!(head.push(b"Content-Length", b"6").unwrap_err().to_string().contains("contradicts"));
        assert!(head.headers().is_empty());
    }

    #[test]
    fn a_head_that_is_used_again_remembers_nothing() {
        let mut head = head();
        head.set_reason(b"Fine").unwrap();
        for (name, value) in [("Connection", "x-private"), ("Content-Length", "5"), ("ETag", "x")] {
            head.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        assert_eq!(head.reuse(100), Err(ReplyError::BadStatus(100)));
        assert_eq!(head.length(), Some(5));
        head.reuse(404).unwrap();
        assert_eq!(head, ReplyHead::new(404).unwrap());
    }

    #[test]
    fn what_speaks_of_the_connection_is_dropped() {
        let mut head = head();
        for (name, value) in [
            ("Connection", "close, X-Private"),
            ("keep-alive", "timeout=5"),
            ("Transfer-Encoding", "chunked"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("Proxy-Connection", "close"),
            ("ETag", "x"),
        ] {
            head.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        assert_eq!(names(&head), ["ETag"]);
        assert!(head.is_named_by_connection(b"x-private") && !head.is_named_by_connection(b"close"));
        let mut switching = ReplyHead::new(101).unwrap();
        switching.push(b"Upgrade", b"websocket").unwrap();
        assert_eq!(names(&switching), ["Upgrade"]);
    }

    #[test]
    fn a_head_has_its_limits() {
        for status in [0, 99, 100, 102, 199, 600, 999] {
            assert_eq!(ReplyHead::new(status), Err(ReplyError::BadStatus(status)));
        }
        let mut many = head();
        for _ in 0..HEADERS_MAX {
            many.push(b"a", b"").unwrap();
        }
        assert_eq!(many.push(b"a", b""), Err(ReplyError::HeadTooLong { limit: "256 headers" }));
        let mut long = head();
        assert_eq!(HEAD_BYTES_MAX, 61440, "the message names it");
        long.push(b"a", &vec![b'x'; HEAD_BYTES_MAX - 1]).unwrap();
        assert_eq!(long.push(b"b", b""), Err(ReplyError::HeadTooLong { limit: "61440 bytes" }));
        assert_eq!(head().set_reason(b"Fine\r\n"), Err(ReplyError::BadReason));
        assert_eq!(head().set_reason(&[b'x'; 256]), Err(ReplyError::BadReason));
    }

    #[test]
    fn trailers_cannot_change_the_message() {
        let mut trailers = Trailers::new();
        trailers.push(b"Server-Timing", b"db;dur=5").unwrap();
        for name in ["Content-Length", "Transfer-Encoding", "Host", "Set-Cookie", "Connection"] {
            assert!(trailers.push(name.as_bytes(), b"1").is_err(), "{name}");
        }
        assert_eq!(trailers.headers().len(), 1);
    }
}
