//! The frame: eight bytes that say how long, what, and on which stream; then the payload.

use crate::WireError;
use crate::limits::{FRAME_PAYLOAD_MAX, STREAM_MAX};

/// Length of a frame's header: `length: u24, kind: u8, flags: u8, stream: u24`, big-endian.
pub const FRAME_HEADER_BYTES: usize = 8;

/// The number of a stream on its link, from 1 to [`STREAM_MAX`]. The proxy chooses it; it is free again after the closing
/// frame of the backend (see [`crate::ToProxy`]).
pub type StreamId = u32;

/// The stream number of frames that speak of the link itself.
pub const LINK_STREAM: StreamId = 0;

/// One frame, borrowed from the buffer it arrived in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the payload is; see [`crate::ToBackend`] and [`crate::ToProxy`].
    pub kind: u8,
    /// Bits whose meaning depends on `kind`; unknown bits are ignored.
    pub flags: u8,
    /// The stream that it belongs to, or [`LINK_STREAM`].
    pub stream: StreamId,
    /// The rest.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads one frame off the front of `input`. `None`: it is not all there yet.
    ///
    /// # Errors
    /// [`WireError::FrameTooLong`] as soon as the header announces more than `payload_max` bytes.
    #[inline]
    pub fn parse(input: &'a [u8], payload_max: usize) -> Result<Option<(usize, Frame<'a>)>, WireError> {
        let Some((header, rest)) = input.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u24(header[0], header[1], header[2]) as usize;
        if length > payload_max {
            return Err(WireError::FrameTooLong { announced: length, limit: payload_max });
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = Frame {
            kind: header[3],
            flags: header[4],
            stream: u24(header[5], header[6], header[7]),
            payload,
        };
        Ok(Some((FRAME_HEADER_BYTES + length, frame)))
    }
}

/// Appends a frame whose payload is already there.
#[inline]
pub(crate) fn put_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: StreamId, payload: &[u8]) {
    out.extend_from_slice(&header(payload.len(), kind, flags, stream));
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload `write` produces; the length is filled in afterwards. Should `write` panic, nothing of
/// the frame stays in `out`: a link that goes on after half a frame would take a payload for frames.
#[inline]
pub(crate) fn put_frame_with(
    out: &mut Vec<u8>,
    kind: u8,
    flags: u8,
    stream: StreamId,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let frame = Unfinished { start: out.len(), out };
    frame.out.extend_from_slice(&header(0, kind, flags, stream));
    write(frame.out);
    let length = frame.out.len() - frame.start - FRAME_HEADER_BYTES;
    let filled = header(length, kind, flags, stream);
    frame.out[frame.start..frame.start + FRAME_HEADER_BYTES].copy_from_slice(&filled);
    std::mem::forget(frame);
}

/// A frame being written; dropped before it is whole, it takes its bytes back.
struct Unfinished<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// # Panics
/// When the payload is longer than a peer accepts, or the stream has no such number: cut down to the bits that there
/// are, either would reach the wrong exchange. Both are faults of this side's program; nothing on the wire leads here.
#[inline]
fn header(length: usize, kind: u8, flags: u8, stream: StreamId) -> [u8; FRAME_HEADER_BYTES] {
    assert!(length <= FRAME_PAYLOAD_MAX, "a frame of {length} bytes is longer than a peer accepts");
    assert!(stream <= STREAM_MAX, "stream {stream} does not fit into 24 bits");
    let [_, l0, l1, l2] = (length as u32).to_be_bytes();
    let [_, s0, s1, s2] = stream.to_be_bytes();
    [l0, l1, l2, kind, flags, s0, s1, s2]
}

#[inline]
fn u24(a: u8, b: u8, c: u8) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}
