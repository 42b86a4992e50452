//! A request's head, parsed, with typed fields; never HTTP text.
//!
//! It is generic over what holds its bytes: the proxy and the connector read it in place (`&[u8]`), a backend keeps it
//! (`Vec<u8>`) for as long as the app wants to look at it.

use crate::bytes::{Span, Take, put_long};
use crate::fields::{put_body, put_endpoint, take_body, take_endpoint};
use crate::headers::HeaderWriter;
use crate::{Body, Endpoint, Headers, Method, Scheme, Version, WireError};

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
    ///
    /// # Panics
    /// When a text is longer than 65,535 bytes. Whoever fills `fields` from a client has kept the request line within
    /// [`crate::limits::HEAD_BYTES_MAX`].
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
        out.push(method.number());
        if method.number() == 0 {
            put_long(out, method.as_bytes());
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
        let (method_number, method) = take_method(&mut from)?;
        let authority = Span::of_long(&mut from, "authority")?;
        let path = take_path(&mut from)?;
        let query = take_query(&mut from)?;
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
            query,
            headers,
            headers_count,
            bytes,
        })
    }

    /// The method.
    #[inline]
    pub fn method(&self) -> Method<'_> {
        Method::from_number(self.method_number).unwrap_or_else(|| Method::new(self.method.of(&self.bytes)))
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

/// A common method as its number, any other as its name. A common one may be spelled out; it is common all the same.
fn take_method(from: &mut Take<'_>) -> Result<(u8, Span), WireError> {
    let field = "method";
    let number = from.u8(field)?;
    if number != 0 {
        Method::from_number(number).ok_or(WireError::BadValue { field })?;
        return Ok((number, Span::EMPTY));
    }
    let start = from.position() + 2;
    let name = from.long(field)?;
    if name.is_empty() {
        return Err(WireError::BadValue { field });
    }
    Ok((Method::new(name).number(), Span::new(start..start + name.len())))
}

fn take_path(from: &mut Take<'_>) -> Result<Span, WireError> {
    let start = from.position() + 2;
    let path = from.long("path")?;
    if path.first() != Some(&b'/') && path != b"*" {
        return Err(WireError::BadValue { field: "path" });
    }
    Ok(Span::new(start..start + path.len()))
}

fn take_query(from: &mut Take<'_>) -> Result<Option<Span>, WireError> {
    let field = "query";
    let there = from.u8(field)?;
    let query = Span::of_long(from, field)?;
    match there {
        1 => Ok(Some(query)),
        0 if query.is_empty() => Ok(None),
        _ => Err(WireError::BadValue { field }),
    }
}
