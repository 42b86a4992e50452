//! The backends with a free slot, the next one to use first.
//!
//! An indexed four-way heap: one short array of 16-byte ranks, four of them to a cache line, and for
//! each backend the position of its rank, so that any backend is moved or taken out in O(log n).
//! Nothing is allocated once it has held as many backends as it will hold.

/// The position of a backend that has no free slot.
const ABSENT: u32 = u32::MAX;
/// Children per node: a 64-byte cache line holds four ranks.
const ARITY: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    heap: Vec<Rank>,
    /// Position in `heap` by backend index.
    positions: Vec<u32>,
}

/// A backend's place in the order: load, then since when, then its index; as one number, because one
/// comparison of a number is what the heap spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u128);

/// How busy a backend with a free slot is: `in_flight / slots` as a 32-bit binary fraction.
///
/// Rounding down loses nothing. Two different fractions of 16-bit numbers are more than 2^-32 apart,
/// so they stay different and in order, and equal ones (1/2 and 2/4) stay equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Load(u32);

impl Load {
    /// The load of a backend that has a free slot: `in_flight` is less than `slots`.
    pub(super) fn of(in_flight: u16, slots: u16) -> Self {
        debug_assert!(in_flight < slots);
        Self(((u64::from(in_flight) << 32) / u64::from(slots)) as u32)
    }
}

impl Rank {
    fn new(load: Load, since: u64, index: u32) -> Self {
        Self((u128::from(load.0) << 96) | (u128::from(since) << 32) | u128::from(index))
    }

    fn load(self) -> Load {
        Load((self.0 >> 96) as u32)
    }

    fn index(self) -> u32 {
        self.0 as u32
    }
}

impl Ready {
    /// The least busy backend; among equals the one that has been so for longest.
    pub(super) fn first(&self) -> Option<u32> {
        self.heap.first().map(|rank| rank.index())
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The backend at any position below `len`, if it is exactly as busy as the first.
    pub(super) fn equal_to_first_at(&self, position: usize) -> Option<u32> {
        let (first, rank) = (self.heap.first()?, self.heap.get(position)?);
        (rank.load() == first.load()).then(|| rank.index())
    }

    /// Puts a backend where it now belongs, whether it was in or not.
    pub(super) fn place(&mut self, index: u32, load: Load, since: u64) {
        let rank = Rank::new(load, since, index);
        match self.position(index) {
            Some(position) => self.settle(position, rank),
            None => {
                self.heap.push(rank);
                self.rise(self.heap.len() - 1, rank);
            }
        }
    }

    /// Takes a backend out; no matter if it is not in.
    pub(super) fn take_out(&mut self, index: u32) {
        let Some(position) = self.position(index) else {
            return;
        };
        self.positions[index as usize] = ABSENT;
        let Some(last) = self.heap.pop() else { return };
        if position < self.heap.len() {
            self.settle(position, last);
        }
    }

    fn position(&mut self, index: u32) -> Option<usize> {
        let index = index as usize;
        if index >= self.positions.len() {
            self.positions.resize(index + 1, ABSENT);
        }
        let position = self.positions[index];
        (position != ABSENT).then_some(position as usize)
    }

    /// Writes `rank` into the heap, starting from `position`, upwards or downwards.
    fn settle(&mut self, position: usize, rank: Rank) {
        if position > 0 && rank < self.heap[(position - 1) / ARITY] {
            self.rise(position, rank);
        } else {
            self.sink(position, rank);
        }
    }

    fn rise(&mut self, mut position: usize, rank: Rank) {
        while position > 0 {
            let parent = (position - 1) / ARITY;
            if self.heap[parent] <= rank {
                break;
            }
            self.put(position, self.heap[parent]);
            position = parent;
        }
        self.put(position, rank);
    }

    fn sink(&mut self, mut position: usize, rank: Rank) {
        loop {
            let first_child = position * ARITY + 1;
            let children = first_child..(first_child + ARITY).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child]) else {
                break;
            };
            if rank <= self.heap[least] {
                break;
            }
            self.put(position, self.heap[least]);
            position = least;
        }
        self.put(position, rank);
    }

    fn put(&mut self, position: usize, rank: Rank) {
        self.heap[position] = rank;
        self.positions[rank.index() as usize] = position as u32;
    }
}
