//! Byte buffers that are read into, and the pool that keeps them while nobody needs one.

use std::cell::RefCell;

/// The least memory that a buffer has, if it has any.
const BYTES_MIN: usize = 1024;

/// Bytes that have arrived and are not used yet, with room behind them. Always fully initialised memory.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// What is there.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing is there.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes are there.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Forgets the first `n` bytes.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.len());
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into; at least one byte unless `max` bytes are there. Moves what is there to the front when the
    /// room behind it is used up, and grows to `max` when all room is.
    pub fn room(&mut self, max: usize) -> &mut [u8] {
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() && self.end < max {
            self.bytes.resize((self.end * 2).clamp(BYTES_MIN, max), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// What is there, to be changed in its place.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Room for at least `n` bytes, however much it has to grow.
    pub fn room_for(&mut self, n: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < n {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.bytes.len() - self.end < n {
                self.bytes.resize(self.end + n, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Says that the first `n` bytes of the room were filled.
    #[inline]
    pub fn filled(&mut self, n: usize) {
        self.end += n;
        debug_assert!(self.end <= self.bytes.len());
    }

    /// Appends bytes that came by another way.
    pub fn append(&mut self, bytes: &[u8]) {
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(bytes);
        self.end = self.bytes.len();
    }

    /// Moves a few bytes that may lie there for long to memory of their size, and gives the pool its own back.
    pub fn spare(&mut self, pool: &Pool) {
        if self.is_empty() || self.bytes.len() != pool.size || self.len() > pool.size / 8 {
            return;
        }
        let mut bytes = vec![0; (2 * self.len()).max(BYTES_MIN)];
        bytes[..self.len()].copy_from_slice(self.data());
        let small = Self { bytes, start: 0, end: self.len() };
        let mut large = std::mem::replace(self, small);
        large.consume(large.len());
        pool.give_back(&mut large);
    }

    /// How many bytes it can hold without growing.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it owns any memory.
    pub fn has_memory(&self) -> bool {
        !self.bytes.is_empty()
    }
}

/// Buffers of one size that wait to be used again: an idle connection owns none.
#[derive(Debug)]
pub struct Pool {
    size: usize,
    kept_max: usize,
    kept: RefCell<Vec<Buffer>>,
}

impl Pool {
    /// Buffers of `size` bytes, of which at most `kept_max` are kept.
    pub fn new(size: usize, kept_max: usize) -> Self {
        Self { size, kept_max, kept: RefCell::default() }
    }

    /// An empty buffer.
    pub fn take(&self) -> Buffer {
        let kept = self.kept.borrow_mut().pop();
        kept.unwrap_or_else(|| Buffer { bytes: vec![0; self.size], start: 0, end: 0 })
    }

    /// Gives an empty buffer back. One that has grown is dropped: its like is rare.
    pub fn give_back(&self, buffer: &mut Buffer) {
        debug_assert!(buffer.is_empty());
        let buffer = std::mem::take(buffer);
        let mut kept = self.kept.borrow_mut();
        if buffer.bytes.len() == self.size && kept.len() < self.kept_max {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_found_by_moving_before_growing() {
        let mut buffer = Buffer::default();
        let room = buffer.room(8192);
        assert_eq!(room.len(), 1024);
        room.fill(b'a');
        buffer.filled(1024);
        buffer.consume(1000);
        assert_eq!(buffer.room(8192).len(), 1000);
        assert_eq!(buffer.data(), [b'a'; 24]);
        buffer.filled(1000);
        assert_eq!(buffer.room(8192).len(), 1024);
        buffer.filled(1024);
        assert!(buffer.room(2048).is_empty());
        assert_eq!(buffer.len(), 2048);
    }

    #[test]
    fn a_few_bytes_that_wait_hold_little_memory() {
        let pool = Pool::new(16 * 1024, 1);
        let mut buffer = pool.take();
        buffer.room(16 * 1024)[..5].copy_from_slice(b"GET /");
        buffer.filled(5);
        let memory = buffer.data().as_ptr();
        buffer.spare(&pool);
        assert_eq!((buffer.data(), buffer.bytes.len()), (&b"GET /"[..], BYTES_MIN));
        assert_eq!(pool.take().room(1).as_ptr(), memory, "the pool has its own back");
        buffer.spare(&pool);
        buffer.append(&[b'a'; 4000]);
        buffer.spare(&pool);
        assert_eq!(buffer.len(), 4005);
    }

    #[test]
    fn a_pool_hands_out_the_memory_that_it_got_back() {
        let pool = Pool::new(4096, 1);
        let mut buffers = [pool.take(), pool.take()];
        let memory = buffers[0].room(4096).as_ptr();
        buffers.iter_mut().for_each(|buffer| pool.give_back(buffer));
        assert!(!buffers[0].has_memory());
        assert_eq!(pool.take().room(4096).as_ptr(), memory);
    }
}
