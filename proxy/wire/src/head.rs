//! The two heads: a request's and a reply's, parsed, with typed fields; never HTTP text.
//!
//! Both are generic over what holds their bytes: the proxy reads a reply's head in place (`&[u8]`), a backend keeps its
//! request (`Vec<u8>`) for as long as the app wants to look at it.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::bytes::{Take, put_long};
use crate::headers::HeaderWriter;
use crate::{Headers, WireError};

/// The version of HTTP that the client spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
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

    fn number(self) -> u8 {
        match self {
            Self::Http10 => 10,
            Self::Http11 => 11,
            Self::Http2 => 20,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
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

/// One end of the client's connection. `None` where there is no Internet address (a Unix socket).
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

/// The fields of a request's head, for writing one.
#[derive(Debug, Clone, Copy)]
pub struct RequestFields<'a> {
    /// Any token.
    pub method: &'a [u8],
    /// Of the client's connection.
    pub scheme: Scheme,
    /// What the client spoke.
    pub version: Version,
    /// Host and optional port, as the client named them; empty if it named none (HTTP/1.0).
    pub authority: &'a [u8],
    /// Percent-encoded as it came, beginning with `/`; or `*`.
    pub path: &'a [u8],
    /// What follows `?`, if there was one.
    pub query: Option<&'a [u8]>,
    /// The client.
    pub peer: Endpoint,
    /// Where it connected to.
    pub local: Endpoint,
    /// What follows.
    pub body: Body,
}

/// A request's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead<B> {
    bytes: B,
    scheme: Scheme,
    version: Version,
    body: Body,
    peer: Endpoint,
    local: Endpoint,
    method_number: u8,
    method: Span,
    authority: Span,
    path: Span,
    query: Option<Span>,
    headers: Span,
    headers_count: u16,
}

impl RequestHead<Vec<u8>> {
    /// Appends the bytes of a head to `out`; `write_headers` appends its headers.
    #[inline]
    pub fn write(
        out: &mut Vec<u8>,
        fields: &RequestFields<'_>,
        write_headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) {
        out.push(fields.version.number());
        out.push((fields.scheme == Scheme::Https).into());
        put_body(out, fields.body);
        put_endpoint(out, fields.peer);
        put_endpoint(out, fields.local);
        let method = Method::new(fields.method);
        out.push(method.number);
        if method.number == 0 {
            put_long(out, method.name);
        }
        put_long(out, fields.authority);
        put_long(out, fields.path);
        out.push(fields.query.is_some().into());
        put_long(out, fields.query.unwrap_or_default());
        let mut headers = HeaderWriter::new(out);
        write_headers(&mut headers);
        headers.finish();
    }
}

impl<B: AsRef<[u8]>> RequestHead<B> {
    /// Reads a head from the payload of its frame. Bytes after the last field are left to later versions.
    ///
    /// # Errors
    /// [`WireError`] when a field is cut or impossible.
    pub fn read(bytes: B) -> Result<Self, WireError> {
        let mut from = Take::new(bytes.as_ref());
        let version =
            Version::from_number(from.u8("version")?).ok_or(WireError::BadValue { field: "version" })?;
        let scheme = match from.u8("scheme")? {
            0 => Scheme::Http,
            1 => Scheme::Https,
            _ => return Err(WireError::BadValue { field: "scheme" }),
        };
        let body = take_body(&mut from)?;
        let peer = take_endpoint(&mut from, "peer")?;
        let local = take_endpoint(&mut from, "local")?;
        let method_number = from.u8("method")?;
        let method = match usize::from(method_number) {
            0 => Span::of_long(&mut from, "method")?,
            n if n <= METHODS.len() => Span::EMPTY,
            _ => return Err(WireError::BadValue { field: "method" }),
        };
        let authority = Span::of_long(&mut from, "authority")?;
        let path = Span::of_long(&mut from, "path")?;
        let has_query = from.u8("query")? != 0;
        let query = Span::of_long(&mut from, "query")?;
        let headers_start = from.position() + 2;
        let headers = Headers::take(&mut from)?;
        let headers_count = headers.len() as u16;
        let headers = Span::new(headers_start..headers_start + headers.block().len());
        Ok(Self {
            scheme,
            version,
            body,
            peer,
            local,
            method_number,
            method,
            authority,
            path,
            query: has_query.then_some(query),
            headers,
            headers_count,
            bytes,
        })
    }

    /// The method.
    #[inline]
    pub fn method(&self) -> Method<'_> {
        let name = match self.method_number {
            0 => self.method.of(&self.bytes),
            number => METHODS[usize::from(number) - 1].as_bytes(),
        };
        Method { number: self.method_number, name }
    }

    /// Of the client's connection.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What the client spoke.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Host and optional port as the client named them, or empty.
    pub fn authority(&self) -> &[u8] {
        self.authority.of(&self.bytes)
    }

    /// Percent-encoded, beginning with `/`; or `*`.
    pub fn path(&self) -> &[u8] {
        self.path.of(&self.bytes)
    }

    /// What follows `?`, if there was one.
    pub fn query(&self) -> Option<&[u8]> {
        self.query.map(|span| span.of(&self.bytes))
    }

    /// The client's address.
    pub fn peer(&self) -> Endpoint {
        self.peer
    }

    /// Where the client connected to.
    pub fn local(&self) -> Endpoint {
        self.local
    }

    /// What follows the head.
    pub fn body(&self) -> Body {
        self.body
    }

    /// The headers.
    #[inline]
    pub fn headers(&self) -> Headers<'_> {
        Headers::checked(self.headers_count, self.headers.of(&self.bytes))
    }

    /// The bytes that it was read from.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The same head with bytes of its own.
    pub fn to_owned_head(&self) -> RequestHead<Vec<u8>> {
        let Self { scheme, version, body, peer, local, method_number, .. } = *self;
        let Self { method, authority, path, query, headers, headers_count, .. } = *self;
        let bytes = self.bytes.as_ref().to_vec();
        RequestHead {
            bytes,
            scheme,
            version,
            body,
            peer,
            local,
            method_number,
            method,
            authority,
            path,
            query,
            headers,
            headers_count,
        }
    }
}

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

/// A place in a head's bytes. Frames are far below 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const EMPTY: Span = Span { start: 0, end: 0 };

    fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    fn of_long(from: &mut Take<'_>, field: &'static str) -> Result<Self, WireError> {
        let start = from.position() + 2;
        let bytes = from.long(field)?;
        Ok(Self::new(start..start + bytes.len()))
    }

    #[inline]
    fn of(self, bytes: &impl AsRef<[u8]>) -> &[u8] {
        &bytes.as_ref()[self.start as usize..self.end as usize]
    }
}

fn put_body(out: &mut Vec<u8>, body: Body) {
    let (kind, length) = match body {
        Body::None => (0, 0),
        Body::Length(n) => (1, n),
        Body::Unknown => (2, 0),
    };
    out.push(kind);
    out.extend_from_slice(&u64::to_be_bytes(length));
}

fn take_body(from: &mut Take<'_>) -> Result<Body, WireError> {
    let kind = from.u8("body")?;
    let length = from.u64("body length")?;
    match kind {
        0 => Ok(Body::None),
        1 => Ok(Body::Length(length)),
        2 => Ok(Body::Unknown),
        _ => Err(WireError::BadValue { field: "body" }),
    }
}

fn put_endpoint(out: &mut Vec<u8>, endpoint: Endpoint) {
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

fn take_endpoint(from: &mut Take<'_>, field: &'static str) -> Result<Endpoint, WireError> {
    let ip: IpAddr = match from.u8(field)? {
        0 => return Ok(None),
        4 => from.array::<4>(field)?.into(),
        6 => from.array::<16>(field)?.into(),
        _ => return Err(WireError::BadValue { field }),
    };
    Ok(Some(SocketAddr::new(ip, from.u16(field)?)))
}
