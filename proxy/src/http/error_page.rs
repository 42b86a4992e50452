//! Our own answers.

use std::borrow::Cow;

use bytes::Bytes;
use http_types::header::{self, HeaderValue};
use http_types::{Response, StatusCode};
use swiftiply_wire::Version;

use super::date::DateLine;
use super::hsts::Hsts;
use super::refusal::Refusal;
use super::status::reason_phrase;

/// Methods named with a 405: CONNECT and TRACE are the only ones that this server itself refuses.
const ALLOW: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A final reply that comes from us and not from an app: one line of plain text.
#[derive(Debug, Clone, Copy)]
pub struct ErrorPage<'a> {
    /// 301, 308, or 400 to 599.
    pub status: u16,
    /// One sentence for whoever reads the reply.
    pub explanation: &'a str,
    /// Seconds after which to try again, with 503 and 429.
    pub retry_after: Option<u32>,
    /// Whether the connection closes after it.
    pub close: bool,
    /// Whether the request was a HEAD: the body is announced and not sent.
    pub head_only: bool,
    /// The version of the request, for the Connection header.
    pub version: Version,
    /// The site's own page in place of the sentence: its type and its content.
    pub page: Option<(&'a str, &'a [u8])>,
    /// Where the client is sent, with 301 and 308.
    pub location: Option<&'a str>,
    /// What it is told about TLS.
    pub hsts: Option<Hsts>,
}

impl From<Refusal> for ErrorPage<'static> {
    /// The answer to a message that could not be read. Of its method nothing is known.
    fn from(refusal: Refusal) -> Self {
        Self {
            status: refusal.status(),
            explanation: refusal.explain(),
            retry_after: None,
            close: true,
            head_only: false,
            version: Version::Http11,
            page: None,
            location: None,
            hsts: None,
        }
    }
}

impl ErrorPage<'_> {
    /// Appends head and body to `out`. It is never to be cached: several of these statuses would be (RFC 9110
    /// section 15.1).
    pub fn render(&self, out: &mut Vec<u8>, date: &DateLine) {
        let (kind, body) = self.content();
        self.render_head(out, kind, body.len(), date);
        if !self.head_only {
            out.extend_from_slice(&body);
        }
    }

    /// The same for HTTP/2: head and body.
    pub fn fields(&self, date: &DateLine) -> (Response<()>, Bytes) {
        let (kind, body) = self.content();
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let fields = head.headers_mut();
        fields.insert(header::SERVER, HeaderValue::from_static("swiftiply"));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(kind) = HeaderValue::from_str(kind) {
            fields.insert(header::CONTENT_TYPE, kind);
        }
        fields.insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(seconds) = self.retry_after {
            fields.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == 405 {
            fields.insert(header::ALLOW, HeaderValue::from_static(ALLOW));
        }
        if let Some(location) = self.location.and_then(|location| HeaderValue::from_str(location).ok()) {
            fields.insert(header::LOCATION, location);
        }
        if let Some(hsts) = self.hsts.and_then(|hsts| HeaderValue::try_from(hsts.to_string()).ok()) {
            fields.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        if let Ok(date) = HeaderValue::from_bytes(date.value()) {
            fields.insert(header::DATE, date);
        }
        (head, if self.head_only { Bytes::new() } else { body.into_owned().into() })
    }

    /// Its type, and what it says.
    fn content(&self) -> (&str, Cow<'_, [u8]>) {
        if let Some((kind, body)) = self.page {
            return (kind, body.into());
        }
        let sentence = format!("{} {}\n\n{}\n", self.status, reason_phrase(self.status), self.explanation);
        ("text/plain; charset=utf-8", sentence.into_bytes().into())
    }

    fn render_head(&self, out: &mut Vec<u8>, kind: &str, body_bytes: usize, date: &DateLine) {
        let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
        put(&format!("HTTP/1.1 {} {}\r\n", self.status, reason_phrase(self.status)));
        put("Server: swiftiply\r\nCache-Control: no-store\r\n");
        put(&format!("Content-Type: {kind}\r\nContent-Length: {body_bytes}\r\n"));
        if let Some(seconds) = self.retry_after {
            put(&format!("Retry-After: {seconds}\r\n"));
        }
        if self.status == 405 {
            put(&format!("Allow: {ALLOW}\r\n"));
        }
        if let Some(location) = self.location {
            put(&format!("Location: {location}\r\n"));
        }
        if self.close {
            put("Connection: close\r\n");
        } else if self.version == Version::Http10 {
            put("Connection: keep-alive\r\n");
        }
        if let Some(hsts) = self.hsts {
            hsts.line(out);
        }
        out.extend_from_slice(date.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
