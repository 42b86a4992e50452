//! A reply as it goes out: the order of its parts, its length, and the window.
//!
//! | phase     | start    | write            | finish                       | send             | abort   |
//! |-----------|----------|------------------|------------------------------|------------------|---------|
//! | Unstarted | → Headed | error            | error                        | → Ended or Open  | → Ended |
//! | Headed    | error    | REPLY, → Open    | REPLY, → Ended               | error            | → Ended |
//! | Open      | error    | DATA             | → Ended; too short: RESET    | error            | → Ended |
//! | Ended     | error    | error            | error                        | error            | –       |
//!
//! A reply without a body (to HEAD; 204, 205, 304) is whole with its head: REPLY has END, and what is written is
//! dropped. If that happens in Open, the app is not done yet: the slot is held, and released at the end.

use swiftiply_wire::limits::DATA_MAX;
use swiftiply_wire::{Body, Headers, ReplyFields, ResetCode, StreamId, ToProxy, put_reply};

use crate::{ReplyError, ReplyHead, Trailers};

/// Where a reply's frames go.
pub(crate) struct Outlet<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) stream: StreamId,
    /// Bytes of body that the link still takes.
    pub(crate) room: usize,
    /// The closing frame does not free the slot.
    pub(crate) hold: bool,
}

#[derive(Debug)]
pub(crate) struct ReplyHalf {
    phase: Phase,
    /// Bytes of body that the proxy takes before it grants more.
    credit: u64,
    /// The request is a HEAD.
    to_head: bool,
    offers_upgrade: bool,
    /// A write took less than all, so its writer has to be told when there is room.
    tells: bool,
    /// A piece of the body was refused because the client is gone: what was sent is not the whole.
    lacks_some: bool,
    /// The head has just left.
    begins: bool,
    /// The closing frame held the slot: it has to be released.
    owes_release: bool,
}

#[derive(Debug)]
enum Phase {
    Unstarted,
    Headed(Box<ReplyHead>),
    Open(Progress),
    Ended,
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    announced: Option<u64>,
    given: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Body,
    Bodyless,
    Tunnel,
}

impl Progress {
    /// Bytes that may still be given.
    fn left(&self) -> u64 {
        self.announced.map_or(u64::MAX, |announced| announced - self.given)
    }
}

impl ReplyHalf {
    pub(crate) fn new(to_head: bool, offers_upgrade: bool, credit: u32) -> Self {
        Self {
            phase: Phase::Unstarted,
            credit: credit.into(),
            to_head,
            offers_upgrade,
            tells: false,
            lacks_some: false,
            begins: false,
            owes_release: false,
        }
    }

    /// The head has left.
    pub(crate) fn has_begun(&self) -> bool {
        matches!(self.phase, Phase::Open(_) | Phase::Ended)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Nothing of it has left, so that it can change, and informational replies can come before it.
    pub(crate) fn check_unsent(&self) -> Result<(), ReplyError> {
        match self.phase {
            Phase::Unstarted | Phase::Headed(_) => Ok(()),
            Phase::Open(_) => Err(ReplyError::AlreadyStarted),
            Phase::Ended => Err(ReplyError::AlreadyEnded),
        }
    }

    pub(crate) fn start(&mut self, head: &ReplyHead) -> Result<(), ReplyError> {
        self.check_unstarted()?;
        self.restart(head)
    }

    pub(crate) fn restart(&mut self, head: &ReplyHead) -> Result<(), ReplyError> {
        self.check_unsent()?;
        if head.status() == 101 && !self.offers_upgrade {
            return Err(ReplyError::BadStatus(101));
        }
        self.phase = Phase::Headed(Box::new(head.clone()));
        Ok(())
    }

    /// Gives head and body at once. Returns the bytes of body that were taken.
    pub(crate) fn send(
        &mut self,
        head: &ReplyHead,
        body: &[u8],
        outlet: &mut Outlet<'_>,
    ) -> Result<usize, ReplyError> {
        self.check_unstarted()?;
        if head.status() == 101 {
            return Err(ReplyError::BadStatus(101));
        }
        let given = body.len() as u64;
        let announced = head.length().unwrap_or(given);
        if self.is_bodyless(head) {
            let would_be = head.length().or((given > 0).then_some(given));
            self.put_head(head, bodyless(head, would_be), true, outlet);
            self.phase = Phase::Ended;
            return Ok(body.len());
        }
        if given < announced {
            return Err(self.too_short(announced, given, outlet));
        }
        let allowed = &body[..announced as usize];
        let n = allowed.len().min(self.sendable(outlet));
        let ends = n == allowed.len();
        self.put_head(head, Body::Length(announced), ends && n == 0, outlet);
        self.put_data(&allowed[..n], ends && n > 0, outlet);
        self.phase = match ends {
            true => Phase::Ended,
            false => Phase::Open(Progress { announced: Some(announced), given: n as u64, kind: Kind::Body }),
        };
        self.tells = !ends;
        if ends && given > announced { Err(ReplyError::TooLong { announced }) } else { Ok(n) }
    }

    /// Gives a piece. Returns the bytes of it that were taken.
    pub(crate) fn write(&mut self, data: &[u8], outlet: &mut Outlet<'_>) -> Result<usize, ReplyError> {
        let progress = self.open(outlet)?;
        if progress.kind == Kind::Bodyless {
            return Ok(data.len());
        }
        let allowed = progress.left().min(data.len() as u64) as usize;
        let n = allowed.min(self.sendable(outlet));
        self.put_data(&data[..n], false, outlet);
        self.phase = Phase::Open(Progress { given: progress.given + n as u64, ..progress });
        match progress.announced {
            Some(announced) if n == allowed && n < data.len() => Err(ReplyError::TooLong { announced }),
            _ => {
                self.tells |= n < data.len();
                Ok(n)
            }
        }
    }

    pub(crate) fn finish(
        &mut self,
        trailers: Option<&Trailers>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), ReplyError> {
        let trailers = trailers.map(Trailers::headers).filter(|trailers| !trailers.is_empty());
        if let Phase::Headed(head) = &self.phase {
            let streams = trailers.is_some() && head.length().is_none() && !self.is_bodyless(head);
            // A tunnel begins before it ends, however little is said in it.
            if !streams && head.status() != 101 {
                return self.finish_empty(outlet);
            }
        }
        let progress = self.open(outlet)?;
        match (progress.kind, progress.announced) {
            (Kind::Bodyless, _) => {}
            (_, Some(announced)) if progress.left() > 0 => {
                return Err(self.too_short(announced, progress.given, outlet));
            }
            (Kind::Body, None) => match trailers {
                Some(trailers) => self.put_trailers(trailers, outlet),
                None => self.put_end(outlet),
            },
            _ => self.put_end(outlet),
        }
        self.phase = Phase::Ended;
        Ok(())
    }

    /// Ends what has not ended, visibly.
    pub(crate) fn reset(&mut self, code: ResetCode, reason: &str, outlet: &mut Outlet<'_>) {
        let is_closed =
            matches!(self.phase, Phase::Open(Progress { kind: Kind::Bodyless, .. }) | Phase::Ended);
        if !is_closed {
            ToProxy::Reset { stream: outlet.stream, code, reason: reason.to_owned() }.write(outlet.out);
        }
        self.phase = Phase::Ended;
    }

    /// Ends without a word: there is no link to say it on.
    pub(crate) fn end_silently(&mut self) {
        self.phase = Phase::Ended;
    }

    /// Remembers that a piece was refused, so that the end will not pass for a whole reply.
    pub(crate) fn note_lack(&mut self) {
        self.lacks_some = true;
    }

    pub(crate) fn lacks_some(&self) -> bool {
        self.lacks_some
    }

    pub(crate) fn grant(&mut self, credit: u32) {
        self.credit = self.credit.saturating_add(credit.into());
    }

    /// Whether a write would take something, or fail.
    pub(crate) fn is_writable(&self, room: usize) -> bool {
        !matches!(self.phase, Phase::Open(_)) || (self.credit > 0 && room > 0)
    }

    /// Whether the writer has to be told that it can go on.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.tells)
    }

    /// Whether the head has just left.
    pub(crate) fn take_begin(&mut self) -> bool {
        std::mem::take(&mut self.begins)
    }

    /// It has ended, or all of its Content-Length was given.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.phase {
            Phase::Open(progress) => progress.announced.is_some() && progress.left() == 0,
            Phase::Ended => true,
            Phase::Unstarted | Phase::Headed(_) => false,
        }
    }

    /// The client has taken the upgrade, and the tunnel is not closed.
    pub(crate) fn is_tunnel(&self) -> bool {
        matches!(self.phase, Phase::Open(Progress { kind: Kind::Tunnel, .. }))
    }

    /// Whether the closing frame left the slot to be released.
    pub(crate) fn owes_release(&self) -> bool {
        self.owes_release
    }

    /// The same, and it is released now.
    pub(crate) fn take_release(&mut self) -> bool {
        std::mem::take(&mut self.owes_release)
    }

    /// One sentence for a reply whose app gave it up.
    pub(crate) fn what_is_missing(&self) -> &'static str {
        match self.phase {
            Phase::Unstarted => "the app gave no reply",
            Phase::Headed(_) | Phase::Open(_) | Phase::Ended => "the app did not finish its reply",
        }
    }

    /// The head leaves if it has not.
    fn open(&mut self, outlet: &mut Outlet<'_>) -> Result<Progress, ReplyError> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Headed(head) => {
                let (kind, announced, body) = match head.length() {
                    _ if head.status() == 101 => (Kind::Tunnel, None, Body::Unknown),
                    length if self.is_bodyless(&head) => (Kind::Bodyless, None, bodyless(&head, length)),
                    Some(length) => (Kind::Body, Some(length), Body::Length(length)),
                    None => (Kind::Body, None, Body::Unknown),
                };
                if kind == Kind::Bodyless {
                    // The reply is whole and the app is not done.
                    self.put_head(&head, body, true, &mut Outlet { out: outlet.out, hold: true, ..*outlet });
                } else {
                    self.put_head(&head, body, false, outlet);
                }
                let progress = Progress { announced, given: 0, kind };
                self.phase = Phase::Open(progress);
                Ok(progress)
            }
            Phase::Open(progress) => {
                self.phase = Phase::Open(progress);
                Ok(progress)
            }
            Phase::Unstarted => {
                self.phase = Phase::Unstarted;
                Err(ReplyError::NotStarted)
            }
            Phase::Ended => Err(ReplyError::AlreadyEnded),
        }
    }

    /// Ends a reply of which nothing but the head was given: one frame.
    fn finish_empty(&mut self, outlet: &mut Outlet<'_>) -> Result<(), ReplyError> {
        let Phase::Headed(head) = std::mem::replace(&mut self.phase, Phase::Ended) else {
            return Err(ReplyError::NotStarted);
        };
        let body = match head.length() {
            length if self.is_bodyless(&head) => bodyless(&head, length),
            Some(announced @ 1..) => {
                self.phase = Phase::Headed(head);
                return Err(self.too_short(announced, 0, outlet));
            }
            _ => Body::Length(0),
        };
        self.put_head(&head, body, true, outlet);
        Ok(())
    }

    fn too_short(&mut self, announced: u64, given: u64, outlet: &mut Outlet<'_>) -> ReplyError {
        let error = ReplyError::TooShort { announced, given };
        self.reset(ResetCode::AppFault, &error.to_string(), outlet);
        error
    }

    fn check_unstarted(&self) -> Result<(), ReplyError> {
        match self.phase {
            Phase::Headed(_) => Err(ReplyError::AlreadyStarted),
            _ => self.check_unsent(),
        }
    }

    /// RFC 9110 sections 9.3.2, 15.3.5, 15.3.6, 15.4.5.
    fn is_bodyless(&self, head: &ReplyHead) -> bool {
        self.to_head || matches!(head.status(), 204 | 205 | 304)
    }

    fn sendable(&self, outlet: &Outlet<'_>) -> usize {
        usize::try_from(self.credit).unwrap_or(usize::MAX).min(outlet.room)
    }

    fn put_head(&mut self, head: &ReplyHead, body: Body, end: bool, outlet: &mut Outlet<'_>) {
        let fields = ReplyFields { status: head.status(), reason: head.reason(), body };
        self.begins = true;
        self.owes_release = end && outlet.hold;
        put_reply(outlet.out, outlet.stream, &fields, end, end && outlet.hold, |headers| {
            if !head.connection_names_some() {
                return headers.push_all(head.headers());
            }
            for (name, value) in head.headers() {
                if !head.is_named_by_connection(name.as_bytes()) {
                    headers.push(name.as_bytes(), value);
                }
            }
        });
    }

    fn put_end(&mut self, outlet: &mut Outlet<'_>) {
        let (stream, hold) = (outlet.stream, outlet.hold);
        ToProxy::Data { stream, data: &[], end: true, hold }.write(outlet.out);
        self.owes_release = hold;
    }

    fn put_trailers(&mut self, headers: Headers<'_>, outlet: &mut Outlet<'_>) {
        let (stream, hold) = (outlet.stream, outlet.hold);
        ToProxy::Trailers { stream, headers, hold }.write(outlet.out);
        self.owes_release = hold;
    }

    fn put_data(&mut self, data: &[u8], ends: bool, outlet: &mut Outlet<'_>) {
        self.credit -= data.len() as u64;
        self.owes_release |= ends && outlet.hold && !data.is_empty();
        let mut pieces = data.chunks(DATA_MAX).peekable();
        while let Some(data) = pieces.next() {
            let end = ends && pieces.peek().is_none();
            ToProxy::Data { stream: outlet.stream, data, end, hold: end && outlet.hold }.write(outlet.out);
        }
    }
}

/// What is announced with a reply that has no body: for HEAD and 304 the length that a GET would have had.
fn bodyless(head: &ReplyHead, length: Option<u64>) -> Body {
    match (head.status(), length) {
        (204 | 205, _) | (_, None) => Body::None,
        (_, Some(length)) => Body::Length(length),
    }
}
