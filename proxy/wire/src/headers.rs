//! A list of headers as it travels: names by [`Token`] where they have one, values as raw bytes, order kept.
//!
//! One header is `name, value`. A name is one byte: a token's number for its canonical spelling (`Content-Type`), that
//! number with the top bit set for its lower-case spelling (`content-type`), or zero for a literal, which follows with
//! a 16-bit length. A value has a 16-bit length. So the spelling that a client used is kept, at no cost for the usual.

use crate::bytes::{Take, put_long};
use crate::token::Spelling;
use crate::{Token, WireError};

const LOWER_CASE: u8 = 0x80;
const LITERAL: u8 = 0;

/// A header's name: its spelling as it arrived, and its token if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Its byte on the link: token and spelling, or [`LITERAL`].
    byte: u8,
    token: Option<Token>,
    spelling: &'a [u8],
}

impl<'a> Name<'a> {
    /// The name that is spelled so. Looks its token up, so do it once per header.
    #[inline]
    pub fn new(spelling: &'a [u8]) -> Self {
        match Token::find(spelling) {
            Some((token, Spelling::Canonical)) => Self { byte: token.number(), token: Some(token), spelling },
            Some((token, Spelling::Lower)) => {
                Self { byte: token.number() | LOWER_CASE, token: Some(token), spelling }
            }
            Some((token, Spelling::Other)) => Self { byte: LITERAL, token: Some(token), spelling },
            None => Self { byte: LITERAL, token: None, spelling },
        }
    }

    /// The token, in whatever case the name was spelled: who filters by token misses no header.
    #[inline]
    pub fn token(&self) -> Option<Token> {
        self.token
    }

    /// The name as the other side spelled it.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.spelling
    }

    /// Whether this is that header, in any case.
    #[inline]
    pub fn is(&self, token: Token) -> bool {
        self.token == Some(token)
    }
}

impl From<Token> for Name<'static> {
    /// In its usual spelling.
    #[inline]
    fn from(token: Token) -> Self {
        Self { byte: token.number(), token: Some(token), spelling: token.canonical().as_bytes() }
    }
}

/// A list of headers, borrowed from the frame it came in. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    count: u16,
    block: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Reads `count: u16` and so many headers, and checks that each is whole.
    pub(crate) fn take(from: &mut Take<'a>) -> Result<Self, WireError> {
        let count = from.u16("headers")?;
        if usize::from(count) > crate::limits::HEADERS_MAX {
            return Err(WireError::BadValue { field: "headers" });
        }
        let start = from.position();
        for _ in 0..count {
            let number = from.u8("header name")?;
            if number == LITERAL {
                if from.long("header name")?.is_empty() {
                    return Err(WireError::BadValue { field: "header name" });
                }
            } else if Token::from_number(number & !LOWER_CASE).is_none() {
                return Err(WireError::BadValue { field: "header name" });
            }
            from.long("header value")?;
        }
        Ok(Self { count, block: from.since(start) })
    }

    /// A view of a block that [`Headers::take`] has checked before.
    #[inline]
    pub(crate) fn checked(count: u16, block: &'a [u8]) -> Self {
        Self { count, block }
    }

    /// The bytes of the block, for keeping it beside its count.
    pub(crate) fn block(&self) -> &'a [u8] {
        self.block
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count.into()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and value of each, in the order in which they arrived, duplicates included.
    #[inline]
    pub fn iter(&self) -> HeadersIter<'a> {
        HeadersIter { left: self.count, from: Take::new(self.block) }
    }

    /// The value of the first header with this name.
    pub fn get(&self, token: Token) -> Option<&'a [u8]> {
        self.iter().find(|(name, _)| name.is(token)).map(|(_, value)| value)
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = (Name<'a>, &'a [u8]);
    type IntoIter = HeadersIter<'a>;

    fn into_iter(self) -> HeadersIter<'a> {
        self.iter()
    }
}

/// Walks a list of headers.
#[derive(Clone)]
pub struct HeadersIter<'a> {
    left: u16,
    from: Take<'a>,
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = (Name<'a>, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // The block was checked when it arrived: none of these can fail, and if one did the list would merely end.
        let name = match self.from.u8("").ok()? {
            LITERAL => {
                let spelling = self.from.long("").ok()?;
                Name { byte: LITERAL, token: Token::of(spelling), spelling }
            }
            byte => {
                let token = Token::from_number(byte & !LOWER_CASE)?;
                let spelling = if byte & LOWER_CASE == 0 { token.canonical() } else { token.lower() };
                Name { byte, token: Some(token), spelling: spelling.as_bytes() }
            }
        };
        Some((name, self.from.long("").ok()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

/// A list of headers being written, or kept.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HeaderBlock {
    count: u16,
    block: Vec<u8>,
}

impl HeaderBlock {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one header.
    ///
    /// # Panics
    /// When name or value is longer than 65,535 bytes, or there are as many headers; callers check the limits of a
    /// head first.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let count = one_more(self.count);
        put_header(&mut self.block, Name::new(name), value);
        self.count = count;
    }

    /// Forgets all headers and keeps the memory.
    pub fn clear(&mut self) {
        self.count = 0;
        self.block.clear();
    }

    /// The list, for reading.
    pub fn as_headers(&self) -> Headers<'_> {
        Headers::checked(self.count, &self.block)
    }
}

impl From<Headers<'_>> for HeaderBlock {
    fn from(headers: Headers<'_>) -> Self {
        Self { count: headers.count, block: headers.block.to_vec() }
    }
}

/// Writes headers straight into a frame; the count in front of them is filled in at the end.
pub struct HeaderWriter<'o> {
    out: &'o mut Vec<u8>,
    count_at: usize,
    count: u16,
}

impl<'o> HeaderWriter<'o> {
    #[inline]
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        let count_at = out.len();
        out.extend_from_slice(&[0, 0]);
        Self { out, count_at, count: 0 }
    }

    /// Appends one header.
    ///
    /// # Panics
    /// When name or value is longer than 65,535 bytes, or there are as many headers; callers check the limits of a
    /// head first.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_name(Name::new(name), value);
    }

    /// Appends one header whose name was looked up before.
    ///
    /// # Panics
    /// As [`HeaderWriter::push`].
    #[inline]
    pub fn push_name(&mut self, name: Name<'_>, value: &[u8]) {
        put_header(self.out, name, value);
        self.count = one_more(self.count);
    }

    /// Appends a header by its token, in canonical spelling.
    ///
    /// # Panics
    /// As [`HeaderWriter::push`].
    #[inline]
    pub fn push_token(&mut self, token: Token, value: &[u8]) {
        self.push_name(token.into(), value);
    }

    /// Appends a whole list as it is.
    #[inline]
    pub fn push_all(&mut self, headers: Headers<'_>) {
        self.count += headers.count;
        self.out.extend_from_slice(headers.block);
    }

    #[inline]
    pub(crate) fn finish(self) {
        self.out[self.count_at..self.count_at + 2].copy_from_slice(&self.count.to_be_bytes());
    }
}

/// Writes `count: u16` and the block.
pub(crate) fn put_headers(out: &mut Vec<u8>, headers: Headers<'_>) {
    out.extend_from_slice(&headers.count.to_be_bytes());
    out.extend_from_slice(headers.block);
}

#[inline]
fn one_more(count: u16) -> u16 {
    count.checked_add(1).expect("headers are counted against the limit of a head before")
}

#[inline]
fn put_header(out: &mut Vec<u8>, name: Name<'_>, value: &[u8]) {
    let Name { byte, spelling, .. } = name;
    // Before the first byte is written: a block with half a header would be worse than none.
    assert!(
        spelling.len().max(value.len()) <= usize::from(u16::MAX),
        "a header is checked against its limits before"
    );
    if byte == LITERAL {
        out.push(byte);
        put_long(out, spelling);
        put_long(out, value);
    } else {
        let [high, low] = (value.len() as u16).to_be_bytes();
        out.extend_from_slice(&[byte, high, low]);
        out.extend_from_slice(value);
    }
}
