//! A request's head: from the client's bytes to typed fields.

use std::mem::MaybeUninit;

use arrayvec::ArrayVec;
use swiftiply_wire::{Name, Version};

use super::authority::Authority;
use super::connection::{self, ConnectionOptions};
use super::diagnosis;
use super::field::{Kind, has_underscore, list};
use super::framing::Framing;
use super::limits::{HEADERS_ROOM, Limits};
use super::refusal::Refusal;
use super::scan::HeadScan;
use super::target::Target;

/// Reads one request's head after the other from a client's buffer.
#[derive(Debug, Default, Clone)]
pub struct HeadParser {
    scan: HeadScan,
}

impl HeadParser {
    /// Reads the head at the beginning of `buf`. `None` means: not yet, call again with the same bytes and more behind
    /// them. With the head comes how many bytes it took; its body or the next request begins there.
    ///
    /// No byte is searched twice, however the head is cut, and nothing is allocated (but for a host name that is not
    /// in lower case). A refusal is final: answer it and close.
    ///
    /// # Errors
    /// [`Refusal`] as soon as it is certain, also for an incomplete head.
    pub fn parse<'h, 'b: 'h>(
        &mut self,
        buf: &'b [u8],
        limits: &Limits,
        room: &'h mut HeaderRoom<'b>,
    ) -> Result<Option<(usize, Head<'h>)>, Refusal> {
        let Some((start, end)) = self.scan.find(buf, limits)? else {
            return Ok(None);
        };
        self.scan = HeadScan::default();
        let head = Head::read(&buf[start..end], room)?;
        Ok(Some((end, head)))
    }

    /// Whether a request line has begun to arrive: the connection is no longer idle, and the client owes us the rest.
    /// Stray empty lines between requests do not count.
    pub fn has_begun(&self) -> bool {
        self.scan.has_begun()
    }
}

/// Room for the headers of one head. It is large and costs nothing to make: keep it on the stack of a plain function,
/// not across an `await`.
pub struct HeaderRoom<'b> {
    lexed: [MaybeUninit<httparse::Header<'b>>; HEADERS_ROOM],
    pub(super) headers: ArrayVec<Header<'b>, HEADERS_ROOM>,
}

/// One header, with what it means to us.
#[derive(Debug)]
pub(super) struct Header<'b> {
    pub(super) kind: Kind,
    pub(super) name: Name<'b>,
    pub(super) value: &'b [u8],
}

impl HeaderRoom<'_> {
    /// Empty room.
    #[inline]
    pub fn new() -> Self {
        Self { lexed: [const { MaybeUninit::uninit() }; HEADERS_ROOM], headers: ArrayVec::new() }
    }
}

impl Default for HeaderRoom<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// A request's head that every reader would understand in the same way.
#[derive(Debug)]
pub struct Head<'h> {
    /// Any token but CONNECT and TRACE; case matters.
    pub method: &'h str,
    /// Path and query.
    pub target: Target<'h>,
    /// HTTP/1.0, HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// From an absolute target, else from the Host header. Only an HTTP/1.0 request may have none.
    pub authority: Option<Authority<'h>>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the client would send another request on this connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body (not in HTTP/1.0, and with a body only).
    pub expect_continue: bool,
    /// The protocol that the client offers to change to (RFC 9110 section 7.8; HTTP/1.1 only). Never `h2c`: it would
    /// open a way past this parser.
    pub upgrade: Option<&'h [u8]>,
    /// The client says that it takes trailers (`TE: trailers`; not in HTTP/1.0).
    pub te_trailers: bool,
    /// How many headers were dropped because of an underscore in the name: as `HTTP_A_B` an app could not tell
    /// `A_B` from `A-B` (CVE-2015-7519).
    pub underscored: usize,
    pub(super) headers: &'h [Header<'h>],
}

impl<'h> Head<'h> {
    /// Every header as it came (but those with an underscore), in order: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
        self.headers.iter().map(|header| (header.name.as_bytes(), header.value))
    }

    /// Reads a whole head; [`HeadScan`] has checked its line ends and size.
    fn read<'b: 'h>(bytes: &'b [u8], room: &'h mut HeaderRoom<'b>) -> Result<Self, Refusal> {
        let mut lexed = httparse::Request::new(&mut []);
        if let Err(error) = lexed.parse_with_uninit_headers(bytes, &mut room.lexed) {
            return Err(diagnosis::of(bytes, error));
        }
        let (Some(method), Some(text), Some(minor)) = (lexed.method, lexed.path, lexed.version) else {
            return Err(Refusal::BadRequestLine);
        };
        let target = Target::parse(method, text)?;
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };

        let mut seen = Seen::default();
        let lines = lexed.headers.iter().map(|line| (line.name.as_bytes(), line.value));
        seen.sort(lines, &mut room.headers)?;
        if seen.connection.names_headers {
            mark_named(&mut room.headers);
        }
        let framing = Framing::decide(version, seen.content_length, seen.transfer_encoding)?;
        Ok(Self {
            method,
            target,
            version,
            authority: seen.authority(version, &target)?,
            framing,
            keep_alive: seen.keep_alive(version),
            expect_continue: seen.expect_continue(version, framing)?,
            upgrade: seen.upgrade(version),
            te_trailers: seen.te_trailers && version == Version::Http11,
            underscored: seen.underscored,
            headers: &room.headers,
        })
    }
}

/// What the headers say, gathered in one pass.
#[derive(Default)]
pub(super) struct Seen<'h> {
    pub(super) host: Option<&'h [u8]>,
    pub(super) content_length: Option<&'h [u8]>,
    transfer_encoding: Option<&'h [u8]>,
    content_type: Option<&'h [u8]>,
    connection: ConnectionOptions,
    upgrade: Option<&'h [u8]>,
    upgrades: usize,
    expects: usize,
    expects_other: bool,
    pub(super) te_trailers: bool,
    pub(super) underscored: usize,
}

impl<'h> Seen<'h> {
    /// Takes note of each header, and keeps those that stay.
    pub(super) fn sort(
        &mut self,
        lines: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        kept: &mut ArrayVec<Header<'h>, HEADERS_ROOM>,
    ) -> Result<(), Refusal> {
        kept.clear();
        for (name, value) in lines {
            let name = Name::new(name);
            // No name that has a token has one.
            if name.token().is_none() && has_underscore(name.as_bytes()) {
                self.underscored += 1;
                continue;
            }
            let kind = Kind::of(name);
            self.note(kind, value)?;
            kept.push(Header { kind, name, value });
        }
        Ok(())
    }

    fn note(&mut self, kind: Kind, value: &'h [u8]) -> Result<(), Refusal> {
        match kind {
            Kind::Host => once(&mut self.host, value, Refusal::RepeatedHost),
            Kind::ContentLength => once(&mut self.content_length, value, Refusal::RepeatedContentLength),
            Kind::ContentType => once(&mut self.content_type, value, Refusal::RepeatedContentType),
            Kind::TransferEncoding => once(&mut self.transfer_encoding, value, Refusal::RepeatedCoding),
            Kind::Connection => self.connection.note(value),
            Kind::Upgrade => {
                self.upgrade = Some(value);
                self.upgrades += 1;
                Ok(())
            }
            Kind::Expect => {
                self.expects += 1;
                self.expects_other |= !value.eq_ignore_ascii_case(b"100-continue");
                Ok(())
            }
            Kind::Te => {
                self.te_trailers |= list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The Host header must be there in HTTP/1.1 and valid, even where an absolute target replaces it
    /// (RFC 9112 section 3.2).
    fn authority(&self, version: Version, target: &Target<'h>) -> Result<Option<Authority<'h>>, Refusal> {
        let host = match self.host {
            Some(value) => Some(Authority::parse(value)?),
            None if version == Version::Http10 => None,
            None => return Err(Refusal::MissingHost),
        };
        match target.authority {
            Some(text) => Authority::parse(text.as_bytes()).map(Some),
            None => Ok(host),
        }
    }

    /// RFC 9112 section 9.3.
    fn keep_alive(&self, version: Version) -> bool {
        !self.connection.close && (version == Version::Http11 || self.connection.keep_alive)
    }

    /// An expectation of HTTP/1.0, or without a body to wait for, is ignored (RFC 9110 section 10.1.1).
    pub(super) fn expect_continue(&self, version: Version, framing: Framing) -> Result<bool, Refusal> {
        if self.expects_other {
            return Err(Refusal::UnknownExpectation);
        }
        let has_body = !matches!(framing, Framing::None | Framing::Length(0));
        Ok(self.expects > 0 && version != Version::Http10 && has_body)
    }

    /// Several Upgrade headers are a choice that we need not offer: the request is served without.
    fn upgrade(&self, version: Version) -> Option<&'h [u8]> {
        let value = self.upgrade.filter(|value| !value.is_empty())?;
        let is_offered = version == Version::Http11 && self.connection.upgrade && self.upgrades == 1;
        let offers_h2c = list(value).any(|protocol| protocol.eq_ignore_ascii_case(b"h2c"));
        (is_offered && !offers_h2c).then_some(value)
    }
}

fn once<'h>(slot: &mut Option<&'h [u8]>, value: &'h [u8], otherwise: Refusal) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(otherwise),
    }
}

/// Marks the headers that a Connection header names. Those that we know are not marked: the hop-by-hop ones go anyway,
/// and the others must not be lost between a proxy before us, which may have set them, and the app.
fn mark_named(headers: &mut [Header<'_>]) {
    for index in 0..headers.len() {
        if headers[index].kind == Kind::Other {
            let name = headers[index].name.as_bytes();
            let is_named = headers
                .iter()
                .any(|other| other.kind == Kind::Connection && connection::names(other.value, name));
            if is_named {
                headers[index].kind = Kind::Named;
            }
        }
    }
}
