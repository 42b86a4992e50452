//! Where a request's head ends, found without looking at any byte twice.

use swiftiply_wire::is_token_byte;

use super::limits::{HEADERS_ROOM, LEADING_EMPTY_LINES_MAX, Limits};
use super::refusal::Refusal;

/// Walks the lines of a head as they arrive and remembers where it stopped, so a client that sends one byte at a time
/// costs no more than one that sends all at once. It alone decides about line ends and sizes: every line must end in
/// CRLF, and limits hold for a head that is still incomplete.
#[derive(Debug, Default, Clone)]
pub(super) struct HeadScan {
    /// Where the request line begins, after skipped empty lines.
    start: usize,
    empty_lines: u8,
    begun: bool,
    /// Whole lines so far, the request line included; one more than there is room for, at most.
    lines: u16,
    /// Bytes before this one have been searched for line ends.
    looked: usize,
    /// Where the current line begins.
    line_start: usize,
}

impl HeadScan {
    /// The range of the head in `buf`, which must begin with the bytes of the calls before.
    pub(super) fn find(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<(usize, usize)>, Refusal> {
        if !self.begun && !self.find_start(buf)? {
            return Ok(None);
        }
        for offset in memchr::memchr_iter(b'\n', &buf[self.looked..]) {
            let line_end = self.looked + offset;
            if self.end_line(buf, line_end, limits)? {
                return Ok(Some((self.start, line_end + 1)));
            }
        }
        self.looked = buf.len();
        self.check_unfinished(limits).map(|()| None)
    }

    /// Whether a byte of a request line has arrived: from then on the client owes us the rest.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Skips empty lines, and refuses at once what cannot become a method: a TLS hello, say.
    fn find_start(&mut self, buf: &[u8]) -> Result<bool, Refusal> {
        loop {
            match buf[self.start..] {
                [] | [b'\r'] => return Ok(false),
                [b'\r', b'\n', ..] if self.empty_lines == LEADING_EMPTY_LINES_MAX => {
                    return Err(Refusal::TooManyEmptyLines);
                }
                [b'\r', b'\n', ..] => {
                    self.empty_lines += 1;
                    self.start += 2;
                }
                [b'\r', ..] => return Err(Refusal::BareCr),
                [b'\n', ..] => return Err(Refusal::BareLf),
                [byte, ..] if is_token_byte(byte) => break,
                _ => return Err(Refusal::BadMethod),
            }
        }
        self.begun = true;
        self.looked = self.start;
        self.line_start = self.start;
        Ok(true)
    }

    /// Takes note of the line whose LF stands at `line_end`; true if it is the empty one that ends the head.
    fn end_line(&mut self, buf: &[u8], line_end: usize, limits: &Limits) -> Result<bool, Refusal> {
        let ends_in_crlf = buf[line_end - 1] == b'\r';
        let length = line_end - self.line_start - usize::from(ends_in_crlf);
        if self.lines == 0 && length > limits.request_line_max {
            return Err(Refusal::RequestLineTooLong);
        }
        if line_end + 1 - self.start > limits.head_bytes_max {
            return Err(Refusal::HeadTooLarge);
        }
        if !ends_in_crlf {
            return Err(Refusal::BareLf);
        }
        if length == 0 {
            return Ok(true);
        }
        if usize::from(self.lines) > limits.headers_max.min(HEADERS_ROOM) {
            return Err(Refusal::TooManyHeaders);
        }
        self.lines += 1;
        self.line_start = line_end + 1;
        Ok(false)
    }

    fn check_unfinished(&self, limits: &Limits) -> Result<(), Refusal> {
        // One byte more than the limit may be the CR of a line that just fits.
        if self.lines == 0 && self.looked - self.line_start > limits.request_line_max + 1 {
            return Err(Refusal::RequestLineTooLong);
        }
        if self.looked - self.start > limits.head_bytes_max {
            return Err(Refusal::HeadTooLarge);
        }
        Ok(())
    }
}
