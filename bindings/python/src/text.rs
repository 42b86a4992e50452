//! Bytes of the wire as Python's text, and back. HTTP's bytes are shown as latin-1, one character for each byte.

use std::borrow::Cow;
use std::net::IpAddr;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::errors::reply_head_error;
pub use crate::raw::latin1;

/// A number in decimal.
pub fn decimal(py: Python<'_>, number: u64) -> Bound<'_, PyString> {
    let mut text = Short::default();
    text.push_decimal(number);
    latin1(py, text.as_bytes())
}

/// An address in its usual notation.
pub fn address(py: Python<'_>, ip: IpAddr) -> Bound<'_, PyString> {
    let IpAddr::V4(ip) = ip else { return PyString::new(py, &ip.to_string()) };
    let mut text = Short::default();
    let [first, rest @ ..] = ip.octets();
    text.push_decimal(first.into());
    for octet in rest {
        text.push(b'.');
        text.push_decimal(octet.into());
    }
    latin1(py, text.as_bytes())
}

/// A few characters. The standard library's formatting costs 1,300 instructions for an IPv4 address, this 150, and
/// each request has two of them.
#[derive(Default)]
struct Short {
    bytes: [u8; 20],
    length: usize,
}

impl Short {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn push_decimal(&mut self, number: u64) {
        if number >= 10 {
            self.push_decimal(number / 10);
        }
        self.push(b'0' + (number % 10) as u8);
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What an application gave for a header's name or value, or a reason: bytes as they are, text as latin-1.
pub struct Field<'py>(Given<'py>);

enum Given<'py> {
    /// Bytes that the application gave.
    Bytes(Bound<'py, PyBytes>),
    /// The UTF-8 of text.
    Utf8(Bound<'py, PyBytes>),
}

impl<'py> Field<'py> {
    pub fn of(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Self(Given::Utf8(text.encode_utf8()?)));
        }
        Ok(Self(Given::Bytes(value.cast::<PyBytes>()?.clone())))
    }

    pub fn as_bytes(&self) -> PyResult<Cow<'_, [u8]>> {
        match &self.0 {
            Given::Bytes(bytes) => Ok(Cow::Borrowed(bytes.as_bytes())),
            Given::Utf8(bytes) if bytes.as_bytes().is_ascii() => Ok(Cow::Borrowed(bytes.as_bytes())),
            Given::Utf8(bytes) => {
                let text = String::from_utf8_lossy(bytes.as_bytes());
                let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
                match narrow {
                    Some(narrow) => Ok(Cow::Owned(narrow)),
                    None => Err(reply_head_error(format_args!("{text:?} has characters beyond latin-1"))),
                }
            }
        }
    }
}
