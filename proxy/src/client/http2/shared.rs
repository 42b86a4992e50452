//! What the streams of one connection share.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Waker};

use super::super::request::Client;
use super::super::stream::ClientStream;
use super::wire::{Pulse, Wire};
use crate::shard::{Alarm, Connected, Millis, Shard};

/// A client's connection at the moment when it turns out to speak HTTP/2.
pub(in crate::client) struct Opening {
    pub shard: Rc<Shard>,
    pub connected: Connected,
    pub stream: ClientStream,
    pub client: Client,
    pub alarm: Alarm,
    /// What has been read of it: its preface, and what came behind.
    pub early: Vec<u8>,
}

/// What a request may cost in frames that carry nothing of it, in bytes: its HEADERS frame is a part of it.
const FRAMES_PER_REQUEST: u64 = 1024;

/// The same per second, for a connection that idles: PINGs, a few of them.
const FRAMES_PER_SECOND: u64 = 100;

/// One connection, as its streams see it.
pub(super) struct Shared {
    pub shard: Rc<Shard>,
    pub client: Client,
    pub pulse: Rc<Pulse>,
    waker: RefCell<Option<Waker>>,
    open: Cell<usize>,
    idle_since: Cell<Millis>,
    began: Millis,
    /// Requests that the client may still reset before their reply begins.
    resets_left: Cell<u32>,
    resets_max: u32,
    /// Bytes that it may send: as much as its requests need, and `overhead`.
    allowed: Cell<u64>,
    is_closing: Cell<bool>,
}

/// What a client is not forgiven.
#[derive(Debug, Clone, Copy)]
pub(super) enum Abuse {
    Resets,
    Overhead,
}

impl fmt::Display for Abuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resets => "it resets more requests than it lets be answered (http2.resets)",
            Self::Overhead => "its frames carry next to nothing (http2.overhead)",
        })
    }
}

impl Shared {
    pub fn begin(opening: Opening) -> (Rc<Self>, Wire, Alarm, Connected) {
        let Opening { shard, connected, stream, client, alarm, early } = opening;
        let directory = shard.directory();
        let http2 = &directory.config().http2;
        let pulse = Rc::new(Pulse::new(shard.clone()));
        let wire = Wire::new(stream, early, pulse.clone());
        let shared = Self {
            client,
            pulse,
            waker: RefCell::default(),
            open: Cell::new(0),
            idle_since: Cell::new(shard.now()),
            began: shard.now(),
            resets_left: Cell::new(http2.resets),
            resets_max: http2.resets,
            allowed: Cell::new(http2.overhead),
            is_closing: Cell::new(false),
            shard,
        };
        (Rc::new(shared), wire, alarm, connected)
    }

    /// A stream begins.
    pub fn open(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.allow(FRAMES_PER_REQUEST);
        Open(self.clone())
    }

    pub fn has_streams(&self) -> bool {
        self.open.get() > 0
    }

    /// Whether there has been no stream for so long.
    pub fn is_idle_for(&self, time: Millis, now: Millis) -> bool {
        !self.has_streams() && now >= self.idle_since.get() + time
    }

    /// So many bytes carried something, one way or the other.
    pub fn allow(&self, bytes: u64) {
        self.allowed.set(self.allowed.get().saturating_add(bytes));
    }

    /// The reply to a request has begun before the client lost interest.
    pub fn was_answered(&self) {
        self.resets_left.set((self.resets_left.get() + 1).min(self.resets_max));
    }

    /// The client lost interest before.
    pub fn was_reset(&self) {
        match self.resets_left.get().checked_sub(1) {
            Some(left) => self.resets_left.set(left),
            None => self.wake(),
        }
    }

    /// Why the connection is to be closed, once.
    pub fn take_abuse(&self) -> Option<Abuse> {
        if self.is_closing.get() {
            return None;
        }
        let seconds = (self.shard.now() - self.began) / 1000;
        let abuse = match () {
            () if self.resets_left.get() == 0 => Abuse::Resets,
            () if self.pulse.bytes_read() > self.allowed.get() + seconds * FRAMES_PER_SECOND => {
                Abuse::Overhead
            }
            () => return None,
        };
        self.is_closing.set(true);
        Some(abuse)
    }

    /// Wakes the connection's task from now on.
    pub fn wake_with(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A stream's hold on its connection; counts the stream while it lives.
pub(super) struct Open(Rc<Shared>);

impl std::ops::Deref for Open {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.idle_since.set(self.0.shard.now());
    }
}
