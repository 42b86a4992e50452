//! A request's head as HTTP/2 has it: fields instead of text (RFC 9113 section 8.3.1), read as strictly as HTTP/1.1.
//!
//! h2 has decoded it and refused what RFC 9113 section 8.2 calls malformed: names in upper case, pseudo-headers that are
//! unknown, repeated, missing or behind others, fields that belong to a connection, TE of more than `trailers`.

use http_types::{Method, Uri, request};

use super::authority::Authority;
use super::field::Kind;
use super::framing::Framing;
use super::limits::{HEADERS_ROOM, Limits};
use super::refusal::Refusal;
use super::request::{Head, Header, HeaderRoom, Seen};
use super::target::Target;
use swiftiply_wire::{Token, Version};

/// An extended CONNECT (RFC 8441), which is to look like a handshake of HTTP/1.1 to the app.
#[derive(Debug, Clone, Copy)]
pub struct Handshake<'h> {
    /// `:protocol`: `websocket`.
    pub protocol: &'h str,
    /// A Sec-WebSocket-Key of our own, since HTTP/2 has none.
    pub key: &'h [u8],
}

impl<'h> Head<'h> {
    /// Reads the head of a request of which nothing follows if `is_end`.
    ///
    /// # Errors
    /// [`Refusal`], to be answered on the stream; the connection is none the worse for it.
    pub fn of_stream<'b: 'h>(
        parts: &'b request::Parts,
        handshake: Option<Handshake<'b>>,
        is_end: bool,
        limits: &Limits,
        room: &'h mut HeaderRoom<'b>,
    ) -> Result<Self, Refusal> {
        let (method, target) = request_line(parts, handshake.is_some(), limits)?;
        check_size(parts, limits)?;
        let mut seen = Seen::default();
        let fields = parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        seen.sort(fields, &mut room.headers)?;
        if let Some(handshake) = handshake {
            room.headers.retain(|header| !header.name.is(Token::SEC_WEBSOCKET_KEY));
            let name = Token::SEC_WEBSOCKET_KEY.into();
            room.headers.push(Header { kind: Kind::Other, name, value: handshake.key });
        }
        let framing = match Framing::decide(Version::Http2, seen.content_length, None)? {
            Framing::None if !is_end && handshake.is_none() => Framing::Stream,
            other => other,
        };
        Ok(Self {
            method,
            target,
            version: Version::Http2,
            authority: Some(authority(&parts.uri, &seen)?),
            framing,
            keep_alive: true,
            expect_continue: seen.expect_continue(Version::Http2, framing)?,
            upgrade: handshake.map(|handshake| handshake.protocol.as_bytes()),
            te_trailers: seen.te_trailers,
            underscored: seen.underscored,
            headers: &room.headers,
        })
    }
}

fn request_line<'b>(
    parts: &'b request::Parts,
    is_handshake: bool,
    limits: &Limits,
) -> Result<(&'b str, Target<'b>), Refusal> {
    let method = match parts.method {
        Method::CONNECT if is_handshake => "GET",
        ref method => method.as_str(),
    };
    if matches!(method, "CONNECT" | "TRACE") {
        return Err(Refusal::MethodNotAllowed);
    }
    if !matches!(parts.uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Refusal::BadTarget);
    }
    let path = parts.uri.path_and_query().ok_or(Refusal::BadTarget)?.as_str();
    // What the same request would take in HTTP/1.1.
    if method.len() + path.len() + "  HTTP/1.1".len() > limits.request_line_max {
        return Err(Refusal::RequestLineTooLong);
    }
    // An absolute form belongs to HTTP/1.1: here the authority has its own field.
    if !path.starts_with('/') && path != "*" {
        return Err(Refusal::BadTarget);
    }
    Ok((method, Target::parse(method, path)?))
}

/// Counts what the fields would take in HTTP/1.1, so that the same limits mean the same.
fn check_size(parts: &request::Parts, limits: &Limits) -> Result<(), Refusal> {
    if parts.headers.len() > limits.headers_max.min(HEADERS_ROOM - 1) {
        return Err(Refusal::TooManyHeaders);
    }
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let target = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if fields.sum::<usize>() + target > limits.head_bytes_max {
        return Err(Refusal::HeadTooLarge);
    }
    // RFC 9113 section 8.2.1; HTTP/1.1 has whitespace around a value, HTTP/2 must not.
    let is_padded = |value: &[u8]| matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
    if parts.headers.values().any(|value| is_padded(value.as_bytes())) {
        return Err(Refusal::PaddedValue);
    }
    Ok(())
}

/// From `:authority`, or from Host, which a client may send instead; two that differ are a smuggler's (RFC 9113 section
/// 8.3.1).
fn authority<'h>(uri: &'h Uri, seen: &Seen<'h>) -> Result<Authority<'h>, Refusal> {
    let host = seen.host.map(Authority::parse).transpose()?;
    let Some(named) = uri.authority() else { return host.ok_or(Refusal::MissingHost) };
    let named = Authority::parse(named.as_str().as_bytes())?;
    match host {
        Some(host) if host.host != named.host || host.port != named.port => Err(Refusal::ConflictingHost),
        _ => Ok(named),
    }
}
