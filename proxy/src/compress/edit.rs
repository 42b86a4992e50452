//! The head of a reply whose body is compressed, or might have been.

use swiftiply_wire::{Body, Headers, ReplyFields, ReplyHead, Token};

use super::Coding;
use super::decide::has_member;

/// The same head for a compressed body, or with `None` for one that other clients would get compressed.
///
/// The length is not known any more. A strong entity tag names exactly the app's bytes, so it becomes a weak one; ranges
/// of a compressed body cannot be had (RFC 9110 sections 8.8.1 and 14.3).
pub fn edit(head: &ReplyHead<&[u8]>, coding: Option<Coding>) -> Vec<u8> {
    let body = if coding.is_some() { Body::Unknown } else { head.body() };
    let fields = ReplyFields { status: head.status(), reason: head.reason(), body };
    let mut bytes = Vec::with_capacity(head.as_bytes().len() + 64);
    ReplyHead::write(&mut bytes, &fields, |headers| {
        for (name, value) in head.headers() {
            match name.token() {
                Some(Token::CONTENT_LENGTH | Token::ACCEPT_RANGES | Token::CONTENT_ENCODING)
                    if coding.is_some() => {}
                Some(Token::ETAG) if coding.is_some() && value.starts_with(b"\"") => {
                    headers.push_name(name, &[b"W/", value].concat());
                }
                _ => headers.push_name(name, value),
            }
        }
        if let Some(coding) = coding {
            headers.push_token(Token::CONTENT_ENCODING, coding.name().as_bytes());
        }
        if !varies(head.headers()) {
            headers.push_token(Token::VARY, b"Accept-Encoding");
        }
    });
    bytes
}

/// Whether the app says already that it depends on Accept-Encoding.
fn varies(headers: Headers<'_>) -> bool {
    let mut values = headers.iter().filter(|(name, _)| name.is(Token::VARY)).map(|(_, value)| value);
    values.any(|value| has_member(value, b"Accept-Encoding") || has_member(value, b"*"))
}
