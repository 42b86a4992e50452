//! Chunked bodies (RFC 9112 section 7.1).
//!
//! ```text
//!  Size ──;──► ExtensionName ──► Extension
//!    │                               │
//!    └───CR──────────────────────CR──┴──► SizeLf ─┬─LF, size > 0──► Data ──► DataCr ──CR──► DataLf ──LF──► Size
//!                                                 └─LF, size 0────► Trailers ──► Done
//! ```

use swiftiply_wire::is_token_byte;

use super::body::{Piece, split_data};
use super::limits::{CHUNK_SIZE_DIGITS_MAX, Limits};
use super::refusal::Refusal;
use super::trailers::{TrailerReader, Trailers};

/// Decodes one chunked body. Extensions are checked and ignored; data is handed out as it arrives, wherever it is cut.
#[derive(Debug, Default)]
pub struct ChunkDecoder {
    state: State,
    /// The size while it is read, then what is left of the data.
    left: u64,
    digits: u8,
    extension_bytes: usize,
    trailers: TrailerReader,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    ExtensionName,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    Done,
}

impl ChunkDecoder {
    /// Takes one step; see [`BodyDecoder::decode`](super::BodyDecoder::decode).
    ///
    /// # Errors
    /// [`Refusal`] at the first byte that is out of place.
    pub fn decode<'i>(&mut self, input: &'i [u8], limits: &Limits) -> Result<(usize, Piece<'i>), Refusal> {
        let mut used = 0;
        loop {
            match self.state {
                State::Done => return Ok((used, Piece::End)),
                _ if used == input.len() => return Ok((used, Piece::More)),
                State::Data => {
                    let data = split_data(&mut self.left, &input[used..]);
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok((used + data.len(), Piece::Data(data)));
                }
                State::Trailers => {
                    let (more, is_done) = self.trailers.read(&input[used..], limits)?;
                    used += more;
                    if is_done {
                        self.state = State::Done;
                    }
                }
                _ => {
                    self.state = self.after(input[used], limits)?;
                    used += 1;
                }
            }
        }
    }

    /// Whether the last chunk and the trailers have been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailers, once, after the end.
    pub fn take_trailers(&mut self) -> Trailers {
        self.trailers.take()
    }

    /// The state after this byte of a chunk's frame.
    fn after(&mut self, byte: u8, limits: &Limits) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => Ok(State::SizeLf),
            (State::Size, b';') if self.digits > 0 => self.extension(State::ExtensionName, limits),
            (State::Size, b'\n') if self.digits > 0 => Err(Refusal::BareLf),
            (State::Size, digit) => self.add_digit(digit),
            (State::ExtensionName, b' ' | b'\t') => self.extension(State::ExtensionName, limits),
            (State::ExtensionName, name) if is_token_byte(name) => self.extension(State::Extension, limits),
            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.extension(State::Extension, limits),
            (State::Extension, b'\n') => Err(Refusal::BareLf),
            (State::ExtensionName | State::Extension, _) => Err(Refusal::BadChunkExtension),
            (State::SizeLf, b'\n') => Ok(self.begin_data()),
            (State::SizeLf, _) => Err(Refusal::BareCr),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            _ => Err(Refusal::BadChunkEnd),
        }
    }

    fn add_digit(&mut self, byte: u8) -> Result<State, Refusal> {
        let digit = char::from(byte).to_digit(16).ok_or(Refusal::BadChunkSize)?;
        if self.digits == CHUNK_SIZE_DIGITS_MAX {
            return Err(Refusal::BadChunkSize);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(State::Size)
    }

    /// Counts a byte of an extension over the whole body, so that many short ones are bounded too.
    fn extension(&mut self, next: State, limits: &Limits) -> Result<State, Refusal> {
        self.extension_bytes += 1;
        if self.extension_bytes > limits.chunk_extension_bytes_max {
            return Err(Refusal::ChunkExtensionsTooLong);
        }
        Ok(next)
    }

    fn begin_data(&mut self) -> State {
        self.digits = 0;
        if self.left == 0 { State::Trailers } else { State::Data }
    }
}
