//! The chunked coding (RFC 9112 section 7.1) of a reply that an app writes as text, undone: on a link lengths are fields.

use crate::{Reply, ReplyError};

/// Bytes of the lines around chunks (sizes, extensions, trailers), each: none that is meant is longer.
const LINE_BYTES_MAX: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: State,
    /// A line that is not all there yet.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data {
        left: u64,
    },
    DataEnd,
    Trailers,
    Over,
}

impl Chunks {
    /// The last chunk and all behind it is there.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Gives the data in it to the reply. Returns how much of all was taken, and whether more would be at once.
    pub(crate) fn pass_on(&mut self, bytes: &[u8], reply: &Reply) -> Result<(usize, bool), ReplyError> {
        match self.state {
            State::Over => Ok((bytes.len(), true)),
            State::Data { left } => {
                let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let n = reply.try_write(&bytes[..allowed])?;
                let left = left - n as u64;
                self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
                Ok((n, n == allowed))
            }
            State::Size | State::DataEnd | State::Trailers => {
                let n = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
                self.line.extend_from_slice(&bytes[..n]);
                if self.line.len() > LINE_BYTES_MAX {
                    return Err(bad("a line among its chunks is too long"));
                }
                if self.line.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.line);
                    let line = line
                        .strip_suffix(b"\r\n")
                        .ok_or_else(|| bad("a line among its chunks has no CRLF"))?;
                    self.state = self.after(line)?;
                }
                Ok((n, true))
            }
        }
    }

    fn after(&self, line: &[u8]) -> Result<State, ReplyError> {
        match self.state {
            State::Size => match size(line).ok_or_else(|| bad("a chunk has no size"))? {
                0 => Ok(State::Trailers),
                left => Ok(State::Data { left }),
            },
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::DataEnd => Err(bad("a chunk is longer than its size")),
            // Trailers of such a reply go nowhere: nobody has said that the client takes them.
            State::Trailers if !line.is_empty() => Ok(State::Trailers),
            state => Ok(if state == State::Trailers { State::Over } else { state }),
        }
    }
}

fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn bad(why: &str) -> ReplyError {
    ReplyError::BadText(why.to_owned())
}
