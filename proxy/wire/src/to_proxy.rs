//! What travels from a backend to the proxy.

use crate::bytes::Take;
use crate::codes::{
    check_stream, closing, flag, kind, put_reason, take_data, take_final, take_headers, take_informational,
    take_reason,
};
use crate::frame::{put_frame, put_frame_with};
use crate::headers::put_headers;
use crate::{
    Frame, GoodbyeCode, HeaderWriter, Headers, Hello, LINK_STREAM, Proof, ReplyFields, ReplyHead, ResetCode,
    StreamId, WireError,
};

/// What the proxy reads.
///
/// Each REQUEST is answered by exactly one *closing frame*: REPLY, DATA or TRAILERS with `end`, RESET, or REFUSE. With
/// `hold` the closing frame keeps the slot and the stream's number busy until RELEASE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToProxy<'a> {
    /// The first frame of a link.
    Hello(Hello),
    /// The answer to a challenge.
    Proof(Proof),
    /// The app has begun to run this request. Rides with the next write; INFORM and REPLY imply it.
    Started(StreamId),
    /// An informational reply, 100 to 199 but not 101.
    Inform {
        /// On this stream.
        stream: StreamId,
        /// Its `body` is none.
        head: ReplyHead<&'a [u8]>,
    },
    /// The reply.
    Reply {
        /// On this stream.
        stream: StreamId,
        /// Status 101 makes the stream a tunnel.
        head: ReplyHead<&'a [u8]>,
        /// No body follows.
        end: bool,
        /// With `end`: the slot is not free yet.
        hold: bool,
    },
    /// A piece of the reply's body, or of what the app sends through a tunnel.
    Data {
        /// On this stream.
        stream: StreamId,
        /// At most [`crate::limits::DATA_MAX`] bytes, within the window.
        data: &'a [u8],
        /// The last.
        end: bool,
        /// With `end`: the slot is not free yet.
        hold: bool,
    },
    /// The trailers of the reply's body, which ends here.
    Trailers {
        /// On this stream.
        stream: StreamId,
        /// At least one.
        headers: Headers<'a>,
        /// The slot is not free yet.
        hold: bool,
    },
    /// The reply will not come, or not whole: the client's is cut, or answered 502 if it has not begun.
    Reset {
        /// On this stream.
        stream: StreamId,
        /// Why.
        code: ResetCode,
        /// One sentence for the log.
        reason: String,
    },
    /// The backend has no free slot for this request (or drains); the app has not seen it.
    Refuse(StreamId),
    /// The slot is free: the one that a closing frame held, or that of a tunnel which needs none any more.
    Release(StreamId),
    /// So many more bytes of request body are welcome.
    Window {
        /// On this stream.
        stream: StreamId,
        /// Bytes.
        credit: u32,
    },
    /// From now on so many requests at once; zero is a pause.
    Slots(u16),
    /// Nothing new, please; what has begun will be finished.
    Drain,
    /// Answer with PONG and the same number.
    Ping(u64),
    /// The answer to PING.
    Pong(u64),
    /// The link is closed after this.
    Goodbye {
        /// For the program.
        code: GoodbyeCode,
        /// One sentence for the operator.
        reason: String,
    },
    /// A frame of a later version.
    Unknown(u8),
}

/// Appends a REPLY in one pass: its fields, then the headers that `write_headers` gives.
///
/// # Panics
/// When a name or value is longer than 65,535 bytes, the frame longer than [`crate::limits::FRAME_PAYLOAD_MAX`], or the
/// stream's number above [`crate::limits::STREAM_MAX`]. Nothing of the frame is left in `out` then.
#[inline]
pub fn put_reply(
    out: &mut Vec<u8>,
    stream: StreamId,
    fields: &ReplyFields<'_>,
    end: bool,
    hold: bool,
    write_headers: impl FnOnce(&mut HeaderWriter<'_>),
) {
    put_frame_with(out, kind::REPLY, closing(end, hold), stream, |out| {
        ReplyHead::write(out, fields, write_headers);
    });
}

impl<'a> ToProxy<'a> {
    /// What this frame says.
    ///
    /// # Errors
    /// [`WireError`] when it is malformed or may not be sent to the proxy.
    #[inline]
    pub fn read(frame: Frame<'a>) -> Result<Self, WireError> {
        let Frame { kind, flags, stream, payload } = frame;
        check_stream(kind, stream)?;
        let end = flags & flag::END != 0;
        let held = flags & flag::HOLD != 0;
        Ok(match kind {
            kind::REPLY => Self::Reply { stream, head: take_final(payload)?, end, hold: end && held },
            kind::DATA => Self::Data { stream, data: take_data(payload)?, end, hold: end && held },
            kind::STARTED => Self::Started(stream),
            kind::TRAILERS => Self::Trailers { stream, headers: take_headers(payload)?, hold: held },
            kind::INFORM => Self::Inform { stream, head: take_informational(payload)? },
            kind::RESET => {
                let (code, reason) = take_reason(payload)?;
                Self::Reset { stream, code: ResetCode::from_number(code), reason }
            }
            kind::REFUSE => Self::Refuse(stream),
            kind::RELEASE => Self::Release(stream),
            kind::WINDOW => Self::Window { stream, credit: Take::new(payload).u32("credit")? },
            kind::SLOTS => match Take::new(payload).u16("slots")? {
                slots if slots <= crate::limits::SLOTS_MAX => Self::Slots(slots),
                _ => return Err(WireError::BadValue { field: "slots" }),
            },
            kind::DRAIN => Self::Drain,
            kind::PING => Self::Ping(Take::new(payload).u64("ping")?),
            kind::PONG => Self::Pong(Take::new(payload).u64("pong")?),
            kind::GOODBYE => {
                let (code, reason) = take_reason(payload)?;
                Self::Goodbye { code: GoodbyeCode::from_number(code), reason }
            }
            kind::HELLO => Self::Hello(Hello::read(payload)?),
            kind::PROOF => Self::Proof(Proof { mac: Take::new(payload).array("mac")? }),
            later if later >= kind::LATER => Self::Unknown(later),
            kind => return Err(WireError::UnexpectedFrame { kind }),
        })
    }

    /// Appends the frame that says this.
    ///
    /// # Panics
    /// When the frame is longer than [`crate::limits::FRAME_PAYLOAD_MAX`] or its stream's number above
    /// [`crate::limits::STREAM_MAX`]; nothing that was read from a link is.
    pub fn write(&self, out: &mut Vec<u8>) {
        let link = LINK_STREAM;
        match self {
            Self::Reply { stream, head, end, hold } => {
                put_frame(out, kind::REPLY, closing(*end, *hold), *stream, head.as_bytes());
            }
            Self::Data { stream, data, end, hold } => {
                put_frame(out, kind::DATA, closing(*end, *hold), *stream, data);
            }
            Self::Trailers { stream, headers, hold } => {
                let flags = closing(true, *hold);
                put_frame_with(out, kind::TRAILERS, flags, *stream, |out| put_headers(out, *headers));
            }
            Self::Started(stream) => put_frame(out, kind::STARTED, 0, *stream, &[]),
            Self::Inform { stream, head } => put_frame(out, kind::INFORM, 0, *stream, head.as_bytes()),
            Self::Reset { stream, code, reason } => {
                put_reason(out, kind::RESET, *stream, code.number(), reason);
            }
            Self::Refuse(stream) => put_frame(out, kind::REFUSE, 0, *stream, &[]),
            Self::Release(stream) => put_frame(out, kind::RELEASE, 0, *stream, &[]),
            Self::Window { stream, credit } => {
                put_frame(out, kind::WINDOW, 0, *stream, &credit.to_be_bytes());
            }
            Self::Slots(slots) => put_frame(out, kind::SLOTS, 0, link, &slots.to_be_bytes()),
            Self::Drain => put_frame(out, kind::DRAIN, 0, link, &[]),
            Self::Ping(number) => put_frame(out, kind::PING, 0, link, &number.to_be_bytes()),
            Self::Pong(number) => put_frame(out, kind::PONG, 0, link, &number.to_be_bytes()),
            Self::Goodbye { code, reason } => put_reason(out, kind::GOODBYE, link, code.number(), reason),
            Self::Hello(hello) => put_frame_with(out, kind::HELLO, 0, link, |out| hello.write(out)),
            Self::Proof(proof) => put_frame(out, kind::PROOF, 0, link, &proof.mac),
            Self::Unknown(kind) => put_frame(out, *kind, 0, link, &[]),
        }
    }

    /// The stream that this frame closes, and whether its slot stays busy.
    pub fn closes(&self) -> Option<(StreamId, bool)> {
        match *self {
            Self::Reply { stream, end: true, hold, .. }
            | Self::Data { stream, end: true, hold, .. }
            | Self::Trailers { stream, hold, .. } => Some((stream, hold)),
            Self::Reset { stream, .. } | Self::Refuse(stream) => Some((stream, false)),
            _ => None,
        }
    }
}
