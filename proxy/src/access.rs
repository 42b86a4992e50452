//! The access log: one line per request, in nginx's `combined` format with four more fields.
//!
//! ```text
//! 127.0.0.1 - - [23/Nov/2026:10:21:07 +0000] "GET /a?b HTTP/1.1" 200 13 "-" "curl/8.0" site=example.com backend=4711@web1 waited=0.000 took=0.002
//! ```
//! A pool with a path prefix is a `site=example.com/prefix`. Times are UTC; `waited` and `took` are seconds, in the queue and in all. Status 499 is a client that left before its
//! reply. What a client sent is escaped as `\xHH` where it could be mistaken for something else.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use swiftiply_wire::{RequestHead, Token, Version};

use crate::http::decimal;
use crate::link::Link;
use crate::logging::AccessWriter;

/// Bytes of lines that a shard gathers before it hands them to the writing thread; a tick hands over earlier.
const GATHERED_BYTES: usize = 16 * 1024;

/// Bytes of one field that a client controls, at most: a line stays a line.
const FIELD_BYTES_MAX: usize = 2048;

/// One shard's end of the access log.
#[derive(Debug)]
pub struct AccessLog {
    writer: Option<AccessWriter>,
    gathered: RefCell<Vec<u8>>,
    time: RefCell<Time>,
}

/// What became of a request.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The backend that had it last.
    pub backend: Option<Rc<Link>>,
    /// Of the reply, 499 if the client left before.
    pub status: u16,
    /// Bytes of the reply's body.
    pub body_bytes: u64,
    /// In the queue.
    pub waited: Duration,
}

/// One line.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The client's address.
    pub peer: &'a str,
    /// What it asked for, as the link carries it; empty if that could not be read.
    pub head: &'a [u8],
    /// The pool that it went to, or the site if it got no further.
    pub site: Option<&'a str>,
    /// What it got.
    pub outcome: &'a Outcome,
    /// From the end of the head to the end of the reply.
    pub took: Duration,
}

/// Method, target and version of a request, for a message.
pub fn request_line(head: &[u8]) -> String {
    let mut line = Vec::new();
    if let Ok(head) = RequestHead::read(head) {
        put_request_line(&mut line, &head);
    }
    // Escaped text is ASCII.
    String::from_utf8(line).unwrap_or_default()
}

impl AccessLog {
    /// Writes to this, or nowhere.
    pub fn new(writer: Option<AccessWriter>) -> Self {
        Self { writer, gathered: RefCell::default(), time: RefCell::new(Time::now()) }
    }

    /// The time, if anybody wants to know how long requests take.
    #[inline]
    pub fn clock(&self) -> Option<Instant> {
        self.writer.as_ref().map(|_| Instant::now())
    }

    /// Notes a finished request.
    pub fn note(&self, entry: &Entry<'_>) {
        let Some(writer) = &self.writer else { return };
        let mut gathered = self.gathered.borrow_mut();
        entry.write(&mut gathered, &self.time.borrow());
        if gathered.len() >= GATHERED_BYTES {
            writer.append(&gathered);
            gathered.clear();
        }
    }

    /// Hands over what was gathered; the time of the next lines is the present one.
    pub fn tick(&self) {
        let Some(writer) = &self.writer else { return };
        self.time.borrow_mut().update();
        let mut gathered = self.gathered.borrow_mut();
        if !gathered.is_empty() {
            writer.append(&gathered);
            gathered.clear();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.tick();
    }
}

impl Entry<'_> {
    fn write(&self, out: &mut Vec<u8>, time: &Time) {
        let head = RequestHead::read(self.head).ok();
        let Outcome { backend, status, body_bytes, waited } = self.outcome;
        let put = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        put(out, self.peer);
        put(out, " - - [");
        put(out, &time.text);
        put(out, "] \"");
        match &head {
            Some(head) => put_request_line(out, head),
            None => put(out, "-"),
        }
        put(out, "\" ");
        decimal(out, (*status).into());
        put(out, " ");
        decimal(out, *body_bytes);
        for told in [Token::REFERER, Token::USER_AGENT] {
            put(out, " \"");
            escape(out, head.as_ref().and_then(|head| head.headers().get(told)).unwrap_or(b"-"));
            put(out, "\"");
        }
        put(out, " site=");
        put(out, self.site.unwrap_or("-"));
        put(out, " backend=");
        put(out, backend.as_ref().map_or("-", |link| &link.name));
        put(out, " waited=");
        seconds(out, *waited);
        put(out, " took=");
        seconds(out, self.took);
        put(out, "\n");
    }
}

fn put_request_line(out: &mut Vec<u8>, head: &RequestHead<&[u8]>) {
    escape(out, head.method().as_bytes());
    out.push(b' ');
    escape(out, head.path());
    if let Some(query) = head.query() {
        out.push(b'?');
        escape(out, query);
    }
    out.push(b' ');
    // As other servers write it in their logs; to an app it is `HTTP/2`.
    out.extend_from_slice(match head.version() {
        Version::Http2 => b"HTTP/2.0",
        other => other.as_str().as_bytes(),
    });
}

/// Seconds with three decimals, rounded to the nearest.
fn seconds(out: &mut Vec<u8>, time: Duration) {
    let millis = (time.as_micros() as u64 + 500) / 1000;
    decimal(out, millis / 1000);
    let fraction = millis % 1000;
    let digit = |n: u64| b'0' + (n % 10) as u8;
    out.extend_from_slice(&[b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)]);
}

/// `23/Nov/2026:10:21:07 +0000`, formatted once a second.
#[derive(Debug)]
struct Time {
    second: u64,
    text: String,
}

impl Time {
    fn now() -> Self {
        let mut time = Self { second: u64::MAX, text: String::new() };
        time.update();
        time
    }

    fn update(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second {
            // `Sun, 06 Nov 1994 08:49:37 GMT`, in another order.
            let date = httpdate::fmt_http_date(now);
            self.text = format!("{}/{}/{}:{} +0000", &date[5..7], &date[8..11], &date[12..16], &date[17..25]);
            self.second = second;
        }
    }
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in &bytes[..bytes.len().min(FIELD_BYTES_MAX)] {
        match byte {
            b'"' | b'\\' | ..=0x1f | 0x7f.. => {
                let _ = write!(out, "\\x{byte:02X}");
            }
            _ => out.push(byte),
        }
    }
}
