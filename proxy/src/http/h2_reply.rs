//! Heads and trailers of a reply as HTTP/2 has them: fields instead of text (RFC 9113 section 8.3.2). What may be said in
//! them is decided where HTTP/1.1 decides it, in `reply`.

use bytes::BytesMut;
use http_types::header::{
    CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, SERVER, STRICT_TRANSPORT_SECURITY,
};
use http_types::{Response, StatusCode};
use swiftiply_wire::{Name, Token};

use super::date::DateLine;
use super::reply::{FinalReply, app_headers, app_trailers, may_reach_client};
use super::reply_fault::ReplyFault;
use super::reply_framing::ReplyFraming;

/// What a field costs beside its name and value, as both ends of HTTP/2 count (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD: usize = 32;

impl FinalReply<'_> {
    /// The same head as [`FinalReply::head`] writes, for HTTP/2. Its reason phrase stays behind.
    ///
    /// # Errors
    /// [`ReplyFault`], also for a head of more than `head_bytes_max` bytes.
    pub fn fields<'h, I>(
        &self,
        headers: I,
        date: &DateLine,
        head_bytes_max: usize,
    ) -> Result<Response<()>, ReplyFault>
    where
        I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
    {
        let status = checked_status(self.status, self.status >= 200)?;
        let mut fields = Fields::with_room_for(headers.clone());
        let given = app_headers(headers, |kind| self.may_pass(kind), |name, value| fields.put(name, value))?;
        if !given.date {
            fields.insert(DATE, HeaderValue::from_bytes(date.value()).ok());
        }
        if !given.server {
            fields.insert(SERVER, Some(HeaderValue::from_static("swiftiply")));
        }
        if let Some(hsts) = self.hsts.filter(|_| !given.hsts) {
            fields.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::try_from(hsts.to_string()).ok());
        }
        if let ReplyFraming::Length(length) | ReplyFraming::Empty { announced: Some(length) } = self.framing {
            fields.insert(CONTENT_LENGTH, Some(length.into()));
        }
        fields.head(status, head_bytes_max)
    }
}

/// An informational head (100, 102 to 199).
///
/// # Errors
/// [`ReplyFault`]
pub fn inform_fields<'h, I>(
    status: u16,
    headers: I,
    head_bytes_max: usize,
) -> Result<Response<()>, ReplyFault>
where
    I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
{
    let status = checked_status(status, (100..=199).contains(&status) && status != 101)?;
    let mut fields = Fields::with_room_for(headers.clone());
    app_headers(headers, may_reach_client, |name, value| fields.put(name, value))?;
    fields.head(status, head_bytes_max)
}

/// What the app's `101 Switching Protocols` is in answer to an extended CONNECT: 200, and nothing about the key that the
/// client never sent (RFC 8441 section 5).
///
/// # Errors
/// [`ReplyFault`]
pub fn switch_fields<'h, I>(
    headers: I,
    date: &DateLine,
    head_bytes_max: usize,
) -> Result<Response<()>, ReplyFault>
where
    I: Iterator<Item = (Name<'h>, &'h [u8])> + Clone,
{
    let mut fields = Fields::with_room_for(headers.clone());
    let given = app_headers(headers, may_reach_client, |name, value| {
        if !name.is(Token::SEC_WEBSOCKET_ACCEPT) {
            fields.put(name, value);
        }
    })?;
    if !given.date {
        fields.insert(DATE, HeaderValue::from_bytes(date.value()).ok());
    }
    fields.head(StatusCode::OK, head_bytes_max)
}

/// Trailers, those that may be trailers at all; malformed ones are left out, since the reply has begun and its body is
/// whole.
pub fn trailer_fields<'h>(trailers: impl Iterator<Item = (Name<'h>, &'h [u8])> + Clone) -> HeaderMap {
    let mut fields = Fields::with_room_for(trailers.clone());
    app_trailers(trailers, |name, value| fields.put(name, value));
    fields.map
}

/// Fields that are being gathered. All values share one piece of memory.
struct Fields {
    map: HeaderMap,
    values: BytesMut,
    bytes: usize,
}

impl Fields {
    fn with_room_for<'h>(headers: impl Iterator<Item = (Name<'h>, &'h [u8])>) -> Self {
        let (count, bytes) =
            headers.fold((0, 0), |(count, bytes), (_, value)| (count + 1, bytes + value.len()));
        /// Date, Server and Content-Length.
        const OURS: usize = 3;
        let map = HeaderMap::with_capacity(count + OURS);
        Self { map, values: BytesMut::with_capacity(bytes), bytes: 0 }
    }

    /// Both have been checked.
    fn put(&mut self, name: Name<'_>, value: &[u8]) {
        self.values.extend_from_slice(value);
        let value = self.values.split().freeze();
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.insert(name, HeaderValue::from_maybe_shared(value).ok());
        }
    }

    fn insert(&mut self, name: HeaderName, value: Option<HeaderValue>) {
        debug_assert!(value.is_some(), "{name} was not checked");
        if let Some(value) = value {
            self.bytes += name.as_str().len() + value.len() + FIELD_OVERHEAD;
            self.map.append(name, value);
        }
    }

    fn head(self, status: StatusCode, head_bytes_max: usize) -> Result<Response<()>, ReplyFault> {
        if self.bytes > head_bytes_max {
            return Err(ReplyFault::HeadTooLarge);
        }
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = self.map;
        Ok(response)
    }
}

fn checked_status(status: u16, is_fit: bool) -> Result<StatusCode, ReplyFault> {
    StatusCode::from_u16(status).ok().filter(|_| is_fit).ok_or(ReplyFault::BadStatus(status))
}
