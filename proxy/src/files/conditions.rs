//! Whether a request wants a file at all, given what the client already has (RFC 9110 section 13).

use std::time::SystemTime;

use swiftiply_wire::{Headers, Token};

use super::etag::Validators;
use super::range::Asked;

/// What a GET or HEAD with its conditions comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// 200, or 206 for a part.
    Send(Asked),
    /// 304: the client has it.
    NotModified,
    /// 412: what the client insists on is not so.
    Failed,
}

/// Decides in the order of RFC 9110 section 13.2.2. A header that is malformed is as good as none, but for If-Match,
/// which protects something. `ranges`: the request is a GET.
pub fn judge(headers: Headers<'_>, validators: &Validators, length: u64, ranges: bool) -> Verdict {
    if let Some(is_so) = precondition(headers, validators)
        && !is_so
    {
        return Verdict::Failed;
    }
    if is_not_modified(headers, validators) {
        return Verdict::NotModified;
    }
    let range = headers.get(Token::RANGE).filter(|_| ranges && range_still_applies(headers, validators));
    let is_repeated = headers.iter().filter(|(name, _)| name.is(Token::RANGE)).nth(1).is_some();
    Verdict::Send(range.filter(|_| !is_repeated).map_or(Asked::Whole, |value| Asked::read(value, length)))
}

/// If-Match, and only without it If-Unmodified-Since.
fn precondition(headers: Headers<'_>, validators: &Validators) -> Option<bool> {
    any(headers, Token::IF_MATCH, |list| validators.is_strongly_in(list)).or_else(|| {
        let date = date(headers.get(Token::IF_UNMODIFIED_SINCE)?)?;
        Some(validators.modified <= date)
    })
}

/// If-None-Match, and only without it If-Modified-Since.
fn is_not_modified(headers: Headers<'_>, validators: &Validators) -> bool {
    any(headers, Token::IF_NONE_MATCH, |list| validators.is_in(list)).unwrap_or_else(|| {
        let since = headers.get(Token::IF_MODIFIED_SINCE).and_then(date);
        since.is_some_and(|since| validators.modified <= since)
    })
}

/// If-Range: a part is of use only to whoever has the rest of the very same file. A date must be exact, and long enough
/// ago to be a strong validator, which it is as soon as the tag is.
fn range_still_applies(headers: Headers<'_>, validators: &Validators) -> bool {
    let Some(value) = headers.get(Token::IF_RANGE) else { return true };
    match date(value) {
        Some(date) => validators.is_strong() && date == validators.modified,
        None => value != b"*" && validators.is_strongly_in(value),
    }
}

/// Whether the condition holds for any header of this name; none if there is no such header.
fn any(headers: Headers<'_>, token: Token, holds: impl Fn(&[u8]) -> bool) -> Option<bool> {
    let values = headers.iter().filter(|(name, _)| name.is(token)).map(|(_, value)| value);
    values.fold(None, |found, value| Some(found.unwrap_or(false) || holds(value)))
}

fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::etag::tests::validators;
    use super::Verdict::{Failed, NotModified, Send};
    use super::*;
    use swiftiply_wire::HeaderBlock;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const EXACTLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EXACT_SECONDS: u64 = 784_111_777;

    fn verdict(headers: &[(&str, &str)], etag: &str) -> Verdict {
        let mut block = HeaderBlock::new();
        headers.iter().for_each(|(name, value)| block.push(name.as_bytes(), value.as_bytes()));
        judge(block.as_headers(), &validators(etag, EXACT_SECONDS), 10, true)
    }

    #[test]
    fn conditions_are_judged_in_their_order() {
        let cases: &[(&[(&str, &str)], Verdict)] = &[
            (&[], Send(Asked::Whole)),
            (&[("If-None-Match", "\"a\"")], NotModified),
            (&[("If-None-Match", "W/\"a\"")], NotModified),
            (&[("If-None-Match", "*")], NotModified),
            (&[("If-None-Match", "\"b\"")], Send(Asked::Whole)),
            (&[("If-None-Match", "\"b\""), ("If-None-Match", "\"a\"")], NotModified),
            // A tag says more than a date.
            (&[("If-None-Match", "\"b\""), ("If-Modified-Since", AFTER)], Send(Asked::Whole)),
            (&[("If-None-Match", "\"a\""), ("If-Modified-Since", BEFORE)], NotModified),
            (&[("If-Modified-Since", BEFORE)], Send(Asked::Whole)),
            (&[("If-Modified-Since", EXACTLY)], NotModified),
            (&[("If-Modified-Since", AFTER)], NotModified),
            (&[("If-Modified-Since", "yesterday")], Send(Asked::Whole)),
            (&[("If-Match", "\"a\"")], Send(Asked::Whole)),
            (&[("If-Match", "*")], Send(Asked::Whole)),
            (&[("If-Match", "\"b\"")], Failed),
            (&[("If-Match", "W/\"a\"")], Failed),
            (&[("If-Match", "garbage")], Failed),
            (&[("If-Match", "\"b\""), ("If-Match", "\"a\"")], Send(Asked::Whole)),
            (&[("If-Match", "\"a\""), ("If-Unmodified-Since", BEFORE)], Send(Asked::Whole)),
            (&[("If-Match", "\"a\""), ("If-None-Match", "\"a\"")], NotModified),
            (&[("If-Unmodified-Since", BEFORE)], Failed),
            (&[("If-Unmodified-Since", EXACTLY)], Send(Asked::Whole)),
            (&[("If-Unmodified-Since", "never")], Send(Asked::Whole)),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(headers, "\"a\""), *expected, "{headers:?}");
        }
    }

    #[test]
    fn a_part_is_sent_only_of_what_the_client_has_the_rest_of() {
        let part = || Send(Asked::Part(2..4));
        let cases: &[(&[(&str, &str)], Verdict)] = &[
            (&[], part()),
            (&[("If-Range", "\"a\"")], part()),
            (&[("If-Range", EXACTLY)], part()),
            (&[("If-Range", "\"b\"")], Send(Asked::Whole)),
            (&[("If-Range", "W/\"a\"")], Send(Asked::Whole)),
            (&[("If-Range", "*")], Send(Asked::Whole)),
            (&[("If-Range", BEFORE)], Send(Asked::Whole)),
            (&[("If-Range", AFTER)], Send(Asked::Whole)),
            (&[("If-Range", "garbage")], Send(Asked::Whole)),
            (&[("If-None-Match", "\"a\"")], NotModified),
            (&[("Range", "bytes=0-1")], Send(Asked::Whole)),
        ];
        for (headers, expected) in cases {
            let with_range = [&[("Range", "bytes=2-3")], *headers].concat();
            assert_eq!(verdict(&with_range, "\"a\""), *expected, "{headers:?}");
        }
        assert_eq!(verdict(&[("Range", "bytes=99-")], "\"a\""), Send(Asked::Beyond));
        // What may have changed without a sign is never continued.
        for condition in ["W/\"a\"", "\"a\"", EXACTLY] {
            let headers = [("Range", "bytes=2-3"), ("If-Range", condition)];
            assert_eq!(verdict(&headers, "W/\"a\""), Send(Asked::Whole), "{condition}");
        }
    }

    #[test]
    fn a_head_has_no_ranges() {
        let mut block = HeaderBlock::new();
        block.push(b"Range", b"bytes=2-3");
        let verdict = judge(block.as_headers(), &validators("\"a\"", EXACT_SECONDS), 10, false);
        assert_eq!(verdict, Send(Asked::Whole));
    }
}
