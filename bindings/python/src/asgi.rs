//! The plain ASGI exchange: a reply of two messages, a head and a body of one piece, to a request of which only the
//! scope is looked at. At the first sign of anything else `adapters/wsgi/src/swiftiply/asgi/run.py` goes on, with
//! `reply.py` and `request.py`, which have all of the specification. They are the place to read and to reason: what is
//! plain here has the same effect there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use swiftiply_connector::ReplyHead;

use crate::errors;
use crate::request::Request;

/// A request and its reply, as an ASGI application has them.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct PlainExchange {
    request: swiftiply_connector::Request,
    /// To be called when something was written.
    flush_soon: Py<PyAny>,
    answer: Mutex<Answer>,
}

/// What has come of the reply.
#[derive(Default)]
struct Answer {
    stage: Stage,
    /// The application has returned.
    is_closed: bool,
    /// The `swiftiply.asgi.run.Exchange` that goes on.
    general: Option<Py<PyAny>>,
}

#[derive(Default)]
enum Stage {
    #[default]
    New,
    Head(Start, ReplyHead),
    /// The head is on its way, and how much of the body is not known here.
    Begun(Start),
    Done(Start),
}

/// The first message, for an `Exchange` that goes on.
struct Start {
    status: u16,
    headers: Py<PyAny>,
}

#[pymethods]
impl PlainExchange {
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.general(py)?.call_method0(intern!(py, "receive"))
    }

    fn send<'py>(&self, py: Python<'py>, message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(message) = message.cast_exact::<PyDict>() {
            if self.answer().take_start(message).is_some() {
                return done(py);
            }
            if let Some(body) = only_body(message) {
                let head = self.answer().give_head(py, body.as_bytes().len());
                if let Some(head) = head {
                    return self.send_all(py, &head, &body);
                }
            }
        }
        self.general(py)?.call_method1(intern!(py, "send"), (message,))
    }

    #[getter]
    fn is_done(&self, py: Python<'_>) -> PyResult<bool> {
        let answer = self.answer();
        let Some(general) = answer.general.as_ref().map(|general| general.bind(py).clone()) else {
            return Ok(matches!(answer.stage, Stage::Done(_)));
        };
        drop(answer);
        general.getattr(intern!(py, "is_done"))?.extract()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let mut answer = self.answer();
        answer.is_closed = true;
        let Some(general) = answer.general.as_ref().map(|general| general.bind(py).clone()) else {
            return Ok(());
        };
        drop(answer);
        general.call_method0(intern!(py, "close")).map(drop)
    }

    /// The `Exchange` that goes on from here.
    fn general<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static EXCHANGE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let answer = self.answer();
        if let Some(general) = &answer.general {
            return Ok(general.bind(py).clone());
        }
        let (start, has_begun, is_done) = match &answer.stage {
            Stage::New => (None, false, false),
            Stage::Head(start, _) => (Some(start.message(py)?), false, false),
            Stage::Begun(start) => (Some(start.message(py)?), true, false),
            Stage::Done(start) => (Some(start.message(py)?), true, true),
        };
        let is_closed = answer.is_closed;
        drop(answer);
        let arguments = (Request::new(self.request.clone()), &self.flush_soon);
        let general = EXCHANGE.import(py, "swiftiply.asgi.run", "Exchange")?.call1(arguments)?;
        if let Some(start) = start {
            general.call_method1(intern!(py, "resume"), (start, has_begun, is_done))?;
        }
        if is_closed {
            general.call_method0(intern!(py, "close"))?;
        }
        self.answer().general = Some(general.clone().unbind());
        Ok(general)
    }
}

impl PlainExchange {
    pub fn new(request: &swiftiply_connector::Request, flush_soon: Py<PyAny>) -> Self {
        Self { request: request.clone(), flush_soon, answer: Mutex::default() }
    }

    fn send_all<'py>(
        &self,
        py: Python<'py>,
        head: &ReplyHead,
        body: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let taken = self.request.reply().send(head, body.as_bytes()).map_err(errors::reply)?;
        if taken < body.as_bytes().len() {
            self.flush_soon.call0(py)?;
            return self.general(py)?.call_method1(intern!(py, "send_rest"), (body, taken));
        }
        self.answer().end();
        self.flush_soon.call0(py)?;
        done(py)
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        // Nobody holds it for long: no code of others runs under it, nor does anything wait.
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Keeps the head of this message if it is the first one, and there is nothing special about it.
    fn take_start(&mut self, message: &Bound<'_, PyDict>) -> Option<()> {
        let py = message.py();
        if self.general.is_some() || !matches!(self.stage, Stage::New) {
            return None;
        }
        is_of_type(message, intern!(py, "http.response.start"))?;
        // More than type, status and headers: perhaps it announces trailers.
        if message.len() > 3 && message.contains(intern!(py, "trailers")).ok()? {
            return None;
        }
        let status: u16 = message.get_item(intern!(py, "status")).ok()??.extract().ok()?;
        let headers = message.get_item(intern!(py, "headers")).ok()??;
        // A copy, unless it cannot change.
        let (headers, head) = match headers.cast_exact::<PyList>() {
            Ok(list) => {
                let list = list.get_slice(0, list.len());
                let head = plain_head(status, list.iter())?;
                (list.into_any(), head)
            }
            Err(_) => {
                let tuple = headers.cast_exact::<PyTuple>().ok()?;
                (tuple.clone().into_any(), plain_head(status, tuple.iter())?)
            }
        };
        self.stage = Stage::Head(Start { status, headers: headers.unbind() }, head);
        Some(())
    }

    /// The head, for a whole body of so many bytes, if they fit. The reply has begun then.
    fn give_head(&mut self, py: Python<'_>, body_bytes: usize) -> Option<ReplyHead> {
        let Stage::Head(start, head) = &self.stage else { return None };
        if self.general.is_some() || head.length().is_some_and(|length| length != body_bytes as u64) {
            return None;
        }
        let start = Start { status: start.status, headers: start.headers.clone_ref(py) };
        match std::mem::replace(&mut self.stage, Stage::Begun(start)) {
            Stage::Head(_, head) => Some(head),
            _ => None,
        }
    }

    fn end(&mut self) {
        if let Stage::Begun(start) = std::mem::take(&mut self.stage) {
            self.stage = Stage::Done(start);
        }
    }
}

impl Start {
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let message = PyDict::new(py);
        message.set_item(intern!(py, "status"), self.status)?;
        message.set_item(intern!(py, "headers"), &self.headers)?;
        Ok(message)
    }
}

fn is_of_type(message: &Bound<'_, PyDict>, kind: &Bound<'_, PyString>) -> Option<()> {
    let found = message.get_item(intern!(message.py(), "type")).ok()??;
    (found.is(kind) || found.eq(kind).ok()?).then_some(())
}

/// The body of a message that is the only one with a body.
fn only_body<'py>(message: &Bound<'py, PyDict>) -> Option<Bound<'py, PyBytes>> {
    let py = message.py();
    is_of_type(message, intern!(py, "http.response.body"))?;
    let more = message.get_item(intern!(py, "more_body")).ok()?;
    if more.is_some_and(|more| !more.is(PyBool::new(py, false))) {
        return None;
    }
    message.get_item(intern!(py, "body")).ok()??.cast_into_exact::<PyBytes>().ok()
}

/// A head with nothing special about it.
fn plain_head<'py>(status: u16, headers: impl Iterator<Item = Bound<'py, PyAny>>) -> Option<ReplyHead> {
    if matches!(status, ..200 | 204 | 304) {
        return None;
    }
    let mut head = ReplyHead::new(status).ok()?;
    for field in headers {
        let field = field.cast_into_exact::<PyTuple>().ok().filter(|field| field.len() == 2)?;
        let name = field.get_item(0).ok()?.cast_into_exact::<PyBytes>().ok()?;
        let value = field.get_item(1).ok()?.cast_into_exact::<PyBytes>().ok()?;
        if IGNORED.iter().any(|ignored| ignored.eq_ignore_ascii_case(name.as_bytes())) {
            return None;
        }
        head.push(name.as_bytes(), value.as_bytes()).ok()?;
    }
    Some(head)
}

/// The proxy's to set, and left out: whoever sends these does so by the long way.
const IGNORED: [&[u8]; 7] =
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"];

/// What an `async def` that has nothing to wait for would give: a coroutine, as tasks want it, that ends at its first
/// step. There is one for all, since nothing is left to do in it.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct Done;

fn done(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static DONE: PyOnceLock<Py<Done>> = PyOnceLock::new();
    DONE.get_or_try_init(py, || Py::new(py, Done)).map(|done| done.bind(py).clone().into_any())
}

#[pymethods]
impl Done {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self) -> Option<Py<PyAny>> {
        None
    }

    fn send(&self, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyStopIteration::new_err(()))
    }

    /// As into any coroutine that has not run yet.
    #[pyo3(signature = (kind, value=None, _traceback=None))]
    fn throw(
        &self,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let error = match (value, kind.cast::<PyType>()) {
            (Some(value), Ok(_)) if value.is_instance(kind)? => value.clone(),
            (Some(value), Ok(_)) => kind.call1((value,))?,
            (None, Ok(_)) => kind.call0()?,
            _ => kind.clone(),
        };
        Err(PyErr::from_value(error))
    }

    fn close(&self) {}
}
