//! What travels from the proxy to a backend.

use crate::bytes::Take;
use crate::codes::{bits, check_stream, flag, kind, put_reason, take_data, take_headers, take_reason};
use crate::frame::{put_frame, put_frame_with};
use crate::headers::put_headers;
use crate::{
    CancelCode, Challenge, Frame, GoodbyeCode, Headers, LINK_STREAM, Refusal, RequestHead, StreamId, Welcome,
    WireError,
};

/// What a backend reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToBackend<'a> {
    /// Prove that you hold the key.
    Challenge(Challenge),
    /// The link counts.
    Welcome(Welcome),
    /// The link does not count, and is closed.
    Refusal(Refusal),
    /// A request, for a slot that this backend had free.
    Request {
        /// Its number until the backend's closing frame.
        stream: StreamId,
        /// The head.
        head: RequestHead<&'a [u8]>,
        /// What else there is to know.
        flags: RequestFlags,
    },
    /// A piece of the request's body, or of what the client sends through a tunnel.
    Data {
        /// Of this request.
        stream: StreamId,
        /// At most [`crate::limits::DATA_MAX`] bytes, within the window.
        data: &'a [u8],
        /// The last.
        end: bool,
    },
    /// The trailers of the request's body, which ends here.
    Trailers {
        /// Of this request.
        stream: StreamId,
        /// At least one.
        headers: Headers<'a>,
    },
    /// So many more bytes of reply body are welcome.
    Window {
        /// On this stream.
        stream: StreamId,
        /// Bytes.
        credit: u32,
    },
    /// The reply is no longer wanted. The backend still ends the stream with a closing frame.
    Cancel {
        /// On this stream.
        stream: StreamId,
        /// Why.
        code: CancelCode,
    },
    /// Answer with PONG and the same number.
    Ping(u64),
    /// The answer to PING.
    Pong(u64),
    /// The proxy wants to go down: bring your links to its successor if there is one, finish, say goodbye.
    Drain,
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

/// The flags of a REQUEST.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RequestFlags {
    /// No body follows.
    pub end: bool,
    /// The client waits for `100 Continue`: body flows only after INFORM 100, or never if the reply comes first.
    pub expects_continue: bool,
    /// The client offers to upgrade; a reply with 101 makes the stream a tunnel.
    pub upgrade: bool,
    /// It was given to another backend before, which died or refused.
    pub replay: bool,
}

impl RequestFlags {
    fn from_bits(flags: u8) -> Self {
        Self {
            end: flags & flag::END != 0,
            expects_continue: flags & flag::EXPECT != 0,
            upgrade: flags & flag::UPGRADE != 0,
            replay: flags & flag::REPLAY != 0,
        }
    }

    fn bits(self) -> u8 {
        bits(&[
            (self.end, flag::END),
            (self.expects_continue, flag::EXPECT),
            (self.upgrade, flag::UPGRADE),
            (self.replay, flag::REPLAY),
        ])
    }
}

/// Appends a REQUEST whose head is written already (by [`RequestHead::write`]), without reading it again.
///
/// # Panics
/// When the head is longer than [`crate::limits::FRAME_PAYLOAD_MAX`] or the stream's number above
/// [`crate::limits::STREAM_MAX`].
#[inline]
pub fn put_request(out: &mut Vec<u8>, stream: StreamId, flags: RequestFlags, head: &[u8]) {
    put_frame(out, kind::REQUEST, flags.bits(), stream, head);
}

impl<'a> ToBackend<'a> {
    /// What this frame says.
    ///
    /// # Errors
    /// [`WireError`] when it is malformed or may not be sent to a backend.
    #[inline]
    pub fn read(frame: Frame<'a>) -> Result<Self, WireError> {
        let Frame { kind, flags, stream, payload } = frame;
        check_stream(kind, stream)?;
        let has = |bit| flags & bit != 0;
        Ok(match kind {
            kind::REQUEST => Self::Request {
                stream,
                head: RequestHead::read(payload)?,
                flags: RequestFlags::from_bits(flags),
            },
            kind::DATA => Self::Data { stream, data: take_data(payload)?, end: has(flag::END) },
            kind::TRAILERS => Self::Trailers { stream, headers: take_headers(payload)? },
            kind::WINDOW => Self::Window { stream, credit: Take::new(payload).u32("credit")? },
            kind::CANCEL => {
                Self::Cancel { stream, code: CancelCode::from_number(Take::new(payload).u8("code")?) }
            }
            kind::PING => Self::Ping(Take::new(payload).u64("ping")?),
            kind::PONG => Self::Pong(Take::new(payload).u64("pong")?),
            kind::DRAIN => Self::Drain,
            kind::GOODBYE => {
                let (code, reason) = take_reason(payload)?;
                Self::Goodbye { code: GoodbyeCode::from_number(code), reason }
            }
            kind::CHALLENGE => Self::Challenge(Challenge { nonce: Take::new(payload).array("nonce")? }),
            kind::WELCOME => Self::Welcome(Welcome::read(payload)?),
            kind::REFUSAL => Self::Refusal(Refusal::read(payload)?),
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
            Self::Request { stream, head, flags } => put_request(out, *stream, *flags, head.as_bytes()),
            Self::Data { stream, data, end } => {
                put_frame(out, kind::DATA, bits(&[(*end, flag::END)]), *stream, data);
            }
            Self::Trailers { stream, headers } => {
                put_frame_with(out, kind::TRAILERS, flag::END, *stream, |out| put_headers(out, *headers));
            }
            Self::Window { stream, credit } => {
                put_frame(out, kind::WINDOW, 0, *stream, &credit.to_be_bytes());
            }
            Self::Cancel { stream, code } => {
                put_frame(out, kind::CANCEL, 0, *stream, &[code.number()]);
            }
            Self::Ping(number) => put_frame(out, kind::PING, 0, link, &number.to_be_bytes()),
            Self::Pong(number) => put_frame(out, kind::PONG, 0, link, &number.to_be_bytes()),
            Self::Drain => put_frame(out, kind::DRAIN, 0, link, &[]),
            Self::Goodbye { code, reason } => put_reason(out, kind::GOODBYE, link, code.number(), reason),
            Self::Challenge(challenge) => put_frame(out, kind::CHALLENGE, 0, link, &challenge.nonce),
            Self::Welcome(welcome) => put_frame_with(out, kind::WELCOME, 0, link, |out| welcome.write(out)),
            Self::Refusal(refusal) => put_frame_with(out, kind::REFUSAL, 0, link, |out| refusal.write(out)),
            Self::Unknown(kind) => put_frame(out, *kind, 0, link, &[]),
        }
    }
}
