//! Which bytes of a file a request asks for (RFC 9110 section 14).

use std::ops::Range;

/// What a Range header means for a file of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All of it: what the header says is not understood, or is more than one range. A server may always answer so, and
    /// with many ranges a small request could ask for the same bytes a thousand times.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that the file does not have: 416.
    Beyond,
}

impl Asked {
    /// Reads the value of a Range header.
    pub fn read(value: &[u8], length: u64) -> Self {
        let parsed = std::str::from_utf8(value).ok().and_then(parse);
        match parsed {
            None => Self::Whole,
            Some((None, Some(last))) => Self::part(length.saturating_sub(last)..length),
            Some((Some(first), None)) => Self::part(first..length),
            Some((Some(first), Some(last))) if first > last => Self::Whole,
            Some((Some(first), Some(last))) => Self::part(first..last.saturating_add(1).min(length)),
            Some((None, None)) => Self::Whole,
        }
    }

    fn part(range: Range<u64>) -> Self {
        if range.is_empty() { Self::Beyond } else { Self::Part(range) }
    }
}

/// `bytes=FIRST-LAST`, either of which may be missing: `bytes=-LAST` are the last bytes.
fn parse(value: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.trim_matches([' ', '\t']).split_once('-')?;
    unit.eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?))
}

/// `None` if it is no number; a number too large is as good as the largest.
fn number(digits: &str) -> Option<Option<u64>> {
    match digits {
        "" => Some(None),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part() {
        for (value, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-9", 0..10),
            ("bytes=0-999", 0..10),
            ("bytes=9-", 9..10),
            ("bytes=3-", 3..10),
            ("bytes=-1", 9..10),
            ("bytes=-10", 0..10),
            ("bytes=-99", 0..10),
            ("Bytes=2-3", 2..4),
            ("bytes= 2-3 ", 2..4),
            ("bytes=5-99999999999999999999999", 5..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(Asked::read(value.as_bytes(), 10), Asked::Part(part), "{value}");
        }
    }

    #[test]
    fn what_is_beyond_the_end_cannot_be_given() {
        for value in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(Asked::read(value.as_bytes(), 10), Asked::Beyond, "{value}");
        }
        for value in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
            assert_eq!(Asked::read(value.as_bytes(), 0), Asked::Beyond, "{value} of nothing");
        }
    }

    #[test]
    fn what_is_not_understood_or_several_ranges_mean_the_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=3-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 -2",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=0-,0-,0-,0-",
            "bytes=0-1, -1",
            "bytes:0-1",
            "\u{e9}",
        ] {
            assert_eq!(Asked::read(value.as_bytes(), 10), Asked::Whole, "{value}");
        }
    }
}
