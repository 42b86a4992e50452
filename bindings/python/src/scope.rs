//! A request's head as an ASGI scope, in one pass. The mapping to read and to reason about is
//! `adapters/wsgi/src/swiftiply/asgi/scope.py`; this does the same with names that are made once.

use std::sync::{Mutex, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use swiftiply_connector::{Body, Endpoint, RequestHead, Token, Version};

use crate::environ::{method, scheme};
use crate::target::{check_mount, percent_decoded};
use crate::text::address;

type Head = RequestHead<Vec<u8>>;

/// A copy of `base` with everything in it that a request's head says.
pub fn scope<'py>(py: Python<'py>, head: &Head, base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let scope = base.copy()?;
    // Applications write into these: each request has its own.
    for name in [intern!(py, "asgi"), intern!(py, "extensions"), intern!(py, "state")] {
        if let Some(shared) = base.get_item(name)? {
            scope.set_item(name, shared.cast::<PyDict>()?.copy()?)?;
        }
    }
    scope.set_item(intern!(py, "http_version"), http_version(py, head.version()))?;
    scope.set_item(intern!(py, "method"), method(py, &head.method()))?;
    scope.set_item(intern!(py, "scheme"), scheme(py, head.scheme()))?;
    scope.set_item(intern!(py, "path"), path(py, head, base)?)?;
    scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, head.path()))?;
    scope.set_item(intern!(py, "query_string"), PyBytes::new(py, head.query().unwrap_or_default()))?;
    let (headers, takes_trailers) = headers(py, head)?;
    scope.set_item(intern!(py, "headers"), headers)?;
    if takes_trailers && let Some(extensions) = scope.get_item(intern!(py, "extensions"))? {
        extensions.set_item(intern!(py, "http.response.trailers"), PyDict::new(py))?;
    }
    scope.set_item(intern!(py, "client"), endpoint(py, head.peer())?)?;
    scope.set_item(intern!(py, "server"), server(py, head.local())?)?;
    Ok(scope)
}

/// `(host, port)`, or None for a Unix socket.
pub fn endpoint(py: Python<'_>, endpoint: Endpoint) -> PyResult<Option<Bound<'_, PyTuple>>> {
    endpoint.map(|endpoint| (address(py, endpoint.ip()), endpoint.port()).into_pyobject(py)).transpose()
}

/// The proxy's own address, which is the same for one request after the other.
fn server(py: Python<'_>, local: Endpoint) -> PyResult<Option<Bound<'_, PyTuple>>> {
    static LAST: Mutex<Option<(Endpoint, Py<PyTuple>)>> = Mutex::new(None);
    // Locked for moments without any call into Python, which might let another thread run.
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, server)) = last().as_ref().filter(|(of, _)| *of == local) {
        return Ok(Some(server.bind(py).clone()));
    }
    let server = endpoint(py, local)?;
    let replaced = server.as_ref().and_then(|server| last().replace((local, server.clone().unbind())));
    drop(replaced);
    Ok(server)
}

fn http_version(py: Python<'_>, version: Version) -> &Bound<'_, PyString> {
    match version {
        Version::Http10 => intern!(py, "1.0"),
        Version::Http11 => intern!(py, "1.1"),
        Version::Http2 => intern!(py, "2"),
    }
}

fn path<'py>(py: Python<'py>, head: &Head, base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyString>> {
    let decoded = percent_decoded(head.path());
    let text = String::from_utf8_lossy(&decoded);
    match base.get_item(intern!(py, "root_path"))? {
        Some(mount) if !mount.is_empty()? => check_mount(&text, &mount.extract::<String>()?)?,
        _ => {}
    }
    Ok(PyString::new(py, &text))
}

/// The headers, and whether the client takes trailers: the proxy passes `TE: trailers` on, and no other TE.
fn headers<'py>(py: Python<'py>, head: &Head) -> PyResult<(Bound<'py, PyList>, bool)> {
    let names = names(py);
    let list = PyList::empty(py);
    let mut takes_trailers = false;
    if !head.authority().is_empty() {
        list.append((
            names[usize::from(Token::HOST.number()) - 1].bind(py),
            PyBytes::new(py, head.authority()),
        ))?;
    }
    for (name, value) in head.headers().iter() {
        let value = PyBytes::new(py, value);
        match name.token().or_else(|| Token::of(name.as_bytes())) {
            // Typed fields of the head: one reading, the proxy's.
            Some(Token::HOST | Token::CONTENT_LENGTH) => {}
            Some(token) => {
                takes_trailers |= token == Token::TE;
                list.append((names[usize::from(token.number()) - 1].bind(py), value))?;
            }
            None => list.append((PyBytes::new(py, &name.as_bytes().to_ascii_lowercase()), value))?,
        }
    }
    if let Body::Length(length) = head.body() {
        let name = names[usize::from(Token::CONTENT_LENGTH.number()) - 1].bind(py);
        list.append((name, PyBytes::new(py, length.to_string().as_bytes())))?;
    }
    Ok((list, takes_trailers))
}

/// Lower-case names by token number, from 1.
fn names(py: Python<'_>) -> &'static [Py<PyBytes>] {
    static NAMES: PyOnceLock<Vec<Py<PyBytes>>> = PyOnceLock::new();
    NAMES.get_or_init(py, || {
        Token::all().map(|token| PyBytes::new(py, token.lower().as_bytes()).unbind()).collect()
    })
}
