//! The numbers of the protocol: frame types, flag bits, and reasons; and the few payloads that both directions share.

use crate::bytes::{Take, put_text};
use crate::frame::put_frame_with;
use crate::{Body, Headers, LINK_STREAM, ReplyHead, StreamId, WireError};

/// Frame types. Those from 0x80 on are for later versions; a receiver skips the ones it does not know.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const CHALLENGE: u8 = 0x02;
    pub(crate) const PROOF: u8 = 0x03;
    pub(crate) const WELCOME: u8 = 0x04;
    pub(crate) const REFUSAL: u8 = 0x05;
    pub(crate) const REQUEST: u8 = 0x10;
    pub(crate) const DATA: u8 = 0x11;
    pub(crate) const TRAILERS: u8 = 0x12;
    pub(crate) const WINDOW: u8 = 0x13;
    pub(crate) const CANCEL: u8 = 0x14;
    pub(crate) const STARTED: u8 = 0x20;
    pub(crate) const INFORM: u8 = 0x21;
    pub(crate) const REPLY: u8 = 0x22;
    pub(crate) const RESET: u8 = 0x23;
    pub(crate) const REFUSE: u8 = 0x24;
    pub(crate) const RELEASE: u8 = 0x25;
    pub(crate) const SLOTS: u8 = 0x30;
    pub(crate) const DRAIN: u8 = 0x31;
    pub(crate) const PING: u8 = 0x32;
    pub(crate) const PONG: u8 = 0x33;
    pub(crate) const GOODBYE: u8 = 0x34;
    pub(crate) const LATER: u8 = 0x80;
}

/// Flag bits.
pub(crate) mod flag {
    /// REQUEST, REPLY, DATA, TRAILERS: nothing more in this direction of the stream.
    pub(crate) const END: u8 = 0x01;
    /// With END from a backend: the slot is not free yet; RELEASE follows.
    pub(crate) const HOLD: u8 = 0x02;
    /// REQUEST: the client waits for `100 Continue`; body flows only after INFORM 100, or never if the reply comes first.
    pub(crate) const EXPECT: u8 = 0x04;
    /// REQUEST: the client offers to upgrade; a reply with 101 makes the stream a tunnel.
    pub(crate) const UPGRADE: u8 = 0x08;
    /// REQUEST: this delivery follows one to a backend that died or refused.
    pub(crate) const REPLAY: u8 = 0x10;
}

/// A code that fills one byte on the wire.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// Another number, of a later version.
            Other(u8),
        }

        impl $name {
            pub(crate) fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)* Self::Other(number) => number }
            }

            pub(crate) fn from_number(number: u8) -> Self {
                match number { $($number => Self::$variant,)* other => Self::Other(other) }
            }
        }
    };
}

codes! {
    /// Why the proxy no longer wants a reply.
    CancelCode {
        /// The client closed its side. A reply that still comes is delivered if it can be.
        ClientLeft = 1,
        /// The client's request broke off: the rest of its body never comes.
        RequestCut = 2,
        /// The proxy's own time limit passed; the client has its answer.
        Deadline = 3,
    }
}

codes! {
    /// Why a backend ended an exchange without a whole reply.
    ResetCode {
        /// The app raised, gave too much or too little, or gave nothing.
        AppFault = 1,
        /// After CANCEL: the exchange is over on this side too.
        Cancelled = 2,
        /// The process is going down and the app was stopped.
        Stopping = 3,
    }
}

codes! {
    /// Why a side closes the link after this frame.
    GoodbyeCode {
        /// All is done: the backend has drained, or the proxy is going down.
        Done = 1,
        /// The other side broke the protocol.
        Breach = 2,
        /// Nothing was heard for too long.
        Silence = 3,
        /// Another link took this one's place.
        Replaced = 4,
    }
}

pub(crate) fn bits(wanted: &[(bool, u8)]) -> u8 {
    wanted.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit)
}

pub(crate) fn closing(end: bool, hold: bool) -> u8 {
    bits(&[(end, flag::END), (hold, flag::HOLD)])
}

/// Checks that a frame about an exchange names a stream and one about the link names none.
#[inline]
pub(crate) fn check_stream(kind: u8, stream: StreamId) -> Result<(), WireError> {
    let fits = match kind {
        kind::REQUEST..kind::SLOTS => stream != LINK_STREAM,
        kind::LATER.. => true,
        _ => stream == LINK_STREAM,
    };
    if fits { Ok(()) } else { Err(WireError::BadValue { field: "stream" }) }
}

#[inline]
pub(crate) fn take_data(payload: &[u8]) -> Result<&[u8], WireError> {
    let (announced, limit) = (payload.len(), crate::limits::DATA_MAX);
    if announced > limit { Err(WireError::FrameTooLong { announced, limit }) } else { Ok(payload) }
}

pub(crate) fn take_headers(payload: &[u8]) -> Result<Headers<'_>, WireError> {
    Headers::take(&mut Take::new(payload))
}

pub(crate) fn take_informational(payload: &[u8]) -> Result<ReplyHead<&[u8]>, WireError> {
    let head = ReplyHead::read(payload)?;
    match (head.status(), head.body()) {
        (100 | 102..=199, Body::None) => Ok(head),
        (100 | 102..=199, _) => Err(WireError::BadValue { field: "body" }),
        _ => Err(WireError::BadValue { field: "status" }),
    }
}

/// A REPLY is final, or opens a tunnel. An informational one in its place would leave the client waiting for another,
/// and what follows would pass for the answer to its next request.
#[inline]
pub(crate) fn take_final(payload: &[u8]) -> Result<ReplyHead<&[u8]>, WireError> {
    let head = ReplyHead::read(payload)?;
    match head.status() {
        101 | 200.. => Ok(head),
        _ => Err(WireError::BadValue { field: "status" }),
    }
}

pub(crate) fn take_reason(payload: &[u8]) -> Result<(u8, String), WireError> {
    let mut from = Take::new(payload);
    Ok((from.u8("code")?, from.text("reason")?))
}

pub(crate) fn put_reason(out: &mut Vec<u8>, kind: u8, stream: StreamId, code: u8, reason: &str) {
    put_frame_with(out, kind, 0, stream, |out| {
        out.push(code);
        put_text(out, reason);
    });
}
