//! The native core that makes a process a backend of the Swiftiply proxy.
//!
//! A *connector* dials every proxy that it is given, proves that it may serve there, says how many requests it can run at
//! once (its *slots*), and hands over requests from then on. It comes in two kinds, with the same [`Request`] and
//! [`Reply`]:
//!
//! - [`ThreadConnector`] for languages whose threads run the app (Rack, WSGI): a thread calls
//!   [`take`](ThreadConnector::take), runs the app, and replies.
//! - [`LoopConnector`] for event loops (Node, asyncio): the loop watches one descriptor and calls
//!   [`turn`](LoopConnector::turn).
//!
//! Reading the code: `connector/` is the core and does no I/O: bytes and the time go in, requests come out; replies go in,
//! bytes come out. `link` is one link's state machine, `exchange/` one exchange's. `engine` moves the bytes; `threads/`
//! and `event_loop` are the two drivers on top of it. Every bound stands in `limits`.

mod address;
mod connector;
mod dial;
mod driver;
mod engine;
mod error;
mod event_loop;
mod exchange;
mod handle;
mod head;
mod key;
mod limits;
mod notice;
mod options;
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
pub use head::{ReplyHead, Trailers};
pub use key::{Key, KeyError};
pub use notice::{Level, Notice, NoticeKind};
pub use options::Options;
pub use reply::Reply;
pub use request::{Read, Request, StreamKey};
pub use status::Status;
pub use threads::{Take, ThreadConnector};
pub use wait::{Interrupt, Wait};

// What a request's head is made of. Bindings need not name the wire crate.
pub use swiftiply_wire::{
    Body, Endpoint, HeaderBlock, Headers, HeadersIter, Method, Name, RequestHead, Scheme, Token, Version,
};
