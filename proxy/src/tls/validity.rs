//! Until when a certificate is valid. rustls needs nothing of that of its own certificate, and a crate that reads all of
//! X.509 is much for one field that stands at a fixed place (RFC 5280 section 4.1).

use std::time::{Duration, SystemTime};

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which a certificate of version 1 has not.
const EXPLICIT_0: u8 = 0xa0;

/// When a certificate's validity begins and ends, if that can be read.
pub(super) fn validity(certificate: &[u8]) -> Option<(SystemTime, SystemTime)> {
    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (mut fields, _) = take(certificate, SEQUENCE)?;
    if let Some((_, rest)) = take(fields, EXPLICIT_0) {
        fields = rest;
    }
    // The serial number, the signature's algorithm, the issuer.
    for _ in 0..3 {
        fields = take_any(fields)?.2;
    }
    let (validity, _) = take(fields, SEQUENCE)?;
    let (begin_tag, begin, rest) = take_any(validity)?;
    let (end_tag, end, _) = take_any(rest)?;
    Some((read_time(begin_tag, begin)?, read_time(end_tag, end)?))
}

/// One value of DER: its tag, its content, and what follows it.
fn take_any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn take(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = take_any(der)?;
    (tag == wanted).then_some((content, rest))
}

/// `YYMMDDHHMMSSZ` (until 2049) or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
fn read_time(tag: u8, text: &[u8]) -> Option<SystemTime> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let pair = |at: usize| -> u64 { u64::from(digits[at] - b'0') * 10 + u64::from(digits[at + 1] - b'0') };
    let (year, at) = match (tag, digits.len()) {
        (UTC_TIME, 12) => (if pair(0) < 50 { 2000 + pair(0) } else { 1900 + pair(0) }, 2),
        (GENERALIZED_TIME, 14) => (pair(0) * 100 + pair(2), 4),
        _ => return None,
    };
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|offset| pair(at + offset));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Years begin in March here, so that the odd day is the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let days_before_month = (month * 153 + 2) / 5;
    const DAYS_BEFORE_MARCH_0000_TO_1970: u64 = 719_468;
    days_before_year + days_before_month + day - 1 - DAYS_BEFORE_MARCH_0000_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        let time = read_time(tag, text.as_bytes())?;
        Some(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn times_are_read_in_both_forms() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "261123102107Z", 1_795_429_267),
            (UTC_TIME, "240229235959Z", 1_709_251_199),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(seconds(tag, text), Some(expected), "{text}");
        }
        for text in ["2611231021Z", "261123102107", "2611231021070", "26112310210xZ", "261323102107Z", ""] {
            assert_eq!(seconds(UTC_TIME, text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 2, 0x30, 0]]
        {
            assert_eq!(validity(bytes), None, "{bytes:?}");
        }
    }
}
