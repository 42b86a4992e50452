//! How a request's body is delimited (RFC 9112 section 6.3; RFC 9113 section 8.1).

use swiftiply_wire::{Body, Version, is_token};

use super::field::list;
use super::refusal::Refusal;

/// What follows a request's head. There is no body that ends with the connection: a request always says its length.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Neither Content-Length nor Transfer-Encoding: no body.
    #[default]
    None,
    /// Exactly so many bytes; zero if the client said so.
    Length(u64),
    /// Chunks, up to the last one.
    Chunked,
    /// Up to the end of its stream (HTTP/2).
    Stream,
}

impl Framing {
    /// Decides by the only Content-Length and the only Transfer-Encoding of a head.
    pub(super) fn decide(
        version: Version,
        content_length: Option<&[u8]>,
        transfer_encoding: Option<&[u8]>,
    ) -> Result<Self, Refusal> {
        match (content_length, transfer_encoding) {
            (None, None) => Ok(Self::None),
            (Some(length), None) => parse_length(length).map(Self::Length),
            (_, Some(_)) if version == Version::Http10 => Err(Refusal::CodingInHttp10),
            (Some(_), Some(_)) => Err(Refusal::LengthAndCoding),
            (None, Some(coding)) => check_coding(coding).map(|()| Self::Chunked),
        }
    }
}

impl From<Framing> for Body {
    /// As it is told on the link.
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::None => Body::None,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked | Framing::Stream => Body::Unknown,
        }
    }
}

/// Digits only: a sign, a space, a list of equal numbers or an empty value would be read differently elsewhere.
fn parse_length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() {
        return Err(Refusal::BadContentLength);
    }
    value
        .iter()
        .try_fold(0u64, |length, &byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            length.checked_mul(10)?.checked_add(digit)
        })
        .ok_or(Refusal::BadContentLength)
}

/// Only `chunked` passes. What does not end in a single `chunked` says nothing about where the body ends, and is 400
/// (RFC 9112 section 6.3); so is what is malformed, and the withdrawn `identity`. Codings that we do not know in front of
/// it are 501 (section 6.1).
fn check_coding(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let last = list(value).count() - 1;
    for (position, coding) in list(value).enumerate() {
        let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        if is_chunked != (position == last) || !is_token(coding) || coding.eq_ignore_ascii_case(b"identity") {
            return Err(Refusal::BadCoding);
        }
    }
    Err(Refusal::UnknownCoding)
}
