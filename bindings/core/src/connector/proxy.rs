//! One proxy that is served: which links it wants, which of them there are, and when to dial.

use std::time::{Duration, Instant};

use super::backoff::{Backoff, Chance};
use super::link::LinkId;
use crate::Address;
use crate::limits::{DIALS_PER_PROXY_MAX, REMIND_UNREACHABLE};

/// Names a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DialId(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: Address,
    /// Which process answers there; unknown until its first welcome, and again after its last link is lost.
    id: Option<[u8; 16]>,
    /// One place per link that it wants; one for the first while that is not known.
    places: Vec<Place>,
    backoff: Backoff,
    dials_from: Option<Instant>,
    /// The link on which it hears of our slots: always the same, so that two numbers cannot overtake each other.
    speaker: Option<LinkId>,
    /// The proxy process that took our links at another address for these. They would push each other out for ever.
    yields_to: Option<[u8; 16]>,
    /// All its links are there, and the log says so.
    pub(crate) is_connected: bool,
    /// What the log said last of why not, and when.
    said: Option<(String, Instant)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Empty,
    Dialling(DialId),
    /// A connection whose handshake goes on.
    Greeting(LinkId),
    Linked(LinkId),
}

impl Proxy {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            id: None,
            places: vec![Place::Empty],
            backoff: Backoff::default(),
            dials_from: None,
            speaker: None,
            yields_to: None,
            is_connected: false,
            said: None,
        }
    }

    /// When the next dial is due; `None` while there is nothing to dial.
    pub(crate) fn dials_at(&self, now: Instant) -> Option<Instant> {
        let dialling = self.places.iter().filter(|place| matches!(place, Place::Dialling(_))).count();
        let may_dial = dialling < DIALS_PER_PROXY_MAX && self.places.contains(&Place::Empty);
        may_dial.then(|| self.dials_from.unwrap_or(now))
    }

    /// Takes a place to dial for, if one is due.
    pub(crate) fn begin_dial(&mut self, dial: DialId, now: Instant) -> bool {
        if self.dials_at(now).is_none_or(|at| at > now) {
            return false;
        }
        match self.places.iter_mut().find(|place| **place == Place::Empty) {
            Some(place) => {
                *place = Place::Dialling(dial);
                true
            }
            None => false,
        }
    }

    /// The dial has led to this link. Returns its shard, or none for the first link; nothing if the dial is out of
    /// date.
    pub(crate) fn dialled(&mut self, dial: DialId, link: LinkId) -> Option<Option<u16>> {
        let place = self.places.iter().position(|place| *place == Place::Dialling(dial))?;
        self.places[place] = Place::Greeting(link);
        Some(self.shard(place))
    }

    /// The dial has led nowhere.
    pub(crate) fn dial_failed(&mut self, dial: DialId) {
        if let Some(place) = self.places.iter_mut().find(|place| **place == Place::Dialling(dial)) {
            *place = Place::Empty;
        }
        self.forget_if_alone();
    }

    /// The next dial is to wait, longer after each failure. What fails while a wait goes on already is the same
    /// failure: all links of a proxy break together.
    pub(crate) fn put_off_dials(&mut self, now: Instant, at_least: Duration, chance: &mut Chance) {
        if self.dials_from.is_none_or(|from| from <= now) {
            self.dials_from = Some(now + self.backoff.after_failure(chance).max(at_least));
        }
    }

    /// The link counts. Links of an earlier process at this address stay, until that closes them, without a place.
    pub(crate) fn welcomed(&mut self, link: LinkId, id: [u8; 16], shard: u16, links: u16) {
        self.backoff.reset();
        self.dials_from = None;
        self.yields_to = None;
        self.said = None;
        if self.id != Some(id) || self.places.len() != usize::from(links) {
            self.become_other(id, links.into());
        }
        self.leave(link);
        self.places[usize::from(shard)] = Place::Linked(link);
    }

    /// All its links are there.
    pub(crate) fn is_complete(&self) -> bool {
        self.places.iter().all(|place| matches!(place, Place::Linked(_)))
    }

    /// How many links it wants, as far as it is known.
    pub(crate) fn links(&self) -> usize {
        self.places.len()
    }

    /// The link has no place any more. Returns whether it had one.
    pub(crate) fn lost(&mut self, link: LinkId) -> bool {
        let had_place = self.leave(link);
        self.forget_if_alone();
        had_place
    }

    /// The process that answered here goes down or is replaced: the next connection is a first one again. Its links stay
    /// without a place. Returns whether this one had a place.
    pub(crate) fn goes_down(&mut self, link: LinkId) -> bool {
        let had_place = self.leave(link);
        if had_place {
            // Connections in their handshake may have reached the next process; what is still dialled may be too many.
            self.places.retain(|place| matches!(place, Place::Greeting(_) | Place::Dialling(_)));
            if self.places.iter().any(|place| matches!(place, Place::Greeting(_))) {
                self.places.retain(|place| matches!(place, Place::Greeting(_)));
            }
            self.id = None;
            self.speaker = None;
            self.forget_if_alone();
        }
        had_place
    }

    /// The link that is to say how many slots there are, and whether it has just become that.
    pub(crate) fn speaker(&mut self) -> Option<(LinkId, bool)> {
        let linked = |place: &Place| match *place {
            Place::Linked(id) => Some(id),
            _ => None,
        };
        let before = self.speaker.filter(|speaker| self.places.contains(&Place::Linked(*speaker)));
        self.speaker = before.or_else(|| self.places.iter().find_map(linked));
        Some((self.speaker?, before.is_none()))
    }

    /// Another address leads to the same process, and took this one's links.
    pub(crate) fn yield_to_other(&mut self) {
        self.yields_to = self.id;
    }

    /// Whether it stands back for one of these.
    pub(crate) fn yields(&self, others: &[Proxy]) -> bool {
        self.yields_to.is_some()
            && others.iter().any(|other| other.is_connected && other.id == self.yields_to)
    }

    /// Whether the log is to be told this: it is news, or was said long ago.
    pub(crate) fn is_news(&mut self, text: &str, now: Instant) -> bool {
        let is_old = self.said.as_ref().is_some_and(|(said, at)| {
            said == text && now.saturating_duration_since(*at) < REMIND_UNREACHABLE
        });
        if !is_old {
            self.said = Some((text.to_owned(), now));
        }
        !is_old
    }

    fn leave(&mut self, link: LinkId) -> bool {
        let of_link =
            |place: &&mut Place| matches!(**place, Place::Greeting(id) | Place::Linked(id) if id == link);
        match self.places.iter_mut().find(of_link) {
            Some(place) => {
                *place = Place::Empty;
                true
            }
            None => false,
        }
    }

    /// Another process answers here, or the same one with other wishes. Connections on their way lead to it already.
    fn become_other(&mut self, id: [u8; 16], links: usize) {
        self.id = Some(id);
        self.is_connected = false;
        self.speaker = None;
        for place in &mut self.places {
            if let Place::Linked(_) = place {
                *place = Place::Empty;
            }
        }
        self.places.resize(links, Place::Empty);
    }

    /// When no link is left, what answers here next may be another process: the next connection is a first one again.
    fn forget_if_alone(&mut self) {
        if self.places.iter().any(|place| matches!(place, Place::Greeting(_) | Place::Linked(_))) {
            return;
        }
        self.id = None;
        let dialling = self.places.iter().find(|place| matches!(place, Place::Dialling(_)));
        self.places = vec![dialling.copied().unwrap_or(Place::Empty)];
    }

    fn shard(&self, place: usize) -> Option<u16> {
        self.id.map(|_| place as u16)
    }
}
