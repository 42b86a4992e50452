//! The Date header, formatted once a second.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

const LINE_BYTES: usize = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len();

/// A whole header line: `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF (RFC 9110 section 6.6.1).
#[derive(Debug, Clone)]
pub struct DateLine {
    /// Whole seconds since 1970 that the line shows.
    second: u64,
    line: [u8; LINE_BYTES],
}

impl DateLine {
    /// The line for this moment.
    pub fn new(now: SystemTime) -> Self {
        let mut date = Self { second: 0, line: [0; LINE_BYTES] };
        date.format(seconds(now));
        date
    }

    /// Formats the line anew if the second has changed.
    #[inline]
    pub fn update(&mut self, now: SystemTime) {
        let second = seconds(now);
        if second != self.second {
            self.format(second);
        }
    }

    /// The line, CRLF included.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.line
    }

    /// Only what the header says.
    pub fn value(&self) -> &[u8] {
        &self.line["Date: ".len()..LINE_BYTES - "\r\n".len()]
    }

    fn format(&mut self, second: u64) {
        self.second = second;
        let time = UNIX_EPOCH + std::time::Duration::from_secs(second);
        let mut line = &mut self.line[..];
        // It fits exactly.
        let _ = write!(line, "Date: {}\r\n", httpdate::HttpDate::from(time));
    }
}

/// Clamped to the years 1970 to 9999, which the format can show: a clock outside them is wrong in any case.
fn seconds(now: SystemTime) -> u64 {
    const LAST_SECOND_OF_9999: u64 = 253_402_300_799;
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).min(LAST_SECOND_OF_9999)
}
