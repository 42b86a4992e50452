//! Reading and writing of the few shapes that payloads are made of. All numbers are big-endian.

use std::ops::Range;

use crate::WireError;
use crate::limits::TEXT_MAX;

/// Takes fields off the front of a payload; every reader names its field, so that an error says where.
#[derive(Clone)]
pub(crate) struct Take<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Take<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// What has been taken since `start`, an earlier [`Take::position`].
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.all[start..self.at]
    }

    /// How many bytes have been taken.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn bytes(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let rest = &self.all[self.at..];
        let taken = rest.get(..n).ok_or(WireError::Truncated { field })?;
        self.at += n;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, field)?);
        Ok(array)
    }

    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        Ok(self.array::<1>(field)?[0])
    }

    #[inline]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    /// Bytes with an 8-bit length in front.
    #[inline]
    pub(crate) fn short(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        let n = self.u8(field)?;
        self.bytes(n.into(), field)
    }

    /// Bytes with a 16-bit length in front.
    #[inline]
    pub(crate) fn long(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        let n = self.u16(field)?;
        self.bytes(n.into(), field)
    }

    /// UTF-8 text with an 8-bit length in front.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<String, WireError> {
        let text = std::str::from_utf8(self.short(field)?).map_err(|_| WireError::BadValue { field })?;
        Ok(text.chars().map(printable).collect())
    }
}

/// A place in a head's bytes. Its numbers fit: every length in a head has 16 bits at most and there are few of them, so
/// no head reaches even 64 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const EMPTY: Span = Span { start: 0, end: 0 };

    pub(crate) fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(crate) fn of_long(from: &mut Take<'_>, field: &'static str) -> Result<Self, WireError> {
        let start = from.position() + 2;
        let bytes = from.long(field)?;
        Ok(Self::new(start..start + bytes.len()))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    #[inline]
    pub(crate) fn of(self, bytes: &impl AsRef<[u8]>) -> &[u8] {
        &bytes.as_ref()[self.start as usize..self.end as usize]
    }
}

/// Writes UTF-8 text with an 8-bit length in front; what is longer is cut at a character's border.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let length_at = out.len();
    out.push(0);
    for character in text.chars().map(printable) {
        if out.len() - length_at - 1 + character.len_utf8() > TEXT_MAX {
            break;
        }
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out[length_at] = (out.len() - length_at - 1) as u8;
}

/// Texts end up in logs and terminals, and some come from strangers: none may break a line or steer a terminal.
fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

/// Writes bytes with a 16-bit length in front.
///
/// # Panics
/// When `bytes` is longer than the limits of a head allow; callers have checked those.
#[inline]
pub(crate) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    let n = u16::try_from(bytes.len()).expect("texts in a head are checked against its limits before");
    out.extend_from_slice(&n.to_be_bytes());
    out.extend_from_slice(bytes);
}
