//! One exchange: a request's body coming in, its reply going out. No I/O, no clock.
//!
//! The two halves live apart, because a reply may end before its request's body has come, and the other way round.

mod body;
mod reply;

use swiftiply_wire::{CancelCode, RequestFlags, RequestHead, StreamId};

use crate::connector::LinkId;
use crate::{ReadError, ReplyError, StreamKey};

pub(crate) use body::RequestBody;
pub(crate) use reply::{Outlet, ReplyHalf};

/// One exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) key: StreamKey,
    /// The link that it lives on; `None` once its stream is closed there, or the link itself is.
    pub(crate) link: Option<LinkId>,
    pub(crate) stream: StreamId,
    pub(crate) flags: RequestFlags,
    /// The head, until the app takes it.
    pub(crate) head: Option<RequestHead<Vec<u8>>>,
    pub(crate) body: RequestBody,
    pub(crate) reply: ReplyHalf,
    /// Why nobody waits for the reply any more.
    pub(crate) gone: Option<Gone>,
    /// The end of the reply does not free the slot.
    pub(crate) holds_slot: bool,
    /// The app runs it still, as far as anybody can tell.
    pub(crate) fills_slot: bool,
    /// It counts as one of the backend's tunnels; as soon as it is one, it fills no slot.
    pub(crate) claims_tunnel: bool,
}

/// Why nobody waits for a reply any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// A reply that is whole is still sent: a client that has closed only its sending half can read it.
    ClientLeft,
    Deadline,
    LinkLost,
    Stopped,
}

impl From<CancelCode> for Gone {
    fn from(code: CancelCode) -> Self {
        match code {
            CancelCode::Deadline => Self::Deadline,
            CancelCode::ClientLeft | CancelCode::RequestCut | CancelCode::Other(_) => Self::ClientLeft,
        }
    }
}

impl From<Gone> for ReadError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::ClientLeft => Self::ClientGone,
            Gone::Deadline => Self::Deadline,
            Gone::LinkLost => Self::LinkLost,
            Gone::Stopped => Self::Stopped,
        }
    }
}

impl From<Gone> for ReplyError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::ClientLeft => Self::ClientGone,
            Gone::Deadline => Self::Deadline,
            Gone::LinkLost => Self::LinkLost,
            Gone::Stopped => Self::Stopped,
        }
    }
}
