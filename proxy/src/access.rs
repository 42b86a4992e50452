//! The access log: one line per request, in nginx's `combined` format with four more fields.
//!
//! ```text
//! 127.0.0.1 - - [23/Nov/2026:10:21:07 +0000] "GET /a?b HTTP/1.1" 200 13 "-" "curl/8.0" site=example.com backend=4711@web1 waited=0.000 took=0.002
//! ```
//! Times are UTC; `waited` and `took` are seconds, in the queue and in all. Status 499 is a client that left before its
//! reply. What a client sent is escaped as `\xHH` where it could be mistaken for something else.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::http::{Head, decimal};
use crate::link::Link;
use crate::logging::AccessWriter;
use crate::shard::SiteHere;

/// Bytes of lines that a shard gathers before it hands them to the writing thread; a tick hands over earlier.
const GATHERED_BYTES: usize = 16 * 1024;

/// Bytes of one field that a client controls, at most: a line stays a line.
const FIELD_BYTES_MAX: usize = 2048;

/// Bytes of what a request says of itself; more grows.
const LINE_BYTES_USUAL: usize = 256;

/// One shard's end of the access log.
#[derive(Debug)]
pub struct AccessLog {
    writer: Option<AccessWriter>,
    gathered: RefCell<Vec<u8>>,
    time: RefCell<Time>,
}

/// What a request said of itself, written down while its head was there.
#[derive(Debug)]
pub struct RequestLine {
    text: Vec<u8>,
    /// Where the request line ends in `text`; after it stand referer and agent, quoted.
    line_bytes: usize,
}

/// What became of a request.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Where it went.
    pub site: Option<Rc<SiteHere>>,
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
    /// What it asked for.
    pub request: &'a RequestLine,
    /// What it got.
    pub outcome: &'a Outcome,
    /// From the end of the head to the end of the reply.
    pub took: Duration,
}

impl RequestLine {
    /// Of this head.
    pub fn new(head: &Head<'_>) -> Self {
        let mut text = Vec::with_capacity(LINE_BYTES_USUAL);
        escape(&mut text, head.method.as_bytes());
        text.push(b' ');
        escape(&mut text, head.target.path.as_bytes());
        if let Some(query) = head.target.query {
            text.push(b'?');
            escape(&mut text, query.as_bytes());
        }
        text.push(b' ');
        text.extend_from_slice(head.version.as_str().as_bytes());
        let line_bytes = text.len();
        for wanted in ["referer", "user-agent"] {
            let value = head.headers().find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
            text.extend_from_slice(b" \"");
            escape(&mut text, value.map_or(b"-", |(_, value)| value));
            text.push(b'"');
        }
        Self { text, line_bytes }
    }

    /// Of a request whose head could not be read.
    pub fn unreadable() -> Self {
        Self { text: b"- \"-\" \"-\"".to_vec(), line_bytes: 1 }
    }

    /// Method, target and version.
    pub fn line(&self) -> &str {
        // Escaped text is ASCII.
        std::str::from_utf8(&self.text[..self.line_bytes]).unwrap_or("-")
    }
}

impl AccessLog {
    /// Writes to this, or nowhere.
    pub fn new(writer: Option<AccessWriter>) -> Self {
        Self { writer, gathered: RefCell::default(), time: RefCell::new(Time::now()) }
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
        let (line, rest) = self.request.text.split_at(self.request.line_bytes);
        let Outcome { site, backend, status, body_bytes, waited } = self.outcome;
        let put = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        put(out, self.peer);
        put(out, " - - [");
        put(out, &time.text);
        put(out, "] \"");
        out.extend_from_slice(line);
        put(out, "\" ");
        decimal(out, (*status).into());
        put(out, " ");
        decimal(out, *body_bytes);
        out.extend_from_slice(rest);
        put(out, " site=");
        put(out, site.as_ref().map_or("-", |site| site.name()));
        put(out, " backend=");
        put(out, backend.as_ref().map_or("-", |link| &link.name));
        put(out, " waited=");
        seconds(out, *waited);
        put(out, " took=");
        seconds(out, self.took);
        put(out, "\n");
    }
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
