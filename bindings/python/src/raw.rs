//! What pyo3 does not have, and with it all `unsafe` code of this library.
#![allow(unsafe_code)]

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Text of latin-1 code points, as PEP 3333 wants it. pyo3 makes text of UTF-8 alone, which takes twice as long to
/// make sure of.
pub fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    let (start, length) = (bytes.as_ptr().cast(), bytes.len() as ffi::Py_ssize_t);
    // SAFETY: the call copies the bytes, which outlive it, and gives a new string, or null for want of memory: then
    // `from_owned_ptr` panics.
    unsafe {
        Bound::from_owned_ptr(py, ffi::PyUnicode_DecodeLatin1(start, length, ptr::null()))
            .cast_into_unchecked()
    }
}
