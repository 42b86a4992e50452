//! One proxy that is served: which links it wants, which of them there are, and when to dial.

use std::time::Instant;

use super::backoff::Backoff;
use super::link::LinkId;
use crate::Address;
use crate::limits::REMIND_UNREACHABLE;

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
    pub(crate) backoff: Backoff,
    dials_from: Option<Instant>,
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
            is_connected: false,
            said: None,
        }
    }

    /// When the next dial is due; `None` while there is nothing to dial.
    pub(crate) fn dials_at(&self, now: Instant) -> Option<Instant> {
        self.places.contains(&Place::Empty).then(|| self.dials_from.unwrap_or(now))
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

    /// The dial has led to this link. Returns its shard, or none for the first link; nothing if the dial is out of date.
    pub(crate) fn dialled(&mut self, dial: DialId, link: LinkId) -> Option<Option<u16>> {
        let place = self.places.iter().position(|place| *place == Place::Dialling(dial))?;
        self.places[place] = Place::Greeting(link);
        Some(self.shard(place))
    }

    /// The dial has led nowhere.
    pub(crate) fn dial_failed(&mut self, dial: DialId, dials_from: Instant) {
        if let Some(place) = self.places.iter_mut().find(|place| **place == Place::Dialling(dial)) {
            *place = Place::Empty;
            self.dials_from = Some(dials_from);
        }
        self.forget_if_alone();
    }

    /// The link counts. Links of an earlier process at this address stay, until that closes them, without a place.
    pub(crate) fn welcomed(&mut self, link: LinkId, id: [u8; 16], shard: u16, links: u16) {
        self.backoff.reset();
        self.dials_from = None;
        self.said = None;
        if self.id != Some(id) || self.places.len() != usize::from(links) {
            self.id = Some(id);
            self.is_connected = false;
            self.places = vec![Place::Empty; links.into()];
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

    /// The link has no place any more. Returns whether it had one; that is dialled again from this time on.
    pub(crate) fn lost(&mut self, link: LinkId, dials_from: Instant) -> bool {
        let had_place = self.leave(link);
        if had_place {
            self.dials_from = Some(dials_from);
            self.forget_if_alone();
        }
        had_place
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

    /// What answers here next may be another process, with other wishes.
    fn forget_if_alone(&mut self) {
        if self.places.iter().all(|place| *place == Place::Empty) {
            self.id = None;
            self.places = vec![Place::Empty];
        }
    }

    fn shard(&self, place: usize) -> Option<u16> {
        self.id.map(|_| place as u16)
    }
}
