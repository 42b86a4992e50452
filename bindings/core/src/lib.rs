//! The native core that makes a process a backend of the Swiftiply proxy.
//!
//! A *connector* dials every proxy that it is given, proves that it may serve there, says how many requests it can
//! run at once (its *slots*), and hands over requests from then on. It comes in two kinds, with the same [`Request`]
//! and [`Reply`]:
//!
//! - [`ThreadConnector`] for languages whose threads run the app (Rack, WSGI): a thread calls
//!   [`take`](ThreadConnector::take), runs the app, and replies.
//! - [`LoopConnector`] for event loops (Node, asyncio): the loop watches one descriptor and calls
//!   [`turn`](LoopConnector::turn).
//!
//! # Rules
//!
//! - Everything here can be called from any thread, and holds no lock while it waits or while bytes move. Only what
//!   takes a [`Wait`] waits, and with a [`LoopConnector`] nothing does.
//! - A connector lives in the process that started it. In the child of a fork every call that would wait, or say
//!   anything on a link, gives the error `Forked`, and the parent's links stay as they are. A binding tells of forks by
//!   [`after_fork_in_child`].
//! - What the app gives is checked where it gives it: a header that cannot be sent is an error that names it.
//! - Every request ends in exactly one of: a whole reply, one that is visibly cut, or none because nobody waits for
//!   it. Dropping it unanswered counts as a cut.
//! - It runs on Linux: epoll, eventfd and timerfd.
//!
//! # Reading the code
//!
//! `connector/` is the core and does no I/O: bytes and the time go in, requests come out; replies go in, bytes come out.
//! `connector/link` is one link's state machine, `exchange/` one exchange's. `engine` and `socket` move the bytes;
//! `threads/` and `event_loop` are the two drivers on top of them. Every bound stands in `limits`.

mod address;
mod chunks;
mod connector;
mod dial;
mod driver;
mod engine;
mod error;
mod event_loop;
mod exchange;
mod fork;
mod handle;
mod head;
mod key;
mod limits;
mod notice;
mod options;
mod pump;
mod raw;
mod reply;
mod request;
mod socket;
mod stand_in;
mod status;
mod threads;
mod wait;

pub use address::{Address, AddressError};
pub use error::{Error, ReadError, ReplyError};
pub use event_loop::{Event, LoopConnector};
pub use fork::after_fork_in_child;
pub use head::{ReplyHead, Trailers};
pub use key::{Key, KeyError};
pub use notice::{Level, Notice, NoticeKind};
pub use options::Options;
pub use raw::RawReply;
pub use reply::Reply;
pub use request::{Read, Request, StreamKey};
pub use status::Status;
pub use threads::{Awaited, Take, ThreadConnector};
pub use wait::{Interrupt, Wait};

// What a request's head is made of. Bindings need not name the wire crate.
pub use swiftiply_wire::{
    Body, Endpoint, HeaderBlock, Headers, HeadersIter, Method, Name, RequestHead, Scheme, Token, Version,
};

/// What fuzz targets reach besides.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::connector::any_proxy;
}
