//! The single fields that heads are made of, and their bytes.

use std::net::{IpAddr, SocketAddr};

use crate::WireError;
use crate::bytes::Take;

/// The version of HTTP that the client spoke.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As servers name it: `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Http10 => 10,
            Self::Http11 => 11,
            Self::Http2 => 20,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Http10, Self::Http11, Self::Http2].into_iter().find(|version| version.number() == number)
    }
}

/// Whether the client came over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// Bytes until the stream's end says so (`Transfer-Encoding: chunked` outside).
    Unknown,
}

impl Body {
    /// The length, if it is known.
    pub fn length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(n) => Some(n),
            Self::Unknown => None,
        }
    }
}

/// One end of the client's connection. `None` where there is no Internet address (a Unix socket). Address and port
/// travel; the scope and flow label of an IPv6 address mean nothing on another machine and do not.
pub type Endpoint = Option<SocketAddr>;

/// A request's method: its number if it is a common one, and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method<'a> {
    number: u8,
    name: &'a [u8],
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

impl<'a> Method<'a> {
    /// The method with this name; methods are case-sensitive (RFC 9110 section 9.1).
    #[inline]
    pub fn new(name: &'a [u8]) -> Self {
        let known = METHODS.iter().position(|known| known.as_bytes() == name);
        Self { number: known.map_or(0, |index| index as u8 + 1), name }
    }

    /// The common method with this number, if there is one.
    #[inline]
    pub(crate) fn from_number(number: u8) -> Option<Method<'static>> {
        let name = METHODS.get(usize::from(number).checked_sub(1)?)?;
        Some(Method { number, name: name.as_bytes() })
    }

    /// The common methods in the order of their numbers, from 1.
    pub fn common() -> [&'static str; 7] {
        METHODS
    }

    /// Its number on the wire, from 1, or zero when it is not a common method.
    #[inline]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Its name.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.name
    }

    /// Whether running it twice is as good as once (RFC 9110 section 9.2.2), of the methods that we know.
    pub fn is_idempotent(&self) -> bool {
        matches!(self.name, b"GET" | b"HEAD" | b"PUT" | b"DELETE" | b"OPTIONS")
    }
}

pub(crate) fn put_body(out: &mut Vec<u8>, body: Body) {
    let (kind, length) = match body {
        Body::None => (0, 0),
        Body::Length(n) => (1, n),
        Body::Unknown => (2, 0),
    };
    out.push(kind);
    out.extend_from_slice(&u64::to_be_bytes(length));
}

pub(crate) fn take_body(from: &mut Take<'_>) -> Result<Body, WireError> {
    let kind = from.u8("body")?;
    let length = from.u64("body length")?;
    match kind {
        1 => Ok(Body::Length(length)),
        0 | 2 if length != 0 => Err(WireError::BadValue { field: "body length" }),
        0 => Ok(Body::None),
        2 => Ok(Body::Unknown),
        _ => Err(WireError::BadValue { field: "body" }),
    }
}

pub(crate) fn put_endpoint(out: &mut Vec<u8>, endpoint: Endpoint) {
    let Some(address) = endpoint else {
        out.push(0);
        return;
    };
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&address.port().to_be_bytes());
}

pub(crate) fn take_endpoint(from: &mut Take<'_>, field: &'static str) -> Result<Endpoint, WireError> {
    let ip: IpAddr = match from.u8(field)? {
        0 => return Ok(None),
        4 => from.array::<4>(field)?.into(),
        6 => from.array::<16>(field)?.into(),
        _ => return Err(WireError::BadValue { field }),
    };
    Ok(Some(SocketAddr::new(ip, from.u16(field)?)))
}
