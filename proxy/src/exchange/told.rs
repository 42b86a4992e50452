//! What the link tells an exchange, and what each word does to the reply.

use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, Headers, ReplyHead, ResetCode, Version};

use super::{Exchange, Failure, Loss, Progress, Rules, State, UNREAD_BODY_MAX};
use crate::http::{DateLine, FinalReply, ReplyFault, ReplyFraming};
use crate::link::Breach;
use crate::site::Slot;

/// What the link tells.
impl Exchange {
    /// STARTED: the app runs it.
    pub fn started(&self) {
        self.0.borrow_mut().is_started = true;
    }

    /// INFORM: 100 to a client that waits for it, others to clients that understand them.
    pub fn informed(&self, head: &ReplyHead<&[u8]>) -> Result<(), Breach> {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        state.is_started = true;
        if state.is_unwanted(false) {
            return Ok(());
        }
        if state.has_begun {
            return Err(Breach("an informational reply after the final one".into()));
        }
        if state.is_full_of_informational() {
            return Err(Breach("more informational replies than the client takes".into()));
        }
        let is_continue = head.status() == 100;
        let is_wanted =
            if is_continue { state.rules.expects_continue } else { state.rules.version != Version::Http10 };
        if is_wanted && !(is_continue && state.is_continued) {
            state.put_informational(head)?;
            state.is_continued |= is_continue;
        }
        state.wake();
        Ok(())
    }

    /// REPLY: the head, and with `end` all of it.
    pub fn replied(&self, head: &ReplyHead<&[u8]>, end: bool, date: &DateLine) -> Result<(), Breach> {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        if state.has_begun || state.handover.is_some() {
            return Err(Breach("a second reply to one request".into()));
        }
        state.is_started = true;
        state.status = head.status();
        if head.status() == 101 {
            return state.switch_protocols(head, end, date);
        }
        if state.rules.would_open_a_tunnel(head.status()) {
            state.progress = Progress::Unwanted;
            state.is_unwanted(end);
            state.wake();
            return Ok(());
        }
        if state.hand_over(head, end) {
            return Ok(());
        }
        let edited = state.begin_compressing(head);
        let edited = edited.as_deref().and_then(|bytes| ReplyHead::read(bytes).ok());
        let head = edited.as_ref().unwrap_or(head);
        state.framing = state.decide_framing(head);
        let reply = FinalReply {
            status: head.status(),
            reason: Some(head.reason()).filter(|reason| !reason.is_empty()),
            version: state.rules.version,
            framing: state.framing,
            keep_alive: state.rules.keep_alive && state.body_allows_keep_alive(),
            is_for_proxy: state.rules.is_proxy,
            hsts: state.rules.hsts,
        };
        state.keeps_connection = reply.keeps_connection();
        state.put_head(&reply, head.headers(), date)?;
        state.has_begun = true;
        state.progress = Progress::Body;
        if let ReplyFraming::Length(length) = state.framing {
            state.left = length;
        }
        if end {
            state.end(None)?;
        }
        state.wake();
        Ok(())
    }

    /// DATA: a piece of the reply's body.
    pub fn data(&self, data: &[u8], end: bool) -> Result<(), Breach> {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        if state.is_unwanted(end) || state.is_handed_over(data.len(), end) {
            return Ok(());
        }
        if !state.has_begun {
            return Err(Breach("the body of a reply before its head".into()));
        }
        state.take_data(data)?;
        if end {
            state.end(None)?;
        }
        state.wake();
        Ok(())
    }

    /// TRAILERS: the reply's body ends with these.
    pub fn trailers(&self, trailers: Headers<'_>) -> Result<(), Breach> {
        let mut state = self.0.borrow_mut();
        if state.is_unwanted(true) || state.is_handed_over(0, true) {
            return Ok(());
        }
        if !state.has_begun {
            return Err(Breach("the trailers of a reply before its head".into()));
        }
        state.end(Some(trailers))?;
        state.wake();
        Ok(())
    }

    /// RESET: the backend gave up.
    pub fn reset(&self, code: ResetCode, reason: &str) {
        let mut state = self.0.borrow_mut();
        state.is_started = true;
        state.fail(Failure::Reset(code, reason.to_owned()));
    }

    /// REFUSE: the backend had no slot for it.
    pub fn refused(&self, slot: Slot) {
        self.0.borrow_mut().fail(Failure::Refused(slot));
    }

    /// WINDOW: the backend takes more of the request's body.
    pub fn credited(&self, credit: u32) {
        let mut state = self.0.borrow_mut();
        state.send_credit = state.send_credit.saturating_add(credit);
        state.wake();
    }

    /// What the backend last said broke the protocol.
    pub fn breached(&self) {
        self.0.borrow_mut().fail(Failure::Breached);
    }

    /// The backend is gone.
    pub fn link_lost(&self, loss: Loss) {
        self.0.borrow_mut().fail(Failure::Lost(loss));
    }
}

impl Rules {
    /// Whether the client would take a reply with this status for an open tunnel although the app switched to nothing:
    /// any 2xx in answer to an extended CONNECT (RFC 8441 section 5).
    fn would_open_a_tunnel(&self, status: u16) -> bool {
        self.version == Version::Http2 && self.upgrade && matches!(status, 200..=299)
    }
}

impl State {
    fn switch_protocols(
        &mut self,
        head: &ReplyHead<&[u8]>,
        end: bool,
        date: &DateLine,
    ) -> Result<(), Breach> {
        if !self.rules.upgrade || end {
            return Err(Breach("a reply with 101 to a request that offered no upgrade".into()));
        }
        self.put_switch(head.headers(), date)?;
        self.has_begun = true;
        self.framing = ReplyFraming::UntilEnd;
        self.progress = Progress::Tunnel;
        self.wake();
        Ok(())
    }

    /// Whether nobody wants what the backend says: see [`Progress::Unwanted`]. With `end` it has said all.
    fn is_unwanted(&mut self, end: bool) -> bool {
        let is_unwanted =
            matches!(self.progress, Progress::Unwanted | Progress::Failed(Failure::NotSwitched));
        if is_unwanted && end {
            self.progress = Progress::Failed(Failure::NotSwitched);
            self.wake();
        }
        is_unwanted
    }

    fn decide_framing(&self, head: &ReplyHead<&[u8]>) -> ReplyFraming {
        let Rules { version, head_only, .. } = self.rules;
        let length = match head.body() {
            Body::Length(length) => Some(length),
            Body::Unknown => None,
            // Of a reply that cannot have a body, "none" says nothing about the length that GET would have had.
            Body::None => (!head_only && head.status() != 304).then_some(0),
        };
        ReplyFraming::decide(version, head_only, head.status(), length)
    }

    /// Whether what the client still has to send leaves the connection usable.
    fn body_allows_keep_alive(&self) -> bool {
        if self.request_left == 0 {
            return true;
        }
        // A client that was not told to go on may send its body or not: nothing says which.
        let is_withheld = self.rules.expects_continue && !self.is_continued;
        !is_withheld && (self.request_left == u64::MAX || self.request_left <= UNREAD_BODY_MAX)
    }

    fn take_data(&mut self, data: &[u8]) -> Result<(), Breach> {
        let is_compressed = self.compress(data)?;
        match self.framing {
            ReplyFraming::Empty { .. } => return Ok(()),
            _ if is_compressed => {}
            ReplyFraming::Length(_) => {
                let length = data.len() as u64;
                self.left = self
                    .left
                    .checked_sub(length)
                    .ok_or_else(|| Breach("a reply's body is longer than its Content-Length".into()))?;
            }
            ReplyFraming::Chunked | ReplyFraming::UntilEnd => {}
        }
        let bytes = data.len() as u32;
        self.owed += bytes;
        self.in_out += bytes;
        if !is_compressed {
            self.put_data(data);
            self.body_bytes += u64::from(bytes);
        }
        if self.owed > WINDOW_DEFAULT {
            return Err(Breach("a reply's body is ahead of its window".into()));
        }
        Ok(())
    }

    fn end(&mut self, trailers: Option<Headers<'_>>) -> Result<(), Breach> {
        self.finish_encoder()?;
        if matches!(self.framing, ReplyFraming::Length(_)) && self.left > 0 {
            return Err(Breach("a reply's body is shorter than its Content-Length".into()));
        }
        self.put_end(trailers);
        self.progress = Progress::Whole;
        Ok(())
    }

    fn fail(&mut self, failure: Failure) {
        if !matches!(self.progress, Progress::Whole | Progress::Failed(_)) {
            self.progress = Progress::Failed(failure);
            self.wake();
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl From<ReplyFault> for Breach {
    fn from(fault: ReplyFault) -> Self {
        Self(fault.to_string())
    }
}
