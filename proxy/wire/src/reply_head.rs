//! A reply's head: of a final reply or an informational one. Generic over what holds its bytes, as a request's is.

use crate::bytes::{Span, Take};
use crate::fields::{put_body, take_body};
use crate::headers::HeaderWriter;
use crate::{Body, Headers, WireError};

/// The fields of a reply's head, for writing one.
#[derive(Debug, Clone, Copy)]
pub struct ReplyFields<'a> {
    /// 100 to 599 (RFC 9110 section 15).
    pub status: u16,
    /// The reason phrase if it is not the usual one; at most 255 bytes travel.
    pub reason: &'a [u8],
    /// What follows.
    pub body: Body,
}

/// A reply's head; of a final reply or an informational one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHead<B> {
    bytes: B,
    status: u16,
    body: Body,
    reason: Span,
    headers: Span,
    headers_count: u16,
}

impl ReplyHead<Vec<u8>> {
    /// Appends the bytes of a head to `out`; `write_headers` appends its headers.
    ///
    /// # Panics
    /// When a header's name or value is longer than 65,535 bytes; see [`crate::limits::HEAD_BYTES_MAX`].
    #[inline]
    pub fn write(
        out: &mut Vec<u8>,
        fields: &ReplyFields<'_>,
        write_headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) {
        out.extend_from_slice(&fields.status.to_be_bytes());
        put_body(out, fields.body);
        let reason = &fields.reason[..fields.reason.len().min(crate::limits::TEXT_MAX)];
        out.push(reason.len() as u8);
        out.extend_from_slice(reason);
        let mut headers = HeaderWriter::new(out);
        write_headers(&mut headers);
        headers.finish();
    }
}

impl<B: AsRef<[u8]>> ReplyHead<B> {
    /// Reads a head from the payload of its frame. Bytes after the last field are left to later versions.
    ///
    /// # Errors
    /// [`WireError`] when a field is cut or impossible, a status outside 100 to 599 included.
    pub fn read(bytes: B) -> Result<Self, WireError> {
        let mut from = Take::new(bytes.as_ref());
        let status = from.u16("status")?;
        if !(100..=599).contains(&status) {
            return Err(WireError::BadValue { field: "status" });
        }
        let body = take_body(&mut from)?;
        let reason_start = from.position() + 1;
        let reason = from.short("reason")?;
        let reason = Span::new(reason_start..reason_start + reason.len());
        let headers_start = from.position() + 2;
        let headers = Headers::take(&mut from)?;
        let headers_count = headers.len() as u16;
        let headers = Span::new(headers_start..headers_start + headers.block().len());
        Ok(Self { status, body, reason, headers, headers_count, bytes })
    }

    /// 100 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, or empty for the usual one.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.bytes)
    }

    /// What follows the head.
    pub fn body(&self) -> Body {
        self.body
    }

    /// The headers.
    pub fn headers(&self) -> Headers<'_> {
        Headers::checked(self.headers_count, self.headers.of(&self.bytes))
    }

    /// The bytes that it was read from.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}
