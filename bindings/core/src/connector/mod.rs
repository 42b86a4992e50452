//! The core: several links to several proxies, and the exchanges on them. Bytes and the time go in, requests come
//! out; replies go in, bytes come out. No I/O, no clock, no threads; the drivers bring these.
//!
//! - this file: what it keeps, and what a driver asks of it;
//! - [`serving`]: messages from the proxies;
//! - [`replying`]: what the app does with an exchange;
//! - [`dialling`]: which links there are to be;
//! - [`leaving`]: draining, stopping, and links that end;
//! - [`link`], [`proxy`], [`backoff`]: the state of one link, of one proxy, of its next dial.

#[cfg(any(test, fuzzing))]
pub mod any_proxy;
mod backoff;
mod dialling;
mod leaving;
mod link;
mod proxy;
mod replying;
mod serving;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use slab::Slab;
use swiftiply_wire::limits::{SLOTS_MAX, WINDOW_DEFAULT};
use swiftiply_wire::{RequestFlags, RequestHead, ToProxy};

use crate::driver::Want;
use crate::exchange::Exchange;
use crate::notice::{Level, NoticeKind, Notices};
use crate::{Key, Options, Status, StreamKey};
use backoff::Chance;
pub(crate) use dialling::Dial;
use link::Link;
pub(crate) use link::LinkId;
pub(crate) use proxy::DialId;
use proxy::Proxy;

/// Bytes of request body that a proxy may send per stream before it is granted more.
const WINDOW: u32 = WINDOW_DEFAULT;

/// What a process says of itself, beyond its options.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The same on all links of the process, and nobody else's.
    pub(crate) backend: [u8; 16],
    pub(crate) pid: u32,
    pub(crate) host: String,
    /// For the jitter of the back-off.
    pub(crate) chance: u64,
}

pub(crate) struct Connector {
    identity: Identity,
    key: Option<Key>,
    label: String,
    language: String,
    adapter: String,
    slots: u16,
    /// Exchanges that fill a slot.
    busy: usize,
    /// Links on which a request was refused for want of a slot, and no free one was told of since.
    refused_on: usize,
    tunnels_max: usize,
    /// Exchanges that claim a tunnel.
    tunnels: usize,
    phase: Phase,
    proxies: Vec<Proxy>,
    links: BTreeMap<LinkId, Link>,
    links_so_far: u64,
    dials_so_far: u64,
    exchanges: Slab<Exchange>,
    exchanges_so_far: u64,
    /// Exchanges that no thread has taken, in the order in which they came.
    ready: VecDeque<usize>,
    pub(crate) notices: Notices,
    /// What those who wait for an exchange have to be told, in the order in which it happened.
    events: VecDeque<ExchangeEvent>,
    /// Links with something to send.
    queued: VecDeque<LinkId>,
    /// How often something was written for a link.
    said: u64,
    /// Links whose sockets are to be closed.
    closed: Vec<LinkId>,
    /// The next deadline may be earlier than it was.
    hurried: bool,
    chance: Chance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
    /// As soon as the last words are sent, or cannot be.
    Stopping,
    Ended,
}

/// Something happened to an exchange that the app holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeEvent {
    pub(crate) place: usize,
    pub(crate) key: StreamKey,
    pub(crate) what: Happened,
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Readable,
    Writable,
    Disconnected,
}

/// A request that a thread takes, or the loop gives out.
pub(crate) struct Taken {
    pub(crate) place: usize,
    pub(crate) key: StreamKey,
    pub(crate) head: RequestHead<Vec<u8>>,
    pub(crate) flags: RequestFlags,
}

impl Connector {
    /// A connector that has dialled nobody yet.
    pub(crate) fn new(options: Options, identity: Identity) -> Self {
        let chance = Chance::new(identity.chance);
        Self {
            identity,
            key: options.key,
            label: options.label,
            language: options.language,
            adapter: options.adapter,
            slots: options.slots,
            busy: 0,
            refused_on: 0,
            tunnels_max: options.tunnels as usize,
            tunnels: 0,
            phase: Phase::Serving,
            proxies: options.connect.into_iter().map(Proxy::new).collect(),
            links: BTreeMap::new(),
            links_so_far: 0,
            dials_so_far: 0,
            exchanges: Slab::new(),
            exchanges_so_far: 0,
            ready: VecDeque::new(),
            notices: Notices::default(),
            events: VecDeque::new(),
            queued: VecDeque::new(),
            said: 0,
            closed: Vec::new(),
            hurried: false,
            chance,
        }
    }

    /// The request that has waited longest, if there is one. From here on the app has started it: for a method that
    /// must not run twice the proxy is told, and the caller sends that before the app sees the request. For other
    /// methods it would change nothing.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        let place = self.ready.pop_front()?;
        let exchange = &mut self.exchanges[place];
        let head = exchange.head.take().expect("a request that is ready has its head");
        let (key, flags, stream) = (exchange.key, exchange.flags, exchange.stream);
        if let Some(id) = exchange.link.filter(|_| !head.method().is_idempotent()) {
            self.say(id, &ToProxy::Started(stream));
        }
        Some(Taken { place, key, head, flags })
    }

    /// How many requests wait to be taken.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether a wait for this is over.
    pub(crate) fn is_ready(&self, want: Want) -> bool {
        match want {
            Want::Request => !self.ready.is_empty() || self.has_ended(),
            Want::Notice => !self.notices.is_empty() || self.has_ended(),
            Want::Readable(place) => self.exchanges[place].body.is_readable(),
            Want::Writable(place) => self.is_writable(place),
        }
    }

    /// All is over, and every link is closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether there is a link, open or not.
    pub(crate) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// The next event of an exchange that the app still holds.
    pub(crate) fn next_event(&mut self) -> Option<ExchangeEvent> {
        loop {
            let event = self.events.pop_front()?;
            let is_held = |exchange: &Exchange| exchange.key == event.key && exchange.head.is_none();
            if self.exchanges.get(event.place).is_some_and(is_held) {
                return Some(event);
            }
        }
    }

    /// Changes how many requests can run at once, within what the protocol allows; none is a pause.
    pub(crate) fn set_slots(&mut self, slots: u16) {
        let slots = slots.min(SLOTS_MAX);
        if self.slots != slots {
            self.slots = slots;
            self.tell_slots(true);
        }
    }

    /// Each proxy hears of the slots on one of its links. If that is a new one, an earlier number may have been lost
    /// with the old one, so it hears of them again. A link that has told of slots after a refusal tells of every change,
    /// so that the last number is the same on all, whichever is read first.
    fn tell_slots(&mut self, changed: bool) {
        let mut tellers: Vec<LinkId> = Vec::new();
        if changed {
            let tells = self.links.iter().filter(|(_, link)| link.tells_slots && link.is_welcome());
            tellers.extend(tells.map(|(id, _)| *id));
        }
        for proxy in &mut self.proxies {
            let speaker = proxy.speaker().filter(|(_, is_new)| changed || *is_new);
            tellers.extend(speaker.map(|(id, _)| id).filter(|id| !tellers.contains(id)));
        }
        for id in tellers {
            self.say(id, &ToProxy::Slots(self.slots));
        }
    }

    /// One exchange fewer. A proxy that was refused a request gives no more than it has until it hears of a free slot.
    fn slot_is_free(&mut self) {
        self.busy -= 1;
        let tells = self.phase == Phase::Serving && self.busy < self.slots.into();
        if self.refused_on == 0 || !tells {
            return;
        }
        self.refused_on = 0;
        let links = self.links.iter_mut();
        let refused =
            links.filter_map(|(id, link)| std::mem::take(&mut link.has_refused).then_some((*id, link)));
        // On that very link: it must not overtake the refusal.
        let refused = refused.filter(|(_, link)| link.is_welcome()).map(|(id, link)| {
            link.tells_slots = true;
            id
        });
        for id in refused.collect::<Vec<_>>() {
            self.say(id, &ToProxy::Slots(self.slots));
        }
    }

    pub(crate) fn status(&self) -> Status {
        Status {
            proxies: self.proxies.len(),
            connected: self.proxies.iter().filter(|proxy| proxy.is_connected).count(),
            links: self.links.values().filter(|link| link.is_welcome()).count(),
            in_flight: self.busy,
            tunnels: self.tunnels,
            slots: self.slots,
            is_draining: self.phase != Phase::Serving,
            has_ended: self.has_ended(),
        }
    }

    /// The next link with something to send.
    pub(crate) fn next_queued(&mut self) -> Option<LinkId> {
        let id = self.queued.pop_front()?;
        if let Some(link) = self.links.get_mut(&id) {
            link.is_queued = false;
        }
        Some(id)
    }

    /// Moves what this link has to send into an empty buffer. It counts as unsent until [`Connector::sent`].
    pub(crate) fn take_output(&mut self, id: LinkId, into: &mut Vec<u8>) {
        if let Some(link) = self.links.get_mut(&id) {
            std::mem::swap(&mut link.out, into);
            link.unsent += into.len();
        }
    }

    /// The socket has taken so many bytes.
    pub(crate) fn sent(&mut self, id: LinkId, bytes: usize) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.unsent = link.unsent.saturating_sub(bytes);
        // Not for every byte: half of it has to be free.
        if link.held_up && link.room() > crate::limits::LINK_OUT_MAX / 2 {
            link.held_up = false;
            let places: Vec<usize> = link.streams.values().copied().collect();
            for place in places {
                self.tell_writer(place);
            }
        }
    }

    /// Puts a link on the list of those with something to send.
    fn queue(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && !link.is_queued
        {
            link.is_queued = true;
            self.queued.push_back(id);
        }
    }

    /// The same, if there is something.
    pub(crate) fn queue_output(&mut self, id: LinkId) {
        if self.links.get(&id).is_some_and(|link| !link.out.is_empty()) {
            self.queue(id);
        }
    }

    /// Whether links are closed as soon as they have said their last word, or cannot.
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase == Phase::Stopping
    }

    /// Whether this link has said its last word, so that the socket can be shut down when that is sent.
    pub(crate) fn is_closing(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.is_closing() && link.out.is_empty())
    }

    /// Links whose sockets are to be closed now.
    pub(crate) fn take_closed(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.closed)
    }

    /// Whether [`Connector::deadline`] may have come nearer since the last time this was asked.
    pub(crate) fn take_hurry(&mut self) -> bool {
        std::mem::take(&mut self.hurried)
    }

    /// When [`Connector::tick`] or [`Connector::next_dial`] has something to do at the earliest.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let links = self.links.values().filter_map(Link::deadline);
        let wanted = |proxy: &&Proxy| self.phase == Phase::Serving && !proxy.yields(&self.proxies);
        let dials = self.proxies.iter().filter(wanted).filter_map(|proxy| proxy.dials_at(now));
        links.chain(dials).min()
    }

    /// Writes a message on a link.
    fn say(&mut self, id: LinkId, message: &ToProxy<'_>) {
        if let Some(link) = self.links.get_mut(&id) {
            message.write(&mut link.out);
            self.said += 1;
            self.queue(id);
        }
    }

    /// Counts what was written about exchanges: who sees the same number twice has nothing new to send.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Whether somebody has to be told of something.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Someone who waits for this exchange has to be told.
    fn tell(&mut self, place: usize, what: Happened) {
        let key = self.exchanges[place].key;
        self.events.push_back(ExchangeEvent { place, key, what });
    }

    fn note(&mut self, level: Level, kind: NoticeKind, text: String) {
        self.notices.push(level, kind, text);
    }
}
