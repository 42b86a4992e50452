//! The two connectors: for threads, and for an event loop.

use std::os::fd::AsRawFd;
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use swiftiply_connector::{Awaited, Event, Take, Wait};

use crate::notice::Notice;
use crate::options::options;
use crate::request::Request;
use crate::{errors, waiting, wsgi};

/// For threads that run the application: each takes a request, replies, and takes the next.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct ThreadConnector {
    connector: swiftiply_connector::ThreadConnector,
}

#[pymethods]
impl ThreadConnector {
    #[new]
    #[pyo3(signature = (connect, *, slots, tunnels=0, key=None, label=String::new(), adapter=String::new()))]
    fn new(
        py: Python<'_>,
        connect: Vec<String>,
        slots: u16,
        tunnels: u32,
        key: Option<Vec<u8>>,
        label: String,
        adapter: String,
    ) -> PyResult<Self> {
        let options = options(py, connect, slots, tunnels, key, label, adapter)?;
        let connector = swiftiply_connector::ThreadConnector::start(options).map_err(errors::start)?;
        Ok(Self { connector })
    }

    fn take(&self, py: Python<'_>) -> PyResult<Option<Request>> {
        Ok(self.next(py)?.map(Request::new))
    }

    /// Runs a WSGI application for one request after the other, until there will be no more.
    fn serve(&self, py: Python<'_>, app: &Bound<'_, PyAny>, base: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut lane = wsgi::Lane::new(app, base)?;
        while let Some(request) = self.next(py)? {
            // Not even want of memory ends the thread, and with it a slot that the proxy counts on.
            if let Err(error) = lane.run(py, request) {
                error.write_unraisable(py, Some(app));
            }
        }
        Ok(())
    }

    fn notice(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<Notice>> {
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
        let notice = py.detach(|| self.connector.next_notice(&Wait::at_most(timeout)));
        py.check_signals()?;
        Ok(notice.map(Notice::new))
    }

    fn drain(&self, py: Python<'_>) {
        py.detach(|| self.connector.drain());
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.connector.stop());
    }

    fn set_slots(&self, slots: u16) {
        self.connector.set_slots(slots);
    }

    #[getter]
    fn has_ended(&self) -> bool {
        self.connector.status().has_ended
    }
}

impl ThreadConnector {
    /// Takes while holding the interpreter, waits without it: so a request is taken by who can run the application at
    /// once, and one that is there already costs no detaching.
    fn next(&self, py: Python<'_>) -> PyResult<Option<swiftiply_connector::Request>> {
        loop {
            match self.connector.try_take() {
                Take::Request(request) => return Ok(Some(request)),
                Take::Ended => return Ok(None),
                Take::Failed(error) => return Err(errors::start(error)),
                Take::Nothing | Take::Interrupted => {}
            }
            waiting::wait(py, |wait| match self.connector.await_request(wait) {
                Awaited::Nothing | Awaited::Interrupted => None,
                Awaited::Request | Awaited::Ended | Awaited::Failed(_) => Some(()),
            })?;
        }
    }
}

/// For an event loop that watches one descriptor.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct LoopConnector {
    connector: swiftiply_connector::LoopConnector,
}

#[pymethods]
impl LoopConnector {
    #[new]
    #[pyo3(signature = (connect, *, slots, tunnels=0, key=None, label=String::new(), adapter=String::new()))]
    fn new(
        py: Python<'_>,
        connect: Vec<String>,
        slots: u16,
        tunnels: u32,
        key: Option<Vec<u8>>,
        label: String,
        adapter: String,
    ) -> PyResult<Self> {
        let options = options(py, connect, slots, tunnels, key, label, adapter)?;
        let connector = swiftiply_connector::LoopConnector::start(options).map_err(errors::start)?;
        Ok(Self { connector })
    }

    fn fileno(&self) -> i32 {
        self.connector.descriptor().as_raw_fd()
    }

    fn turn<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut events = Vec::new();
        self.connector.turn(&mut events).map_err(errors::start)?;
        let list = PyList::empty(py);
        for event in events {
            append(&list, event)?;
        }
        Ok(list)
    }

    fn flush(&self) {
        self.connector.flush();
    }

    fn drain(&self) {
        self.connector.drain();
    }

    fn stop(&self) {
        self.connector.stop();
    }

    fn set_slots(&self, slots: u16) {
        self.connector.set_slots(slots);
    }

    #[getter]
    fn has_ended(&self) -> bool {
        self.connector.status().has_ended
    }
}

/// Appends `(kind, value)`; the value is the request, the key of one, the notice, or None. The kind of a request says
/// whether its client offers an upgrade, which costs those that do not nothing.
fn append(list: &Bound<'_, PyList>, event: Event) -> PyResult<()> {
    let py = list.py();
    let of_key =
        |kind: &Bound<'_, PyString>, key: swiftiply_connector::StreamKey| list.append((kind, key.as_u64()));
    match event {
        Event::Request(request) if request.offers_upgrade() => {
            list.append((intern!(py, "upgrade"), Request::new(request)))
        }
        Event::Request(request) => list.append((intern!(py, "request"), Request::new(request))),
        Event::Readable(key) => of_key(intern!(py, "readable"), key),
        Event::Writable(key) => of_key(intern!(py, "writable"), key),
        Event::Disconnected(key) => of_key(intern!(py, "disconnected"), key),
        Event::Notice(notice) => list.append((intern!(py, "notice"), Notice::new(notice))),
        Event::Ended => list.append((intern!(py, "ended"), py.None())),
    }
}
