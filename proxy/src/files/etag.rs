//! The validators of a file (RFC 9110 section 8.8): its entity tag and its date.

use std::fmt;
use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use arrayvec::ArrayString;

/// How old a change must be for the tag to be a strong one: file systems keep time in steps of some milliseconds, and in
/// the same step the file may change once more.
const SETTLED: Duration = Duration::from_secs(1);

/// Bytes of the longest tag: `W/`, two quotes, three numbers in hexadecimal, two marks and a suffix.
const TAG_BYTES_MAX: usize = 2 + 2 + 16 + 8 + 16 + 2 + 4;

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validators {
    etag: ArrayString<TAG_BYTES_MAX>,
    /// When it was changed, in whole seconds, and never later than now (RFC 9110 section 8.8.2.1).
    pub modified: SystemTime,
}

impl Validators {
    /// Of a file in this state. `suffix` tells codings of one resource apart.
    pub fn of(metadata: &Metadata, suffix: &str, now: SystemTime) -> Self {
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let is_settled = now.duration_since(changed).is_ok_and(|age| age > SETTLED);
        let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut etag = ArrayString::new();
        let weak = if is_settled { "" } else { "W/" };
        let (seconds, nanos, length) = (since.as_secs(), since.subsec_nanos(), metadata.len());
        // It fits.
        let _ = fmt::write(&mut etag, format_args!("{weak}\"{seconds:x}.{nanos:x}-{length:x}{suffix}\""));
        let whole_seconds = since.as_secs().min(seconds_since_1970(now));
        Self { etag, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(whole_seconds) }
    }

    /// `"…"`, or `W/"…"` for a file that may change again without being noticed.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Whether the tag names exactly these bytes.
    pub fn is_strong(&self) -> bool {
        !self.etag.starts_with('W')
    }

    /// Whether this list of tags, the value of an If-None-Match header, has this one; weak ones count.
    pub fn is_in(&self, list: &[u8]) -> bool {
        let own = opaque(self.etag.as_bytes());
        tags(list).any(|tag| tag == b"*" || opaque(tag) == own)
    }

    /// Whether this list of tags, the value of an If-Match header, has this one; weak ones never do.
    pub fn is_strongly_in(&self, list: &[u8]) -> bool {
        tags(list).any(|tag| tag == b"*" || (self.is_strong() && tag == self.etag.as_bytes()))
    }
}

fn seconds_since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The tags of a list, each with its quotes, and `*`. A tag may have commas in it. What is malformed ends the list.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        while let [b',' | b' ' | b'\t', after @ ..] = rest {
            rest = after;
        }
        let end = match rest {
            [b'*', ..] => 1,
            _ => {
                let start = if rest.starts_with(b"W/") { 3 } else { 1 };
                rest.get(start - 1).filter(|&&byte| byte == b'"')?;
                start + 1 + memchr::memchr(b'"', &rest[start..])?
            }
        };
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Validators with this tag of a file that was changed so many seconds after 1970.
    pub fn validators(etag: &str, seconds: u64) -> Validators {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Validators { etag: ArrayString::from(etag).expect("a short tag"), modified }
    }

    #[test]
    fn every_longest_tag_fits() {
        let mut etag = ArrayString::<TAG_BYTES_MAX>::new();
        let longest = format_args!("W/\"{:x}.{:x}-{:x}-zst\"", u64::MAX, u32::MAX, u64::MAX).to_string();
        assert!(fmt::write(&mut etag, format_args!("{longest}")).is_ok());
    }

    #[test]
    fn a_tag_changes_with_the_file() {
        let path = std::env::temp_dir().join(format!("swiftiply-etag-{}", std::process::id()));
        std::fs::write(&path, "one").expect("a file of our own");
        let metadata = std::fs::metadata(&path).expect("a file of our own");
        let changed = metadata.modified().expect("files have times");
        let of = |suffix, age| Validators::of(&metadata, suffix, changed + age);
        let (fresh, settled) = (of("", Duration::ZERO), of("", Duration::from_secs(10)));
        assert!(!fresh.is_strong() && settled.is_strong());
        assert_eq!(fresh.etag(), format!("W/{}", settled.etag()));
        assert_ne!(of("-gz", Duration::from_secs(10)).etag(), settled.etag());
        // A clock that goes wrong is not passed on.
        let before = Validators::of(&metadata, "", changed - Duration::from_secs(100));
        assert!(!before.is_strong() && before.modified <= changed - Duration::from_secs(100));

        std::fs::write(&path, "three").expect("a file of our own");
        let metadata = std::fs::metadata(&path).expect("a file of our own");
        assert_ne!(Validators::of(&metadata, "", changed + Duration::from_secs(10)).etag(), settled.etag());
        std::fs::remove_file(&path).expect("a file of our own");
    }

    #[test]
    fn tags_are_found_in_lists() {
        let (strong, weak) = (validators("\"a,b\"", 0), validators("W/\"a,b\"", 0));
        for (list, weakly, strongly) in [
            ("*", true, true),
            ("\"a,b\"", true, true),
            ("W/\"a,b\"", true, false),
            ("\"x\", W/\"y\" ,\"a,b\"", true, true),
            ("\"x\",,\t\"a,b\"", true, true),
            ("\"a\"", false, false),
            ("\"a\",\"b\"", false, false),
            ("a,b", false, false),
            ("", false, false),
            ("\"a,b", false, false),
            ("w/\"a,b\"", false, false),
            ("\"x\" garbage, \"a,b\"", false, false),
        ] {
            assert_eq!(strong.is_in(list.as_bytes()), weakly, "{list}");
            assert_eq!(weak.is_in(list.as_bytes()), weakly, "{list}");
            assert_eq!(strong.is_strongly_in(list.as_bytes()), strongly, "{list}");
            assert_eq!(weak.is_strongly_in(list.as_bytes()), list == "*", "{list}");
        }
    }
}
