//! The request's half of an exchange: its head as one text, its body, its trailers.

use std::io::Write;
use std::net::IpAddr;

use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Either3, Null, Undefined};
use napi_derive::napi;
use swiftiply_connector::{Body, Endpoint, Name, Read, RequestHead, Scheme, Token, Version};

use crate::connector::Connector;
use crate::errors::{self, Result};

/// A piece of body, its end, or nothing yet.
type Piece<'env> = Either3<BufferSlice<'env>, Null, Undefined>;

#[napi]
impl Connector {
    /// At most `bytes_max` bytes of body; `null` at its end; `undefined` if there is none yet.
    #[napi]
    pub fn read<'env>(&self, env: &'env Env, id: f64, bytes_max: u32) -> Result<Piece<'env>> {
        let early = self.links.with(id, |exchange| Ok(std::mem::take(&mut exchange.early)))?;
        if !early.is_empty() {
            return buffer(env, &early);
        }
        match self.links.with(id, |exchange| Ok(exchange.request.try_read(bytes_max as usize)))? {
            Read::Data(data) => buffer(env, &data),
            Read::End => Ok(Either3::B(Null)),
            Read::Nothing | Read::Interrupted => Ok(Either3::C(())),
            Read::Failed(error) => Err(errors::read(error)),
        }
    }

    /// The trailers after the end of the body: names and values in turn.
    #[napi]
    pub fn trailers(&self, id: f64) -> Result<Vec<String>> {
        let trailers = self.links.with(id, |exchange| Ok(exchange.request.trailers()))?;
        let Some(trailers) = trailers else { return Ok(Vec::new()) };
        let pairs = trailers.as_headers().iter();
        Ok(pairs.flat_map(|(name, value)| [latin1(name.as_bytes()), latin1(value)]).collect())
    }
}

fn buffer<'env>(env: &'env Env, data: &[u8]) -> Result<Piece<'env>> {
    BufferSlice::copy_from(env, data).map(Either3::A).map_err(errors::node)
}

/// Each byte is the character of its number, as Node reads headers.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Stands before a header's name that has no number.
const LITERAL: u8 = 0x80;
/// Is added to the number of a name that came in lower case.
const LOWER_CASE: u8 = 0x80;

/// The names of headers by the numbers that heads have for them; empty where there is none.
#[napi]
pub fn header_names() -> Vec<String> {
    let mut names = vec![String::new(); 256];
    for token in Token::all() {
        names[usize::from(token.number())] = token.canonical().into();
        names[usize::from(token.number() | LOWER_CASE)] = token.lower().into();
    }
    names
}

/// The head as `head.js` describes it.
pub(crate) fn head_text(head: &RequestHead<Vec<u8>>) -> Vec<u8> {
    // The fields that stand apart, and what divides them, come on top of the head's own bytes.
    let mut text = Vec::with_capacity(head.as_bytes().len() + 128);
    text.extend_from_slice(head.method().as_bytes());
    text.push(0);
    text.extend_from_slice(head.path());
    if let Some(query) = head.query() {
        text.push(b'?');
        text.extend_from_slice(query);
    }
    text.push(0);
    put_endpoint(&mut text, head.peer());
    put_endpoint(&mut text, head.local());
    // To Node's `http` every request is one of HTTP/1; what the proxy carried over HTTP/2 looks like 1.1.
    text.push(if head.version() == Version::Http10 { b'0' } else { b'1' });
    text.push(if head.scheme() == Scheme::Https { b's' } else { b'-' });
    for (name, value) in head.headers().iter() {
        put_header(&mut text, name, value);
    }
    put_framing(&mut text, head);
    text
}

fn put_endpoint(text: &mut Vec<u8>, endpoint: Endpoint) {
    match endpoint.map(|endpoint| (endpoint.ip(), endpoint.port())) {
        None => text.push(0),
        Some((IpAddr::V4(ip), port)) => {
            for (n, octet) in ip.octets().into_iter().enumerate() {
                if n > 0 {
                    text.push(b'.');
                }
                put_decimal(text, octet.into());
            }
            text.push(0);
            put_decimal(text, port);
        }
        Some((IpAddr::V6(ip), port)) => {
            // Writing to a vector cannot fail.
            let _ = write!(text, "{ip}\0{port}");
        }
    }
    text.push(0);
}

/// The formatting of the standard library is several times as long a way, ten times a request.
fn put_decimal(text: &mut Vec<u8>, number: u16) {
    if number >= 10 {
        put_decimal(text, number / 10);
    }
    text.push(b'0' + (number % 10) as u8);
}

fn put_header(text: &mut Vec<u8>, name: Name<'_>, value: &[u8]) {
    let spelling = name.as_bytes();
    match name.token() {
        Some(token) if spelling == token.canonical().as_bytes() => text.push(token.number()),
        Some(token) if spelling == token.lower().as_bytes() => text.push(token.number() | LOWER_CASE),
        _ => {
            text.push(LITERAL);
            text.extend_from_slice(spelling);
            text.push(0);
        }
    }
    text.extend_from_slice(value);
    text.push(0);
}

/// Body parsers look for one of these two headers to know that there is a body at all, as in HTTP/1.1.
fn put_framing(text: &mut Vec<u8>, head: &RequestHead<Vec<u8>>) {
    let lacks = |token| head.headers().get(token).is_none();
    match head.body() {
        Body::Length(length) if lacks(Token::CONTENT_LENGTH) => {
            put_header(text, Token::CONTENT_LENGTH.into(), length.to_string().as_bytes());
        }
        Body::Unknown if lacks(Token::TRANSFER_ENCODING) => {
            put_header(text, Token::TRANSFER_ENCODING.into(), b"chunked")
        }
        _ => {}
    }
}
