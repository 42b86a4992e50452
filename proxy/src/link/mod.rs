//! The proxy's end of a link: frames out, frames in, and the streams between.
//!
//! - `accept`: from a stranger's connection to an authenticated link.
//! - [`Link`] (here): what a client connection does with a link: open a stream, send body, cancel.
//! - `run`: the link's task: it alone reads and writes the socket. All frames that were appended in one turn of the loop
//!   leave in one write, because the task is woken once and runs after those that woke it.
//! - `receive`: what each frame of the backend means.

pub mod accept;
mod receive;
mod run;
mod stream;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;
use swiftiply_wire::{
    CancelCode, GoodbyeCode, HeaderBlock, Hello, RequestFlags, StreamId, ToBackend, put_request,
};

use crate::exchange::{Exchange, Loss};
use crate::resources::Peer;
use crate::shard::{Millis, TICK_MS};
use crate::site::{BackendId, BackendKey, Slot};

pub(crate) use receive::Breach;
pub use run::run;
pub use stream::{DetachedStream, LinkStream};

/// Bytes that may wait to be written on one link before client connections stop adding request bodies to it. Heads go
/// on: slots bound them. 1 MiB keeps a link busy over a long round trip; windows bound each stream before that.
const OUT_MAX: usize = 1024 * 1024;

/// An authenticated link on its shard.
#[derive(Debug)]
pub struct Link {
    /// Unique in this process.
    pub serial: u64,
    /// The backend's number in its site.
    pub key: BackendKey,
    /// Whose link it is, as it introduced itself.
    pub hello: Hello,
    /// What logs call the backend: `pid@host`, and its address.
    pub name: String,
    /// Who is at its other end.
    peer: Peer,
    /// When the last bytes came.
    heard: Cell<Millis>,
    /// When it was asked for a sign of life, which has not come.
    pinged: Cell<Option<Millis>>,
    suspect: Cell<bool>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    out: Vec<u8>,
    streams: Slab<Stream>,
    /// Of the link's task.
    waker: Option<Waker>,
    /// Client connections that wait for room in `out`.
    want_room: Vec<Waker>,
    /// The backend was asked to dial anew.
    is_drained: bool,
    /// The link is closed once no request is left on it: its site is removed, or the backend has dialled anew.
    is_retired: bool,
    /// Why the task is to close the link once `out` is written.
    leaving: Option<GoodbyeCode>,
    /// The backend has said goodbye.
    has_left: bool,
    down: bool,
}

/// One request that this backend has.
#[derive(Debug)]
struct Stream {
    /// Whoever waits for its reply; nobody once the client is gone.
    exchange: Option<Rc<Exchange>>,
    /// Given back when the stream ends; a tunnel may give it back before.
    slot: Option<Slot>,
    /// The closing frame came with `hold`: only the slot is still busy.
    held: bool,
}

impl Link {
    /// A link whose task has not begun yet.
    pub fn new(
        serial: u64,
        key: BackendKey,
        hello: Hello,
        name: String,
        peer: Peer,
        now: Millis,
    ) -> Rc<Self> {
        Rc::new(Self {
            serial,
            key,
            hello,
            name,
            peer,
            heard: Cell::new(now),
            pinged: Cell::new(None),
            suspect: Cell::new(false),
            state: RefCell::default(),
        })
    }

    /// The backend's identity.
    pub fn backend(&self) -> BackendId {
        self.hello.backend
    }

    /// Sends a request. The slot is given back when the backend is done with it, whatever the client does.
    ///
    /// # Errors
    /// Gives the slot back to the caller if the link is down.
    pub fn open(
        &self,
        slot: Slot,
        exchange: &Rc<Exchange>,
        flags: RequestFlags,
        head: &[u8],
    ) -> Result<StreamId, Slot> {
        let mut state = self.state.borrow_mut();
        if state.down || state.has_left || state.leaving.is_some() {
            return Err(slot);
        }
        let stream = Stream { exchange: Some(exchange.clone()), slot: Some(slot), held: false };
        let stream = stream_id(state.streams.insert(stream));
        put_request(&mut state.out, stream, flags, head);
        state.wake();
        Ok(stream)
    }

    /// Sends a piece of a request's body, at most [`swiftiply_wire::limits::DATA_MAX`] bytes, within its window.
    pub fn data(&self, stream: StreamId, data: &[u8], end: bool) {
        self.send(&ToBackend::Data { stream, data, end });
    }

    /// Sends the trailers of a request's body, which ends it.
    pub fn trailers(&self, stream: StreamId, trailers: &HeaderBlock) {
        self.send(&ToBackend::Trailers { stream, headers: trailers.as_headers() });
    }

    /// Grants more bytes of reply body.
    pub fn credit(&self, stream: StreamId, credit: u32) {
        self.send(&ToBackend::Window { stream, credit });
    }

    /// Tells the backend that the reply is not wanted any more.
    pub fn cancel(&self, stream: StreamId, code: CancelCode) {
        self.send(&ToBackend::Cancel { stream, code });
    }

    /// The client connection is done with this stream: what still comes on it is thrown away.
    pub fn forget(&self, stream: StreamId) {
        if let Some(stream) = self.state.borrow_mut().streams.get_mut(slab_key(stream)) {
            stream.exchange = None;
        }
    }

    /// Ready when there is room for more request body (or the link is down: the exchange has been told).
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.out.len() < OUT_MAX || state.down {
            return Poll::Ready(());
        }
        state.want_room.push(cx.waker().clone());
        Poll::Pending
    }

    /// Asks the backend to dial anew, because another process takes over. This link goes on, for the clients that are
    /// still here.
    pub fn drain(&self) {
        self.send(&ToBackend::Drain);
        self.state.borrow_mut().is_drained = true;
    }

    /// The same because its site is removed; what runs is finished.
    pub fn retire(&self) {
        self.drain();
        self.state.borrow_mut().is_retired = true;
    }

    /// Closes the link after this word and what was to be sent before it.
    pub fn leave(&self, code: GoodbyeCode, reason: &str) {
        self.send(&ToBackend::Goodbye { code, reason: reason.to_owned() });
        self.state.borrow_mut().leaving.get_or_insert(code);
    }

    /// Called at each tick: asks a silent backend for a sign of life, and suspects it after two ping intervals; and parts
    /// from one that has finished. What was to be written to it may still stand before the PING: who takes nothing is as
    /// good as silent.
    ///
    /// What was heard counts from the tick before it, and this looks only at ticks; so it looks one tick ahead, and two
    /// intervals are the most that a silence lasts.
    pub fn tick(&self, now: Millis, ping_interval: Millis) {
        if self.has_finished() {
            self.leave(GoodbyeCode::Done, "nothing is left to do on this link");
        }
        let early = TICK_MS.min(ping_interval / 4);
        let lasts = |since: Millis, time: Millis| now.saturating_sub(since) + early >= time;
        let is_silent = lasts(self.heard.get(), 2 * ping_interval);
        match self.pinged.get() {
            // It had time to answer, also where this whole process stood still. And the task reads once more before it
            // believes this: the silence may have been our own.
            Some(then) if is_silent && lasts(then, ping_interval - early) => {
                self.suspect.set(true);
                self.state.borrow_mut().wake();
            }
            None if lasts(self.heard.get(), ping_interval) => {
                self.pinged.set(Some(now));
                self.send(&ToBackend::Ping(now));
            }
            _ => {}
        }
    }

    /// Answers a PING. A backend that asks and asks, and reads no answer, must not fill our memory.
    fn pong(&self, number: u64) -> Result<(), Breach> {
        if self.state.borrow().out.len() >= OUT_MAX {
            return Err(Breach("pings, of which no answer is read".into()));
        }
        self.send(&ToBackend::Pong(number));
        Ok(())
    }

    /// The backend has brought a newer link. One that was asked to, because another process should have taken over that
    /// then failed, may have requests on this one still.
    pub fn give_way(&self) {
        let is_drained = self.state.borrow().is_drained;
        match is_drained {
            true => self.state.borrow_mut().is_retired = true,
            false => self.leave(GoodbyeCode::Replaced, "the backend has brought a newer link"),
        }
    }

    /// Whether all is done on a link that is to end.
    fn has_finished(&self) -> bool {
        let state = self.state.borrow();
        state.is_retired && state.streams.is_empty() && state.leaving.is_none()
    }

    fn send(&self, message: &ToBackend<'_>) {
        let mut state = self.state.borrow_mut();
        if !state.down {
            message.write(&mut state.out);
            state.wake();
        }
    }

    /// Takes the link out of use and tells every exchange on it. Slots go back as the streams are dropped.
    fn go_down(&self, loss: Loss) {
        let (streams, want_room) = {
            let mut state = self.state.borrow_mut();
            state.down = true;
            state.out = Vec::new();
            (std::mem::take(&mut state.streams), std::mem::take(&mut state.want_room))
        };
        for (_, stream) in streams {
            if let Some(exchange) = stream.exchange {
                exchange.link_lost(loss);
            }
        }
        want_room.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn wake(&mut self) {
        // Not taken: the task keeps one waker for its whole life.
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// Stream zero speaks of the link itself.
fn stream_id(slab_key: usize) -> StreamId {
    slab_key as StreamId + 1
}

fn slab_key(stream: StreamId) -> usize {
    (stream as usize).wrapping_sub(1)
}
