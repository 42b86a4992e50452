//! A request, as the app holds it.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use swiftiply_wire::{HeaderBlock, RequestFlags, RequestHead};

use crate::driver::{Waited, Want};
use crate::handle::Handle;
use crate::wait::Patience;
use crate::{Error, RawReply, ReadError, Reply, Wait, pump};

/// Names one exchange for as long as its connector lives. Numbers count up from 1 and stay below 2^53, so that every
/// language can hold them in its plainest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey(pub(crate) u64);

impl StreamKey {
    /// The number.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// One request. Clones are the same request; it can be used from any thread.
///
/// When the last of its clones and of its [`Reply`] is dropped before the reply has ended, the exchange is reset: the
/// client gets a 502, or sees its reply cut.
#[derive(Clone)]
pub struct Request {
    pub(crate) handle: Arc<Handle>,
}

/// What a read of a request's body gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A piece, never empty.
    Data(Vec<u8>),
    /// The body is whole. Every later read says so again.
    End,
    /// Nothing has come yet: the time passed, or the call does not wait.
    Nothing,
    /// The wait's interrupt was raised.
    Interrupted,
    /// The rest will not come: what was read is not the whole body.
    Failed(ReadError),
}

impl Request {
    /// Its name, the same as in a [`LoopConnector`](crate::LoopConnector)'s events.
    pub fn key(&self) -> StreamKey {
        self.handle.key
    }

    /// Method, path, headers and all else that came before the body.
    pub fn head(&self) -> &RequestHead<Vec<u8>> {
        &self.handle.head
    }

    /// Whether the client offers to upgrade (RFC 9110 section 7.8): then a reply with status 101 makes the exchange a
    /// tunnel, whose two directions are [`Request::read`] and [`Reply::write`].
    pub fn offers_upgrade(&self) -> bool {
        self.flags().upgrade
    }

    /// Claims one of the backend's [`tunnels`](crate::Options::tunnels) for this request, until its reply has ended. With
    /// it the request gives its slot back at once when its reply is a 101; any other reply goes as ever. False if none is
    /// left, or the client offers no upgrade: then a 101 would keep the slot for as long as the tunnel lives.
    pub fn claim_tunnel(&self) -> bool {
        let place = self.handle.place;
        self.handle.driver.run(|connector| connector.claim_tunnel(place)).unwrap_or(false)
    }

    /// Whether the client waits for `100 Continue` before it sends the body. The first read asks for it by itself.
    pub fn expects_continue(&self) -> bool {
        self.flags().expects_continue
    }

    /// Whether it was given to another backend before, which died or refused it.
    pub fn is_replay(&self) -> bool {
        self.flags().replay
    }

    /// Reads at most `max` bytes of the body, and waits until there is at least one. `max` of zero counts as one.
    pub fn read(&self, max: usize, wait: &Wait) -> Read {
        let patience = Patience::begin(wait);
        loop {
            match self.try_read(max) {
                Read::Nothing => {}
                read => return read,
            }
            match self.handle.driver.wait(Want::Readable(self.handle.place), &patience) {
                Waited::Ready => {}
                Waited::TimedOut => return Read::Nothing,
                Waited::Interrupted => return Read::Interrupted,
                Waited::Forked => return Read::Failed(ReadError::Forked),
            }
        }
    }

    /// The same without waiting. In an event loop, each `Nothing` is followed by one
    /// [`Event::Readable`](crate::Event::Readable).
    pub fn try_read(&self, max: usize) -> Read {
        let place = self.handle.place;
        match self.handle.driver.run(|connector| connector.read(place, max.max(1))) {
            Ok(read) => read,
            Err(_) => Read::Failed(ReadError::Forked),
        }
    }

    /// The trailers of the body, once a read has given [`Read::End`]; `None` if there are none.
    pub fn trailers(&self) -> Option<HeaderBlock> {
        let place = self.handle.place;
        self.handle.driver.run(|connector| connector.request_trailers(place)).ok().flatten()
    }

    /// Whether nobody waits for the reply any more: the client left, its time is over, or the link broke.
    pub fn is_disconnected(&self) -> bool {
        let place = self.handle.place;
        self.handle.driver.run(|connector| connector.is_disconnected(place)).unwrap_or(true)
    }

    /// Hands the exchange to the app as a connection: what comes back is one end of a pair of sockets, on which the app reads
    /// what the client says and writes what it is to get. With a [`RawReply`] that is new it writes HTTP/1 itself, head
    /// first. What else holds the exchange can be dropped. Not for event loops, which need no pair.
    ///
    /// # Errors
    /// [`Error::System`] when this process may not have a pair of sockets; [`Error::Forked`].
    pub fn hand_over(&self, raw: RawReply) -> Result<OwnedFd, Error> {
        pump::hand_over(&*self.handle.driver.pump()?, self.clone(), raw)
    }

    /// The other half of the exchange.
    pub fn reply(&self) -> Reply {
        Reply { handle: Arc::clone(&self.handle) }
    }

    fn flags(&self) -> RequestFlags {
        self.handle.flags
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.head();
        write!(f, "Request({} {})", head.method().as_bytes().escape_ascii(), head.path().escape_ascii())
    }
}
