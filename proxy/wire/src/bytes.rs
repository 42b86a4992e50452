//! Reading and writing of the few shapes that payloads are made of. All numbers are big-endian.

use crate::WireError;

/// Takes fields off the front of a payload; every reader names its field, so that an error says where.
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
        let bytes = self.short(field)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| WireError::BadValue { field })
    }
}

/// Writes bytes with an 8-bit length in front; what is longer is cut at a character's border.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(crate::limits::TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.push(end as u8);
    out.extend_from_slice(&text.as_bytes()[..end]);
}

/// Writes bytes with a 16-bit length in front.
///
/// # Panics
/// When `bytes` is longer than the limits of a head allow; callers have checked those.
#[inline]
pub(crate) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    let n = u16::try_from(bytes.len()).expect("a head within its limits has only 16-bit lengths");
    out.extend_from_slice(&n.to_be_bytes());
    out.extend_from_slice(bytes);
}
