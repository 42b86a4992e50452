//! The requests without a slot, first in first out.
//!
//! Two lines share one slab: those that come back (a replay, a refusal) stand before all those that
//! have never had a slot. Each line is doubly linked through the slab, so that a client that leaves
//! costs the same from the middle of a long queue as from its end, and a place once made is reused:
//! a queue that has reached its usual length allocates nothing more.

/// The end of a chain of places.
const NONE: u32 = u32::MAX;

/// A waiting request's place in the queue; needed to leave it.
///
/// A ticket is spent once its request has a slot or has left, and is never issued again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    place: u32,
    serial: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Queue<T> {
    places: Vec<Place<T>>,
    vacant: u32,
    returned: Line,
    fresh: Line,
    len: usize,
    serial: u64,
}

#[derive(Clone, Debug)]
struct Place<T> {
    /// `None` while the place is vacant.
    waiter: Option<T>,
    serial: u64,
    before: u32,
    /// The next place of the same line, or of the vacant ones.
    after: u32,
    returned: bool,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    first: u32,
    last: u32,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let empty = Line { first: NONE, last: NONE };
        Self { places: Vec::new(), vacant: NONE, returned: empty, fresh: empty, len: 0, serial: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Stands a new request at the very end.
    pub(super) fn join(&mut self, waiter: T) -> Ticket {
        self.stand(waiter, false)
    }

    /// Stands a request that had a slot before behind the others of its kind, ahead of all new ones.
    pub(super) fn rejoin(&mut self, waiter: T) -> Ticket {
        self.stand(waiter, true)
    }

    /// Takes the first request out.
    pub(super) fn next(&mut self) -> Option<T> {
        let first = match self.returned.first {
            NONE => self.fresh.first,
            returned => returned,
        };
        (first != NONE).then(|| self.vacate(first)).flatten()
    }

    /// Takes out the request that holds this ticket, unless it is out already.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let place = self.places.get(ticket.place as usize)?;
        if place.serial != ticket.serial {
            return None;
        }
        self.vacate(ticket.place)
    }

    fn stand(&mut self, waiter: T, returned: bool) -> Ticket {
        self.serial += 1;
        self.len += 1;
        let before = self.line(returned).last;
        let filled = Place { waiter: Some(waiter), serial: self.serial, before, after: NONE, returned };
        let place = self.occupy(filled);
        match before {
            NONE => self.line(returned).first = place,
            before => self.places[before as usize].after = place,
        }
        self.line(returned).last = place;
        Ticket { place, serial: self.serial }
    }

    fn occupy(&mut self, filled: Place<T>) -> u32 {
        if self.vacant == NONE {
            self.places.push(filled);
            return (self.places.len() - 1) as u32;
        }
        let index = self.vacant;
        let place = &mut self.places[index as usize];
        self.vacant = place.after;
        *place = filled;
        index
    }

    /// Unlinks a place and gives back who stood there; `None` if nobody did.
    fn vacate(&mut self, index: u32) -> Option<T> {
        let place = &mut self.places[index as usize];
        let waiter = place.waiter.take()?;
        let (before, after, returned) = (place.before, place.after, place.returned);
        place.after = self.vacant;
        self.vacant = index;
        self.len -= 1;
        match before {
            NONE => self.line(returned).first = after,
            before => self.places[before as usize].after = after,
        }
        match after {
            NONE => self.line(returned).last = before,
            after => self.places[after as usize].before = before,
        }
        Some(waiter)
    }

    fn line(&mut self, returned: bool) -> &mut Line {
        if returned { &mut self.returned } else { &mut self.fresh }
    }
}
