//! A request's body, decoded as it arrives and without copying it.

use super::chunk::ChunkDecoder;
use super::framing::Framing;
use super::limits::Limits;
use super::refusal::Refusal;
use super::trailers::Trailers;

/// What a step of decoding gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'i> {
    /// Some of the body, never empty. There may be more in the input: ask again with the rest.
    Data(&'i [u8]),
    /// All the input is used up; more is needed.
    More,
    /// The body is whole. What was not used belongs to the next request.
    End,
}

/// Decodes one body. Once it has given [`Piece::End`] it goes on doing so and uses nothing.
#[derive(Debug)]
pub enum BodyDecoder {
    /// By Content-Length, or no body at all.
    Length(LengthDecoder),
    /// By chunks.
    Chunked(ChunkDecoder),
    /// By the end of its stream (HTTP/2), which is told apart from its bytes; h2 holds it to its Content-Length.
    Stream(StreamDecoder),
}

impl Default for BodyDecoder {
    /// Of no body.
    fn default() -> Self {
        Self::new(Framing::None)
    }
}

impl BodyDecoder {
    /// A decoder for the body after a head with this framing.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::Length(LengthDecoder::new(0)),
            Framing::Length(length) => Self::Length(LengthDecoder::new(length)),
            Framing::Chunked => Self::Chunked(ChunkDecoder::default()),
            Framing::Stream => Self::of_stream(framing),
        }
    }

    /// A decoder for the body of a stream of HTTP/2.
    pub fn of_stream(framing: Framing) -> Self {
        let is_ended = matches!(framing, Framing::None | Framing::Length(0));
        Self::Stream(StreamDecoder { is_ended, trailers: Trailers::default() })
    }

    /// Takes one step. Gives how many bytes of `input` were used, those of the piece included.
    ///
    /// # Errors
    /// [`Refusal`] when chunks are malformed. It is final; the body is cut, not ended.
    #[inline]
    pub fn decode<'i>(&mut self, input: &'i [u8], limits: &Limits) -> Result<(usize, Piece<'i>), Refusal> {
        match self {
            Self::Length(decoder) => Ok(decoder.decode(input)),
            Self::Chunked(decoder) => decoder.decode(input, limits),
            Self::Stream(decoder) => Ok(decoder.decode(input)),
        }
    }

    /// No more input comes: true if that makes the body whole.
    pub fn end_of_input(&mut self, trailers: Trailers) -> bool {
        match self {
            Self::Stream(decoder) => {
                *decoder = StreamDecoder { is_ended: true, trailers };
                true
            }
            _ => self.is_done(),
        }
    }

    /// Whether the whole body has been seen. If the connection ends before, the body was cut.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Length(decoder) => decoder.left == 0,
            Self::Chunked(decoder) => decoder.is_done(),
            Self::Stream(decoder) => decoder.is_ended,
        }
    }

    /// The trailers, once, after the end.
    pub fn take_trailers(&mut self) -> Trailers {
        match self {
            Self::Length(_) => Trailers::default(),
            Self::Chunked(decoder) => decoder.take_trailers(),
            Self::Stream(decoder) => std::mem::take(&mut decoder.trailers),
        }
    }
}

/// Counts a body of known length.
#[derive(Debug)]
pub struct LengthDecoder {
    left: u64,
}

impl LengthDecoder {
    /// A decoder of so many bytes.
    pub fn new(length: u64) -> Self {
        Self { left: length }
    }

    /// Bytes still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes one step; see [`BodyDecoder::decode`].
    #[inline]
    pub fn decode<'i>(&mut self, input: &'i [u8]) -> (usize, Piece<'i>) {
        if self.left == 0 {
            return (0, Piece::End);
        }
        if input.is_empty() {
            return (0, Piece::More);
        }
        let data = split_data(&mut self.left, input);
        (data.len(), Piece::Data(data))
    }
}

/// Passes on a body whose end is told.
#[derive(Debug)]
pub struct StreamDecoder {
    is_ended: bool,
    trailers: Trailers,
}

impl StreamDecoder {
    fn decode<'i>(&mut self, input: &'i [u8]) -> (usize, Piece<'i>) {
        match input {
            _ if self.is_ended => (0, Piece::End),
            [] => (0, Piece::More),
            data => (data.len(), Piece::Data(data)),
        }
    }
}

/// Takes as much of `input` as belongs to `left` bytes of data.
pub(super) fn split_data<'i>(left: &mut u64, input: &'i [u8]) -> &'i [u8] {
    let take = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= take as u64;
    &input[..take]
}
