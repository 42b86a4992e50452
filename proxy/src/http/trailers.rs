//! Trailers: headers after a body (RFC 9112 section 7.1.2; RFC 9113 section 8.1).

use http_types::HeaderMap;
use swiftiply_wire::Name;

use super::diagnosis;
use super::field::{Kind, has_underscore};
use super::limits::{Limits, TRAILERS_ROOM};
use super::refusal::Refusal;

/// The trailers of one body: name and value of each, in order. They stay apart from the headers for good
/// (RFC 9110 section 6.5.1).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Trailers(Vec<Trailer>);

type Trailer = (Box<[u8]>, Box<[u8]>);

impl Trailers {
    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are none, as is nearly always so.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of a stream of HTTP/2.
    ///
    /// # Errors
    /// [`Refusal`] if they are too many or too large.
    pub fn of_stream(fields: &HeaderMap, limits: &Limits) -> Result<Self, Refusal> {
        if fields.len() > limits.trailers_max.min(TRAILERS_ROOM) {
            return Err(Refusal::TooManyTrailers);
        }
        let bytes = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
        if bytes.sum::<usize>() > limits.trailer_bytes_max {
            return Err(Refusal::TrailersTooLarge);
        }
        let fields = fields.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        let allowed = fields.filter(|(name, _)| is_allowed(Name::new(name)));
        Ok(Self(allowed.map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Gathers a trailer section up to its empty line.
#[derive(Debug, Default)]
pub(super) struct TrailerReader {
    section: Vec<u8>,
    line_start: usize,
    lines: usize,
    trailers: Trailers,
}

impl TrailerReader {
    /// Takes bytes of the section; gives how many, and whether it is complete.
    pub(super) fn read(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, bool), Refusal> {
        let mut used = 0;
        while used < input.len() {
            let line_feed = memchr::memchr(b'\n', &input[used..]);
            let end = line_feed.map_or(input.len(), |offset| used + offset + 1);
            if self.section.len() + (end - used) > limits.trailer_bytes_max {
                return Err(Refusal::TrailersTooLarge);
            }
            self.section.extend_from_slice(&input[used..end]);
            used = end;
            if line_feed.is_some() && self.end_line(limits)? {
                self.finish()?;
                return Ok((used, true));
            }
        }
        Ok((used, false))
    }

    /// The trailers, once.
    pub(super) fn take(&mut self) -> Trailers {
        std::mem::take(&mut self.trailers)
    }

    /// True if the line that has just ended is the empty one.
    fn end_line(&mut self, limits: &Limits) -> Result<bool, Refusal> {
        let line = &self.section[self.line_start..];
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Err(Refusal::BareLf);
        };
        if text.is_empty() {
            return Ok(true);
        }
        if self.lines == limits.trailers_max.min(TRAILERS_ROOM) {
            return Err(Refusal::TooManyTrailers);
        }
        self.lines += 1;
        self.line_start = self.section.len();
        Ok(false)
    }

    fn finish(&mut self) -> Result<(), Refusal> {
        let section = std::mem::take(&mut self.section);
        let mut room = [httparse::EMPTY_HEADER; TRAILERS_ROOM];
        let Ok(httparse::Status::Complete((_, headers))) = httparse::parse_headers(&section, &mut room)
        else {
            return Err(diagnosis::of_trailers(&section));
        };
        self.trailers.0 = headers
            .iter()
            .filter(|header| is_allowed(Name::new(header.name.as_bytes())))
            .map(|header| (header.name.as_bytes().into(), header.value.into()))
            .collect();
        Ok(())
    }
}

/// Whether a trailer may go on. What frames, routes, authenticates, controls or describes a message must be known
/// before its body (RFC 9110 section 6.5.1); what a proxy tells about the client is not the client's to say; and an
/// underscore is dropped as in headers.
pub(super) fn is_allowed(name: Name<'_>) -> bool {
    const FORBIDDEN: [&str; 19] = [
        "age",
        "content-range",
        "expires",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "location",
        "max-forwards",
        "pragma",
        "proxy-authentication-info",
        "retry-after",
        "set-cookie",
        "status",
        "trailer",
        "vary",
        "warning",
        "www-authenticate",
    ];
    // Every name that means something to a proxy falls under one of the reasons.
    Kind::of(name) == Kind::Other
        && !has_underscore(name.as_bytes())
        && !FORBIDDEN.iter().any(|forbidden| name.as_bytes().eq_ignore_ascii_case(forbidden.as_bytes()))
}
