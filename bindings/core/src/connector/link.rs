//! One link's state machine: the handshake, what may be said when, and whether the other side is alive. No I/O, no
//! clock.
//!
//! | stage    | CHALLENGE         | WELCOME            | REFUSAL   | requests and their parts | DRAIN     | GOODBYE |
//! |----------|-------------------|--------------------|-----------|--------------------------|-----------|---------|
//! | Greeting | PROOF, → Proving  | no key: → Open     | Refused   | breach                   | breach    | Parted  |
//! | Proving  | breach            | proven: → Open     | Refused   | breach                   | breach    | Parted  |
//! | Open     | breach            | breach             | breach    | passed on                | → Fading  | Parted  |
//! | Fading   | breach            | breach             | breach    | passed on                | –         | Parted  |
//! | Leaving  | breach            | breach             | breach    | passed on                | –         | Parted  |
//! | Closing  | –                 | –                  | –         | –                        | –         | –       |
//!
//! PING is answered in Open, Fading and Leaving; PONG and frames of later versions are only a sign of life.
//!
//! Two ends, one for each side that wants it. Fading: the proxy goes down or is replaced, and may send on what its last
//! clients ask for; it says GOODBYE when it has nothing more. Leaving: we drain; GOODBYE follows at once when the last
//! stream is closed, which the connector sees to. GOODBYE leads to Closing, which ends with the socket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use swiftiply_wire::limits::{FRAME_PAYLOAD_MAX, HANDSHAKE_PAYLOAD_MAX};
use swiftiply_wire::{
    FRAME_HEADER_BYTES, GoodbyeCode, Hello, LinkIndex, Nonce, PREFACE, Proof, StreamId, ToBackend, ToProxy,
    VERSION_MAX, VERSION_MIN, Welcome, backend_proof,
};

use crate::Key;
use crate::limits::{
    HANDSHAKE_TIMEOUT, LINGER, LINK_OUT_MAX, LINKS_PER_PROXY_MAX, PING_INTERVAL_MAX, PING_INTERVAL_MIN,
};

/// Names a link for as long as the connector lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Link {
    /// The proxy that it leads to, by its place in the options.
    pub(crate) proxy: usize,
    stage: Stage,
    /// The payload of HELLO, which the proofs cover.
    hello: Vec<u8>,
    asked_for: LinkIndex,
    pub(crate) hello_slots: u16,
    /// A frame that is not all there yet.
    pub(crate) inbox: Vec<u8>,
    /// What has to be sent.
    pub(crate) out: Vec<u8>,
    /// Bytes that were taken from `out` and are still on this side of the socket.
    pub(crate) unsent: usize,
    /// `out` is on the list of what has to be sent.
    pub(crate) is_queued: bool,
    /// A writer was held up by the link, not by its window.
    pub(crate) held_up: bool,
    /// A request was sent back for want of a slot, and the proxy waits for word of a free one.
    pub(crate) has_refused: bool,
    /// It has told of slots after a refusal.
    pub(crate) tells_slots: bool,
    /// The place of the exchange on each stream that is not closed.
    pub(crate) streams: BTreeMap<StreamId, usize>,
    /// Bytes of reply body that the proxy takes per stream at first.
    pub(crate) window: u32,
    began_at: Instant,
    heard_at: Instant,
    pinged_at: Option<Instant>,
    pings: u64,
    ping_interval: Duration,
    closes_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Proving(Nonce),
    Open,
    Fading,
    Leaving,
    Closing,
}

/// What a message means for the connector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Nothing; an answer may have been written.
    Done,
    /// The link counts.
    Welcomed(Welcome),
    /// The link will never count.
    Refused(Refused),
    /// The message is about a stream.
    Stream(ToBackend<'a>),
    /// The proxy goes down.
    Drained,
    /// The proxy closes the link.
    Parted { code: GoodbyeCode, reason: String },
}

/// Why a link does not count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Only an operator can change it.
    pub(crate) fatal: bool,
    /// One sentence, to be read behind "refused: ".
    pub(crate) why: String,
}

/// What the time has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A ping was written.
    Pinged,
    /// Nothing was heard for too long; the link is to be given up.
    Silent,
    /// No welcome in time.
    NoWelcome,
    /// The other side had long enough to close.
    Lingered,
}

impl Link {
    /// A new connection: preface and HELLO are written.
    pub(crate) fn greet(proxy: usize, hello: Hello, now: Instant) -> Self {
        let mut out = PREFACE.to_vec();
        let (hello_slots, asked_for) = (hello.slots, hello.link);
        ToProxy::Hello(hello).write(&mut out);
        Self {
            proxy,
            stage: Stage::Greeting,
            hello: out[PREFACE.len() + FRAME_HEADER_BYTES..].to_vec(),
            asked_for,
            hello_slots,
            inbox: Vec::new(),
            out,
            unsent: 0,
            is_queued: false,
            held_up: false,
            has_refused: false,
            tells_slots: false,
            streams: BTreeMap::new(),
            window: 0,
            began_at: now,
            heard_at: now,
            pinged_at: None,
            pings: 0,
            ping_interval: PING_INTERVAL_MAX,
            closes_at: None,
        }
    }

    /// Takes one message; the table above.
    ///
    /// # Errors
    /// What the proxy broke.
    pub(crate) fn step<'a>(&mut self, message: ToBackend<'a>, key: Option<&Key>) -> Result<Step<'a>, String> {
        use Stage::{Closing, Fading, Greeting, Leaving, Open, Proving};
        Ok(match (self.stage, message) {
            (Closing, _) | (_, ToBackend::Unknown(_) | ToBackend::Pong(_)) => Step::Done,
            (Greeting | Proving(_), ToBackend::Refusal(refusal)) => {
                Step::Refused(Refused { fatal: refusal.code.is_permanent(), why: refusal.reason })
            }
            (Greeting, ToBackend::Challenge(challenge)) => self.prove(challenge.nonce, key),
            (Greeting, ToBackend::Welcome(welcome)) => match key {
                None => self.open(welcome)?,
                Some(_) => unproven(),
            },
            (Proving(challenge), ToBackend::Welcome(welcome)) => match key {
                Some(key) if key.as_wire().accepts_proxy(&challenge, &self.hello, &welcome.proof) => {
                    self.open(welcome)?
                }
                _ => unproven(),
            },
            (Open | Fading | Leaving, ToBackend::Ping(number)) => {
                ToProxy::Pong(number).write(&mut self.out);
                Step::Done
            }
            (Open, ToBackend::Drain) => {
                self.stage = Fading;
                Step::Drained
            }
            (Fading | Leaving, ToBackend::Drain) => Step::Done,
            (_, ToBackend::Goodbye { code, reason }) => Step::Parted { code, reason },
            (
                Open | Fading | Leaving,
                message @ (ToBackend::Request { .. }
                | ToBackend::Data { .. }
                | ToBackend::Trailers { .. }
                | ToBackend::Window { .. }
                | ToBackend::Cancel { .. }),
            ) => Step::Stream(message),
            (Greeting | Proving(_), _) => return Err("spoke before its welcome".into()),
            (Open | Fading | Leaving, _) => return Err("began a second handshake".into()),
        })
    }

    /// The most payload that a frame may have now.
    pub(crate) fn payload_max(&self) -> usize {
        match self.stage {
            Stage::Greeting | Stage::Proving(_) => HANDSHAKE_PAYLOAD_MAX,
            _ => FRAME_PAYLOAD_MAX,
        }
    }

    /// The proxy gave a sign of life.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.pinged_at = None;
    }

    /// It counts, and its proxy may send requests on it.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// It counts, or did until it was drained.
    pub(crate) fn is_welcome(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Fading | Stage::Leaving)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.stage == Stage::Closing
    }

    /// Nothing new comes on it; what there is, is finished.
    pub(crate) fn drain(&mut self) {
        ToProxy::Drain.write(&mut self.out);
        self.stage = Stage::Leaving;
    }

    /// Whether it was only waiting for its last stream to close.
    pub(crate) fn has_left(&self) -> bool {
        self.stage == Stage::Leaving && self.streams.is_empty()
    }

    /// Says goodbye. Nothing that comes after this is looked at.
    pub(crate) fn part(&mut self, code: GoodbyeCode, reason: &str) {
        if !self.is_closing() {
            ToProxy::Goodbye { code, reason: reason.to_owned() }.write(&mut self.out);
            self.stage = Stage::Closing;
        }
    }

    /// Bytes of body that may still be written before the socket has taken some.
    pub(crate) fn room(&self) -> usize {
        LINK_OUT_MAX.saturating_sub(self.out.len() + self.unsent)
    }

    /// When [`Link::tick`] has something to do at the earliest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Greeting | Stage::Proving(_) => Some(self.began_at + HANDSHAKE_TIMEOUT),
            Stage::Open | Stage::Fading | Stage::Leaving => Some(self.pings_at()),
            // The time of its last word is not known before the first tick.
            Stage::Closing => Some(self.closes_at.unwrap_or(self.began_at)),
        }
    }

    /// Does what is due.
    ///
    /// Silence counts from a ping of our own, never from what was heard last alone: a process that was stopped and
    /// goes on finds old clocks, and its proxy alive.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Alarm> {
        if self.stage == Stage::Closing {
            self.closes_at.get_or_insert(now + LINGER);
        }
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        Some(match self.stage {
            Stage::Greeting | Stage::Proving(_) => Alarm::NoWelcome,
            Stage::Closing => Alarm::Lingered,
            _ if self.pinged_at.is_some() => Alarm::Silent,
            _ => {
                self.pings += 1;
                ToProxy::Ping(self.pings).write(&mut self.out);
                self.pinged_at = Some(now);
                Alarm::Pinged
            }
        })
    }

    fn pings_at(&self) -> Instant {
        self.pinged_at.unwrap_or(self.heard_at) + self.ping_interval
    }

    fn prove<'a>(&mut self, nonce: Nonce, key: Option<&Key>) -> Step<'a> {
        let Some(key) = key else {
            let why = "it asks for a key, and none is set; set SWIFTIPLY_KEY or --key-file to the site's key";
            return Step::Refused(Refused { fatal: true, why: why.into() });
        };
        let mac = backend_proof(key.as_wire(), &nonce, &self.hello);
        ToProxy::Proof(Proof { mac }).write(&mut self.out);
        self.stage = Stage::Proving(nonce);
        Step::Done
    }

    fn open<'a>(&mut self, welcome: Welcome) -> Result<Step<'a>, String> {
        if !(VERSION_MIN..=VERSION_MAX).contains(&welcome.version) {
            return Err(format!("chose version {} of the protocol, which was not offered", welcome.version));
        }
        if welcome.links > LINKS_PER_PROXY_MAX {
            return Err(format!(
                "asks for {} links; at most {LINKS_PER_PROXY_MAX} are brought",
                welcome.links
            ));
        }
        if welcome.shard >= welcome.links {
            return Err(format!("has a shard {} and only {} links", welcome.shard, welcome.links));
        }
        if let LinkIndex::Shard(asked_for) = self.asked_for
            && asked_for != welcome.shard
        {
            return Err(format!("gave shard {} for shard {asked_for}", welcome.shard));
        }
        self.stage = Stage::Open;
        self.window = welcome.window;
        let interval = Duration::from_millis(welcome.ping_interval_ms.into());
        self.ping_interval = interval.clamp(PING_INTERVAL_MIN, PING_INTERVAL_MAX);
        Ok(Step::Welcomed(welcome))
    }
}

fn unproven<'a>() -> Step<'a> {
    let why = "this proxy did not prove that it holds the key; check that both sides have the same one, and that this is the right proxy";
    Step::Refused(Refused { fatal: true, why: why.into() })
}
