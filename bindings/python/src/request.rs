//! A request, as Python holds it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use swiftiply_connector::{Body, Headers, Read};

use crate::asgi::PlainExchange;
use crate::reply::Reply;
use crate::text::latin1;
use crate::{environ, errors, scope, waiting};

/// One request that this process was given.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct Request {
    request: swiftiply_connector::Request,
}

impl Request {
    pub fn new(request: swiftiply_connector::Request) -> Self {
        Self { request }
    }
}

#[pymethods]
impl Request {
    #[getter]
    fn key(&self) -> u64 {
        self.request.key().as_u64()
    }

    #[getter]
    fn head(&self) -> RequestHead {
        RequestHead { request: self.request.clone() }
    }

    #[getter]
    fn reply(&self) -> Reply {
        Reply::new(self.request.reply())
    }

    #[getter]
    fn disconnected(&self) -> bool {
        self.request.is_disconnected()
    }

    fn environ<'py>(&self, py: Python<'py>, base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
        environ::environ(py, self.request.head(), base)
    }

    fn scope<'py>(&self, py: Python<'py>, base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
        scope::scope(py, self.request.head(), base)
    }

    fn exchange(&self, flush_soon: Py<PyAny>) -> PlainExchange {
        PlainExchange::new(&self.request, flush_soon)
    }

    /// The ASGI adapter's WebSockets ask; see the core's `Request::claim_tunnel`.
    fn claim_tunnel(&self) -> bool {
        self.request.claim_tunnel()
    }

    fn read<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        // What has arrived already costs no detaching.
        let mut read = self.request.try_read(size);
        if matches!(read, Read::Nothing) {
            read = waiting::wait(py, |wait| match self.request.read(size, wait) {
                Read::Nothing | Read::Interrupted => None,
                read => Some(read),
            })?;
        }
        Ok(piece(py, read)?.unwrap_or_else(|| PyBytes::new(py, b"")))
    }

    fn try_read<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Option<Bound<'py, PyBytes>>> {
        piece(py, self.request.try_read(size))
    }

    fn trailers<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        self.request.trailers().map(|block| pairs(py, block.as_headers())).transpose()
    }

    fn __repr__(&self) -> String {
        format!("<swiftiply.{:?}>", self.request)
    }
}

/// Bytes, `b""` at the end, None when nothing is there.
fn piece(py: Python<'_>, read: Read) -> PyResult<Option<Bound<'_, PyBytes>>> {
    match read {
        Read::Data(data) => Ok(Some(PyBytes::new(py, &data))),
        Read::End => Ok(Some(PyBytes::new(py, b""))),
        Read::Nothing | Read::Interrupted => Ok(None),
        Read::Failed(error) => Err(errors::read(error)),
    }
}

/// A request's head as it came, field by field.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct RequestHead {
    request: swiftiply_connector::Request,
}

#[pymethods]
impl RequestHead {
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        latin1(py, self.request.head().method().as_bytes())
    }

    #[getter]
    fn scheme(&self) -> &'static str {
        self.request.head().scheme().as_str()
    }

    #[getter]
    fn authority<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.head().authority())
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.head().path())
    }

    #[getter]
    fn query<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.request.head().query().map(|query| PyBytes::new(py, query))
    }

    #[getter]
    fn version(&self) -> &'static str {
        self.request.head().version().as_str()
    }

    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        scope::endpoint(py, self.request.head().peer())
    }

    #[getter]
    fn local<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        scope::endpoint(py, self.request.head().local())
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        pairs(py, self.request.head().headers())
    }

    #[getter]
    fn content_length(&self) -> Option<u64> {
        match self.request.head().body() {
            Body::Length(length) => Some(length),
            Body::None | Body::Unknown => None,
        }
    }

    #[getter]
    fn has_body(&self) -> bool {
        !matches!(self.request.head().body(), Body::None)
    }
}

fn pairs<'py>(py: Python<'py>, headers: Headers<'_>) -> PyResult<Bound<'py, PyList>> {
    let pairs =
        headers.iter().map(|(name, value)| (PyBytes::new(py, name.as_bytes()), PyBytes::new(py, value)));
    PyList::new(py, pairs.collect::<Vec<_>>())
}
