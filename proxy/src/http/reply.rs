//! Replies as bytes: heads, chunks, informational replies.
//!
//! A backend is only half trusted. Its header names and values are checked, and nothing of what it says about the
//! connection or the framing reaches the client: those are ours.

use swiftiply_wire::{Name, Token, Version, is_token, is_value};

use super::connection;
use super::date::DateLine;
use super::field::{Kind, trim};
use super::hsts::Hsts;
use super::reply_fault::ReplyFault;
use super::reply_framing::ReplyFraming;
use super::status::usual_line;
use super::trailers;

/// The server's name in replies whose app gives none.
const SERVER_LINE: &[u8] = b"Server: swiftiply\r\n";

/// What is to be said about a final reply besides its headers.
#[derive(Debug, Clone, Copy)]
pub struct FinalReply<'a> {
    /// 200 to 999.
    pub status: u16,
    /// The reason phrase, if it is not the usual one.
    pub reason: Option<&'a [u8]>,
    /// The version of the request; the reply is always HTTP/1.1 (RFC 9110 section 2.5).
    pub version: Version,
    /// How the body is delimited.
    pub framing: ReplyFraming,
    /// Whether the connection stays open after it. Ignored where the framing ends with the connection.
    pub keep_alive: bool,
    /// Whether the client is a proxy of ours, which may send the file that the app names. To others the name would only
    /// tell where things are.
    pub is_for_proxy: bool,
    /// What the client is told about TLS, if the app says nothing about it.
    pub hsts: Option<Hsts>,
}

impl FinalReply<'_> {
    /// Appends the head to `out`: the app's headers, checked and in order; without its Content-Length,
    /// Transfer-Encoding and hop-by-hop headers; with ours in their place, and with Date and Server if it gives none.
    ///
    /// # Errors
    /// [`ReplyFault`], also for a head of more than `head_bytes_max` bytes
    /// ([`Limits::reply_head_bytes_max`](super::Limits::reply_head_bytes_max)); `out` is then as it was.
    pub fn head<'h, I>(
        &self,
        out: &mut Vec<u8>,
        headers: I,
        date: &DateLine,
        head_bytes_max: usize,
    ) -> Result<(), ReplyFault>
    where
        I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
    {
        if !(200..=999).contains(&self.status) {
            return Err(ReplyFault::BadStatus(self.status));
        }
        whole_or_nothing(out, head_bytes_max, |out| {
            status_line(out, self.status, self.reason)?;
            let put = |name: Name<'_>, value: &[u8]| header_line(out, name.as_bytes(), value);
            let seen = app_headers(headers, |kind| self.may_pass(kind), put)?;
            if !seen.date {
                out.extend_from_slice(date.as_bytes());
            }
            if !seen.server {
                out.extend_from_slice(SERVER_LINE);
            }
            if let Some(hsts) = self.hsts.filter(|_| !seen.hsts) {
                hsts.line(out);
            }
            self.framing_line(out);
            self.connection_line(out);
            out.extend_from_slice(b"\r\n");
            Ok(())
        })
    }

    /// Whether the client may send another request after this reply.
    pub fn keeps_connection(&self) -> bool {
        self.keep_alive && self.framing != ReplyFraming::UntilEnd
    }

    pub(super) fn may_pass(&self, kind: Kind) -> bool {
        may_reach_client(kind) || (kind == Kind::NamesFile && self.is_for_proxy)
    }

    fn framing_line(&self, out: &mut Vec<u8>) {
        match self.framing {
            ReplyFraming::Length(length) | ReplyFraming::Empty { announced: Some(length) } => {
                out.extend_from_slice(b"Content-Length: ");
                decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
            ReplyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            ReplyFraming::Empty { announced: None } | ReplyFraming::UntilEnd => {}
        }
    }

    /// HTTP/1.1 stays open by itself, HTTP/1.0 has to be told.
    fn connection_line(&self, out: &mut Vec<u8>) {
        if !self.keeps_connection() {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if self.version == Version::Http10 {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
    }
}

/// Appends an informational reply (100, 102 to 199). Only HTTP/1.1 clients may get one (RFC 9110 section 15.2).
///
/// # Errors
/// [`ReplyFault`]; `out` is then as it was.
pub fn inform<'h, I>(
    out: &mut Vec<u8>,
    status: u16,
    headers: I,
    head_bytes_max: usize,
) -> Result<(), ReplyFault>
where
    I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
{
    if !(100..=199).contains(&status) || status == 101 {
        return Err(ReplyFault::BadStatus(status));
    }
    whole_or_nothing(out, head_bytes_max, |out| {
        status_line(out, status, None)?;
        app_headers(headers, may_reach_client, |name, value| header_line(out, name.as_bytes(), value))?;
        out.extend_from_slice(b"\r\n");
        Ok(())
    })
}

/// Appends the app's `101 Switching Protocols`, after which the connection is a tunnel.
///
/// # Errors
/// [`ReplyFault`]; `out` is then as it was.
pub fn switch_protocols<'h, I>(
    out: &mut Vec<u8>,
    headers: I,
    date: &DateLine,
    head_bytes_max: usize,
) -> Result<(), ReplyFault>
where
    I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
{
    whole_or_nothing(out, head_bytes_max, |out| {
        status_line(out, 101, None)?;
        let may_pass = |kind| kind == Kind::Upgrade || may_reach_client(kind);
        let put = |name: Name<'_>, value: &[u8]| header_line(out, name.as_bytes(), value);
        let seen = app_headers(headers, may_pass, put)?;
        if !seen.date {
            out.extend_from_slice(date.as_bytes());
        }
        out.extend_from_slice(b"Connection: Upgrade\r\n\r\n");
        Ok(())
    })
}

/// Appends one chunk. Empty data is no chunk: it would end the body.
pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    hexadecimal(out, data.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk and the trailers, those that may be trailers at all; malformed ones are left out, since
/// the reply has begun and its body is whole. Give none to a client that did not send `TE: trailers`.
pub fn last_chunk<'h>(out: &mut Vec<u8>, trailers: impl Iterator<Item = (Name<'h>, &'h [u8])>) {
    out.extend_from_slice(b"0\r\n");
    app_trailers(trailers, |name, value| header_line(out, name.as_bytes(), value));
    out.extend_from_slice(b"\r\n");
}

/// Which of the headers that we would add the app gave itself.
#[derive(Default)]
pub(super) struct Given {
    pub(super) date: bool,
    pub(super) server: bool,
    pub(super) hsts: bool,
}

/// Puts those headers of the app that may reach the client.
pub(super) fn app_headers<'h, I>(
    headers: I,
    may_pass: impl Fn(Kind) -> bool,
    mut put: impl FnMut(Name<'h>, &'h [u8]),
) -> Result<Given, ReplyFault>
where
    I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
{
    let mut given = Given::default();
    let has_connection = headers.clone().any(|(name, _)| name.is(Token::CONNECTION));
    for (name, value) in headers.clone() {
        if !is_name(name) {
            return Err(ReplyFault::BadHeaderName(name.as_bytes().escape_ascii().to_string()));
        }
        if !is_value(value) {
            return Err(ReplyFault::BadHeaderValue(name.as_bytes().escape_ascii().to_string()));
        }
        let kind = Kind::of(name);
        if !may_pass(kind) || (has_connection && kind == Kind::Other && is_named(headers.clone(), name)) {
            continue;
        }
        given.date |= kind == Kind::Date;
        given.server |= kind == Kind::Server;
        given.hsts |= kind == Kind::Hsts;
        put(name, trim(value));
    }
    Ok(given)
}

/// Puts those trailers of the app that may reach the client.
pub(super) fn app_trailers<'h>(
    trailers: impl Iterator<Item = (Name<'h>, &'h [u8])>,
    mut put: impl FnMut(Name<'h>, &'h [u8]),
) {
    for (name, value) in trailers {
        if is_name(name) && is_value(value) && trailers::is_allowed(name) {
            put(name, trim(value));
        }
    }
}

/// Whether a name may be passed on; what has a token surely may.
#[inline]
fn is_name(name: Name<'_>) -> bool {
    name.token().is_some() || is_token(name.as_bytes())
}

/// Framing and connection are ours to say; the rest is the app's.
pub(super) fn may_reach_client(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::ContentLength
            | Kind::TransferEncoding
            | Kind::Connection
            | Kind::Te
            | Kind::Upgrade
            | Kind::HopByHop
            | Kind::NamesFile
    )
}

/// Whether a Connection header of the app names this header.
fn is_named<'h>(mut headers: impl Iterator<Item = (Name<'h>, &'h [u8])>, name: Name<'_>) -> bool {
    headers.any(|(other, value)| other.is(Token::CONNECTION) && connection::names(value, name.as_bytes()))
}

fn status_line(out: &mut Vec<u8>, status: u16, reason: Option<&[u8]>) -> Result<(), ReplyFault> {
    if let (None, Some(line)) = (reason, usual_line(status)) {
        out.extend_from_slice(line.as_bytes());
        return Ok(());
    }
    let reason = reason.unwrap_or_default();
    if !is_value(reason) {
        return Err(ReplyFault::BadReason);
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, status.into());
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

#[inline]
fn header_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Takes back everything that `write` has appended if it fails or writes too much.
fn whole_or_nothing(
    out: &mut Vec<u8>,
    head_bytes_max: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), ReplyFault>,
) -> Result<(), ReplyFault> {
    let start = out.len();
    let mut result = write(out);
    if result.is_ok() && out.len() - start > head_bytes_max {
        result = Err(ReplyFault::HeadTooLarge);
    }
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Appends a number without the cost of `format!`.
pub fn decimal(out: &mut Vec<u8>, number: u64) {
    digits::<10>(out, number);
}

fn hexadecimal(out: &mut Vec<u8>, number: usize) {
    digits::<16>(out, number as u64);
}

fn digits<const BASE: u64>(out: &mut Vec<u8>, mut number: u64) {
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b"0123456789abcdef"[(number % BASE) as usize];
        number /= BASE;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}
