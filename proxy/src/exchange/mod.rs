//! Where a client connection and a link meet: one request's reply on its way, and the credit of both bodies.
//!
//! The link's task renders what the backend says straight into `out`, as the bytes that the client will get; the client
//! connection writes them. Both live on one shard, so there is no lock. Here stands what the client connection asks; in
//! `told`, what the link tells; in `render`, how that becomes bytes for HTTP/1.1 and [`Parts`] for HTTP/2.
//!
//! ```text
//!            informed*            replied                data*            data(end) | trailers
//! Awaited ──────────────► Awaited ───────► Body(framing) ─────► Body ───────────────────────────► Whole
//!    │                                         │
//!    └── reset | refused | link_lost ──────────┴──► Failed(why)      (a reply that had begun is cut)
//! ```

#[cfg(any(test, fuzzing))]
pub mod any_reply;
mod compressing;
mod handover;
mod parts;
mod render;
mod told;

use std::cell::RefCell;
use std::task::{Context, Waker};

use swiftiply_wire::{ResetCode, Version};

use crate::compress::{Coding, Encoder};
use crate::http::Hsts;
use crate::http::ReplyFraming;
use crate::site::Slot;

pub use handover::Handover;
pub use parts::{End, Parts};

/// Bytes of an unread request body that are read and thrown away after the reply to keep the connection; a client that
/// owes more finds it closed (RFC 9112 section 9.3 leaves the amount to us).
pub const UNREAD_BODY_MAX: u64 = 64 * 1024;

/// Bytes of a small reply; a longer one grows.
const OUT_BYTES_USUAL: usize = 512;

/// Memory for replies that is kept for the next request: two buffers of what an app sends at once, mostly. What had to
/// grow beyond is given back.
const OUT_BYTES_KEPT_MAX: usize = 16 * 1024;

/// What the reply must respect of its request.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rules {
    /// Of the request.
    pub version: Version,
    /// The request was a HEAD.
    pub head_only: bool,
    /// The client would send another request, and we would take it.
    pub keep_alive: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
    /// The client takes trailers.
    pub te_trailers: bool,
    /// The client offered to upgrade.
    pub upgrade: bool,
    /// Bytes of the reply's head, at most.
    pub head_bytes_max: usize,
    /// The site has files that the app may have sent by naming them.
    pub sends_files: bool,
    /// The site compresses replies; with the coding that this client likes best, if it likes any.
    pub compress: Option<Option<Coding>>,
    /// The client is a proxy of ours: it may act on a file's name itself.
    pub is_proxy: bool,
    /// What the client is told about TLS, if the app says nothing about it.
    pub hsts: Option<Hsts>,
}

/// Why a link was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Its socket closed or failed, or it broke the protocol elsewhere.
    Died,
    /// It did not answer pings.
    Silent,
}

/// Why no whole reply will come.
#[derive(Debug)]
pub enum Failure {
    /// The backend is gone.
    Lost(Loss),
    /// The backend gave up this request.
    Reset(ResetCode, String),
    /// The backend had no slot free after all; the app has not seen the request.
    Refused(Slot),
    /// What the backend said of this reply broke the protocol.
    Breached,
    /// The app replied as if to a plain request where only a tunnel would have been a success.
    NotSwitched,
}

/// How far the reply is.
#[derive(Debug, Default)]
pub enum Progress {
    /// Its head has not come.
    #[default]
    Awaited,
    /// Its head has come; the body is on its way.
    Body,
    /// The client and the app talk through it, after a 101.
    Tunnel,
    /// It has begun, and the client must not see it: it is waited for no longer.
    Unwanted,
    /// All of it has come.
    Whole,
    /// It will not come, or not all of it.
    Failed(Failure),
}

/// One request that was given to a backend. Once it is over it serves for the next one.
#[derive(Debug, Default)]
pub struct Exchange(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    rules: Rules,
    progress: Progress,
    /// Of the client connection.
    waker: Option<Waker>,
    /// Bytes for the client that its connection has not taken yet.
    out: Vec<u8>,
    /// Of a reply that is compressed on its way.
    encoder: Option<Box<Encoder>>,
    /// Of a reply that is to be sent from a file.
    handover: Option<Box<Handover>>,
    /// Of a reply for HTTP/2: what else has not been taken. It is rare enough to stand aside.
    parts: Option<Box<Parts>>,
    framing: ReplyFraming,
    /// Of a reply with a length: bytes of body still to come.
    left: u64,
    has_begun: bool,
    is_started: bool,
    is_continued: bool,
    keeps_connection: bool,
    /// Of the request's body, as far as it is known, what the client has not sent yet.
    request_left: u64,
    /// Bytes of request body that the backend would take now.
    send_credit: u32,
    /// Bytes of reply body in `out`.
    in_out: u32,
    /// Bytes of reply body that came and were not credited back.
    owed: u32,
    status: u16,
    body_bytes: u64,
}

/// What happened, for the access log.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Of the reply, or 0 if none began.
    pub status: u16,
    /// Bytes of body.
    pub body_bytes: u64,
}

impl Exchange {
    /// Begins with a request that is about to be sent to a backend which takes `window` bytes of its body at first, and
    /// whose client has not sent `request_left` bytes of it yet (`u64::MAX`: nobody knows).
    pub fn begin(&self, rules: Rules, window: u32, request_left: u64) {
        let mut state = self.0.borrow_mut();
        let mut out = std::mem::take(&mut state.out);
        out.clear();
        out.reserve(OUT_BYTES_USUAL);
        let parts = (rules.version == Version::Http2).then(Box::default);
        *state = State { rules, out, parts, send_credit: window, request_left, ..State::default() };
    }

    /// Nobody waits for it any more. `out` is the client's buffer, to be used again with the next request.
    pub fn rest(&self, out: &mut Vec<u8>) {
        let mut state = self.0.borrow_mut();
        state.waker = None;
        // A backend may have refused it just when the client left: its slot goes back now, not with the next request.
        state.progress = Progress::default();
        state.encoder = None;
        if state.out.capacity() == 0 {
            std::mem::swap(&mut state.out, out);
        }
        *out = Vec::new();
        if state.out.capacity() > OUT_BYTES_KEPT_MAX {
            state.out = Vec::new();
        }
    }
}

/// What the client connection asks and tells.
impl Exchange {
    /// Wakes this task from now on when anything happens.
    pub fn wake_with(&self, cx: &Context<'_>) {
        let waker = &mut self.0.borrow_mut().waker;
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Takes the bytes that are ready for the client, in exchange for an empty buffer; and how many of them are body.
    pub fn take_out(&self, empty: &mut Vec<u8>) -> u32 {
        let mut state = self.0.borrow_mut();
        debug_assert!(empty.is_empty());
        state.flush_encoder();
        std::mem::swap(empty, &mut state.out);
        std::mem::take(&mut state.in_out)
    }

    /// The same for HTTP/2: `empty` becomes bytes of body, and what else there is comes apart.
    pub fn take_parts(&self, empty: &mut Vec<u8>) -> (Parts, u32) {
        let bytes = self.take_out(empty);
        let parts = self.0.borrow_mut().parts.as_deref_mut().map(std::mem::take);
        (parts.unwrap_or_default(), bytes)
    }

    /// Whether anything is ready for the client.
    pub fn has_out(&self) -> bool {
        let state = self.0.borrow();
        // What is thrown away has to be credited too.
        !state.out.is_empty()
            || state.in_out > 0
            || state.parts.as_ref().is_some_and(|parts| !parts.is_empty())
    }

    /// Bytes of reply body that are ready and that the client connection has not taken.
    pub fn untaken(&self) -> u32 {
        self.0.borrow().in_out
    }

    /// So many bytes of reply body were credited to the backend.
    pub fn paid(&self, credit: u32) {
        let mut state = self.0.borrow_mut();
        state.owed = state.owed.saturating_sub(credit);
    }

    /// How much of `wanted` bytes of request body may be sent now.
    pub fn spend_credit(&self, wanted: usize) -> usize {
        let mut state = self.0.borrow_mut();
        let granted = wanted.min(state.send_credit as usize);
        state.send_credit -= granted as u32;
        granted
    }

    /// Gives back credit that was not used after all.
    pub fn refund(&self, credit: u32) {
        self.0.borrow_mut().send_credit += credit;
    }

    /// Whether any request body may be sent now. A client that waits for `100 Continue` has none to send before.
    pub fn wants_body(&self) -> bool {
        let state = self.0.borrow();
        let is_open = matches!(state.progress, Progress::Awaited | Progress::Body | Progress::Tunnel);
        is_open && state.send_credit > 0 && (!state.rules.expects_continue || state.is_continued)
    }

    /// The client has still to send this much of its body (`u64::MAX`: nobody knows).
    pub fn request_left(&self, left: u64) {
        self.0.borrow_mut().request_left = left;
    }

    /// Whether the exchange is over: the reply is whole, or will never be.
    pub fn is_over(&self) -> bool {
        matches!(self.0.borrow().progress, Progress::Whole | Progress::Failed(_))
    }

    /// Whether nobody waits for what the backend still says.
    pub fn is_unwanted(&self) -> bool {
        matches!(self.0.borrow().progress, Progress::Unwanted)
    }

    /// Whether the client and the app talk through it.
    pub fn is_tunnel(&self) -> bool {
        matches!(self.0.borrow().progress, Progress::Tunnel)
    }

    /// Takes the failure out, if there is one.
    pub fn take_failure(&self) -> Option<Failure> {
        let mut state = self.0.borrow_mut();
        match std::mem::replace(&mut state.progress, Progress::Whole) {
            Progress::Failed(failure) => Some(failure),
            other => {
                state.progress = other;
                None
            }
        }
    }

    /// Whether the head of the final reply has been rendered: from here on the client sees every failure as a cut.
    pub fn has_begun(&self) -> bool {
        self.0.borrow().has_begun
    }

    /// Whether the app is known to have begun to run it.
    pub fn is_started(&self) -> bool {
        self.0.borrow().is_started
    }

    /// Whether a client that waited for `100 Continue` was told to go on.
    pub fn is_continued(&self) -> bool {
        self.0.borrow().is_continued
    }

    /// Whether the client was promised that the connection stays open.
    pub fn keeps_connection(&self) -> bool {
        self.0.borrow().keeps_connection
    }

    /// For the access log.
    pub fn summary(&self) -> Summary {
        let state = self.0.borrow();
        Summary { status: state.status, body_bytes: state.body_bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::site::{Asked, Site, Waiter};

    #[test]
    fn the_slot_of_a_refused_request_goes_back_when_the_client_has_left() {
        let site = Site::new("app.test", 0);
        let key = site.enlist([1; 16], 1, 1).expect("the site is open");
        site.link_up([1; 16], key, 0, 7);
        let Asked::Granted(slot) = site.ask(&Arc::new(Waiter::default())) else { panic!("a slot is free") };
        let exchange = Exchange::default();
        exchange.begin(Rules::default(), 0, 0);
        exchange.refused(slot);
        assert_eq!(site.counts().free, 0);
        exchange.rest(&mut Vec::new());
        assert_eq!(site.counts().free, 1);
    }
}
