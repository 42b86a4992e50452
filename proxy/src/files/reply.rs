//! A reply made of a file, in the form in which a link would bring it.

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use swiftiply_wire::{Body, HeaderWriter, Name, ReplyFields, ReplyHead, RequestHead, Token};

use super::beneath::Opened;
use super::conditions::{Verdict, judge};
use super::etag::Validators;
use super::find::Found;
use super::kind;
use super::range::Asked;
use super::source::Source;

/// A reply, complete.
#[derive(Debug)]
pub struct FileReply {
    /// Its head, as the payload of a REPLY frame.
    pub head: Vec<u8>,
    /// Where its body comes from; none if it has none.
    pub source: Option<Source>,
}

impl FileReply {
    /// The reply to a GET or HEAD for a static file.
    pub fn of_url(
        found: Found,
        max_age: Option<Duration>,
        request: &RequestHead<&[u8]>,
        now: SystemTime,
    ) -> Self {
        let Found { opened, path, content_type, coding, varies } = found;
        let suffix = coding.map_or("", |coding| coding.etag_suffix());
        let validators = Validators::of(&opened.metadata, suffix, now);
        let outcome = Outcome::of(request, &validators, opened.metadata.len());
        let head = outcome.head(request, &validators, |headers, outcome| {
            if outcome.has_content() {
                headers.push_token(Token::CONTENT_TYPE, content_type.as_bytes());
                if let Some(coding) = coding {
                    headers.push_token(Token::CONTENT_ENCODING, coding.name().as_bytes());
                }
            }
            if varies {
                headers.push_token(Token::VARY, b"Accept-Encoding");
            }
            if let Some(max_age) = max_age {
                let value = format!("max-age={}", max_age.as_secs());
                headers.push_token(Token::CACHE_CONTROL, value.as_bytes());
            }
        });
        Self { head, source: outcome.source(opened, &path) }
    }

    /// The reply to any request for which an app named this file, with the app's own headers but for those that only the
    /// file can know. Whoever asks for a part of it, or has it already, is answered by us, unless the app's status says
    /// something else than 200.
    pub fn of_app(
        opened: Opened,
        path: &Path,
        app: &ReplyHead<&[u8]>,
        request: &RequestHead<&[u8]>,
        now: SystemTime,
    ) -> Self {
        let validators = Validators::of(&opened.metadata, "", now);
        let length = opened.metadata.len();
        let is_plain = app.status() == 200 && is_get_or_head(request);
        let outcome = if is_plain {
            Outcome::of(request, &validators, length)
        } else {
            Outcome { status: app.status(), length, content: Some(0..length) }
        };
        let head = outcome.head(request, &validators, |headers, outcome| {
            let app_headers = || app.headers().iter().filter(|(name, _)| is_apps_to_say(*name));
            for (name, value) in
                app_headers().filter(|(name, _)| outcome.has_content() || !is_about_content(*name))
            {
                headers.push_name(name, value);
            }
            if outcome.has_content() && app.headers().get(Token::CONTENT_TYPE).is_none() {
                headers.push_token(Token::CONTENT_TYPE, kind::of(path).as_bytes());
            }
        });
        Self { head, source: outcome.source(opened, path) }
    }
}

/// What a request for a file comes to.
struct Outcome {
    status: u16,
    /// Of the whole file.
    length: u64,
    /// The bytes that are sent, or would be for a GET; none for a reply without content.
    content: Option<Range<u64>>,
}

impl Outcome {
    fn of(request: &RequestHead<&[u8]>, validators: &Validators, length: u64) -> Self {
        let is_get = request.method().as_bytes() == b"GET";
        let (status, content) = match judge(request.headers(), validators, length, is_get) {
            Verdict::Send(Asked::Whole) => (200, Some(0..length)),
            Verdict::Send(Asked::Part(range)) => (206, Some(range)),
            Verdict::Send(Asked::Beyond) => (416, None),
            Verdict::NotModified => (304, None),
            Verdict::Failed => (412, None),
        };
        Self { status, length, content }
    }

    fn has_content(&self) -> bool {
        self.content.is_some()
    }

    fn head(
        &self,
        request: &RequestHead<&[u8]>,
        validators: &Validators,
        write_headers: impl FnOnce(&mut HeaderWriter<'_>, &Self),
    ) -> Vec<u8> {
        let body = match &self.content {
            Some(range) => Body::Length(range.end - range.start),
            None if self.status == 304 => Body::None,
            None => Body::Length(0),
        };
        let mut head = Vec::with_capacity(512);
        ReplyHead::write(&mut head, &ReplyFields { status: self.status, reason: b"", body }, |headers| {
            write_headers(headers, self);
            if matches!(self.status, 200 | 206 | 304) {
                let modified = httpdate::fmt_http_date(validators.modified);
                headers.push_token(Token::LAST_MODIFIED, modified.as_bytes());
                headers.push_token(Token::ETAG, validators.etag().as_bytes());
            }
            if matches!(self.status, 200 | 206) && is_get_or_head(request) {
                headers.push_token(Token::ACCEPT_RANGES, b"bytes");
            }
            self.put_range(headers);
        });
        head
    }

    fn put_range(&self, headers: &mut HeaderWriter<'_>) {
        let mut value = Vec::new();
        // A vector takes everything.
        let _ = match (&self.content, self.status) {
            (Some(range), 206) => write!(value, "bytes {}-{}/{}", range.start, range.end - 1, self.length),
            (None, 416) => write!(value, "bytes */{}", self.length),
            _ => return,
        };
        headers.push_token(Token::CONTENT_RANGE, &value);
    }

    fn source(self, opened: Opened, path: &Path) -> Option<Source> {
        let content = self.content.filter(|range| !range.is_empty())?;
        Some(Source::new(opened, content, path))
    }
}

fn is_get_or_head(request: &RequestHead<&[u8]>) -> bool {
    matches!(request.method().as_bytes(), b"GET" | b"HEAD")
}

/// Whether a header of the app's reply still holds when the file takes the place of its body.
fn is_apps_to_say(name: Name<'_>) -> bool {
    const OURS: [Token; 5] = [
        Token::CONTENT_LENGTH,
        Token::CONTENT_RANGE,
        Token::ACCEPT_RANGES,
        Token::ETAG,
        Token::LAST_MODIFIED,
    ];
    const OURS_BY_NAME: [&str; 5] =
        ["x-sendfile", "x-accel-redirect", "content-md5", "content-digest", "digest"];
    match name.token() {
        Some(token) => !OURS.contains(&token),
        None => !OURS_BY_NAME.iter().any(|ours| name.as_bytes().eq_ignore_ascii_case(ours.as_bytes())),
    }
}

/// Whether a header says something about a body, where there is none.
fn is_about_content(name: Name<'_>) -> bool {
    name.token().is_some_and(|token| token.lower().starts_with("content-"))
}
