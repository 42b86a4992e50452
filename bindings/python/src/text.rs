//! Bytes of the wire as Python's text, and back. HTTP's bytes are shown as latin-1, one character for each byte.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::errors::reply_head_error;

/// Text of latin-1 code points, as PEP 3333 wants it.
pub fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &bytes.iter().map(|&byte| char::from(byte)).collect::<String>()),
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
