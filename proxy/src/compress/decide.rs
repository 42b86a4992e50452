//! Which replies are compressed.

use swiftiply_wire::{Headers, Name, Token};

use super::Coding;
use crate::files::is_compressible;

/// Bytes of a body that is too short to be worth it: with its head it fits one packet in either form.
pub const BODY_BYTES_MIN: u64 = 1024;

/// What happens to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It passes as it is.
    Leave,
    /// It passes as it is, but another client would have got it compressed: `Vary: Accept-Encoding`.
    Vary,
    /// It is compressed so.
    Compress(Coding),
}

/// Decides about a reply by its head. `wanted` is the coding that its client likes best, `length` that of its body, if
/// it is known.
pub fn decide(wanted: Option<Coding>, status: u16, headers: Headers<'_>, length: Option<u64>) -> Plan {
    if status == 304 {
        // It speaks of a reply that may have been compressed.
        return Plan::Vary;
    }
    let has_body = status >= 200 && !matches!(status, 204..=206 | 304);
    let is_long = length.is_none_or(|length| length >= BODY_BYTES_MIN);
    if !has_body || !is_long || !headers_allow(headers) {
        return Plan::Leave;
    }
    wanted.map_or(Plan::Vary, Plan::Compress)
}

/// Text that is not encoded yet, of which nobody said that it must stay as it is.
fn headers_allow(headers: Headers<'_>) -> bool {
    let mut is_text = false;
    for (name, value) in headers {
        match name.token() {
            Some(Token::CONTENT_TYPE) => is_text = is_compressible(value),
            Some(Token::CONTENT_ENCODING) if !value.eq_ignore_ascii_case(b"identity") => return false,
            Some(Token::CONTENT_RANGE) => return false,
            Some(Token::CACHE_CONTROL) if has_member(value, b"no-transform") => return false,
            None if is_digest(name) => return false,
            _ => {}
        }
    }
    is_text
}

/// A checksum of the very bytes that the app sends.
fn is_digest(name: Name<'_>) -> bool {
    const NAMES: [&str; 3] = ["content-digest", "content-md5", "digest"];
    NAMES.iter().any(|known| name.as_bytes().eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a comma-separated list has this member, in any case.
pub(super) fn has_member(list: &[u8], member: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|found| found.trim_ascii().eq_ignore_ascii_case(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use swiftiply_wire::HeaderBlock;

    fn plan(status: u16, headers: &[(&str, &str)], length: Option<u64>) -> Plan {
        let mut block = HeaderBlock::new();
        headers.iter().for_each(|(name, value)| block.push(name.as_bytes(), value.as_bytes()));
        decide(Some(Coding::Gzip), status, block.as_headers(), length)
    }

    #[test]
    fn long_text_is_compressed() {
        let html = [("Content-Type", "text/html")];
        for (status, length) in [(200, None), (200, Some(1024)), (404, Some(5000)), (500, None)] {
            assert_eq!(plan(status, &html, length), Plan::Compress(Coding::Gzip), "{status} {length:?}");
        }
        let identity = [("Content-Type", "text/html"), ("Content-Encoding", "identity")];
        assert_eq!(plan(200, &identity, None), Plan::Compress(Coding::Gzip));
    }

    #[test]
    fn what_must_stay_as_it_is_does() {
        for header in [
            ("Content-Encoding", "br"),
            ("Content-Encoding", "gzip"),
            ("Content-Range", "bytes 0-1/2"),
            ("Cache-Control", "public, No-Transform"),
            ("Content-Digest", "sha-256=:x:"),
            ("Content-MD5", "x"),
        ] {
            assert_eq!(plan(200, &[("Content-Type", "text/html"), header], None), Plan::Leave, "{header:?}");
        }
        for kind in ["image/png", "application/octet-stream", "text/event-stream", ""] {
            assert_eq!(plan(200, &[("Content-Type", kind)], None), Plan::Leave, "{kind}");
        }
        assert_eq!(plan(200, &[], None), Plan::Leave);
        let html = [("Content-Type", "text/html")];
        for (status, length) in [(200, Some(1023)), (200, Some(0)), (204, None), (205, None), (206, None)] {
            assert_eq!(plan(status, &html, length), Plan::Leave, "{status} {length:?}");
        }
    }

    #[test]
    fn caches_learn_that_others_get_something_else() {
        let mut block = HeaderBlock::new();
        block.push(b"Content-Type", b"text/html");
        assert_eq!(decide(None, 200, block.as_headers(), None), Plan::Vary);
        assert_eq!(decide(None, 200, block.as_headers(), Some(10)), Plan::Leave);
        assert_eq!(decide(Some(Coding::Gzip), 304, HeaderBlock::new().as_headers(), None), Plan::Vary);
    }
}
