//! The plain WSGI exchange in one native call: an application that calls `start_response` once, with nothing special
//! about it, and returns its body as one block. At the first sign of anything else the exchange goes on in Python, in
//! `adapters/wsgi/src/swiftiply/wsgi/run.py` and `response.py`, which have all of PEP 3333 and the words for what an
//! application does wrong. They are the place to read and to reason: what is plain here has the same effect there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use swiftiply_connector::{Body, ReplyHead};

use crate::environ::{environ, method, with_places};
use crate::errors;
use crate::reply::{Reply, send_all};
use crate::request::Request;

/// An application, and what one exchange with it leaves for the next.
pub struct Lane {
    app: Py<PyAny>,
    base: Py<PyDict>,
    /// The last reply's: its memory serves again.
    head: ReplyHead,
}

impl Lane {
    pub fn new(app: &Bound<'_, PyAny>, base: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self { app: app.clone().unbind(), base: with_places(base)?.unbind(), head: no_head()? })
    }

    /// Gives a request to the application and its reply to the client. An error is not the application's.
    pub fn run(&mut self, py: Python<'_>, request: swiftiply_connector::Request) -> PyResult<()> {
        // A context of its own: what one request sets, the next one on this thread must not find.
        let context = context(py)?;
        let Ok(environ) = environ(py, request.head(), self.base.bind(py)) else {
            return in_context(&context, (general(py, "run")?, &self.app, &self.base, Request::new(request)));
        };
        let start =
            Bound::new(py, StartResponse::new(&request, std::mem::replace(&mut self.head, no_head()?)))?;
        environ.set_item(intern!(py, "wsgi.input"), input(py, &request)?)?;
        environ.set_item(intern!(py, "wsgi.early_hints"), start.getattr(intern!(py, "early_hints"))?)?;
        let body = context.call_method1(intern!(py, "run"), (&self.app, &environ, &start));
        let start = start.get();
        match body.and_then(|body| Ok((start.send(py, &body)?, body))) {
            Ok((Some(head), _)) => {
                self.head = head;
                Ok(())
            }
            Ok((None, body)) => {
                let request = Request::new(request);
                in_context(&context, (deliver(py)?, environ, request, start.general(py)?, body))
            }
            Err(error) => {
                let error = error.into_value(py);
                in_context(&context, (general(py, "fail")?, environ, start.general(py)?, error))
            }
        }
    }
}

/// `start_response`, and all else of a reply that the application can reach.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct StartResponse {
    request: swiftiply_connector::Request,
    answer: Mutex<Answer>,
}

/// What has come of the reply.
struct Answer {
    head: ReplyHead,
    /// The arguments of `start_response`, once the head is made of them.
    given: Option<(Py<PyAny>, Py<PyList>)>,
    is_sent: bool,
    /// The `swiftiply.wsgi.response.Response` that goes on.
    general: Option<Py<PyAny>>,
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info=None))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        status: &Bound<'py, PyAny>,
        headers: &Bound<'py, PyAny>,
        exc_info: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (this, py) = (slf.get(), slf.py());
        if exc_info.is_none() && this.answer().take_head(status, headers) {
            return slf.getattr(intern!(py, "write"));
        }
        this.general(py)?.call_method1(intern!(py, "start_response"), (status, headers, exc_info))
    }

    fn write<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.general(py)?.call_method1(intern!(py, "write"), (data,))
    }

    fn early_hints<'py>(&self, py: Python<'py>, headers: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.general(py)?.call_method1(intern!(py, "early_hints"), (headers,))
    }
}

impl StartResponse {
    fn new(request: &swiftiply_connector::Request, head: ReplyHead) -> Self {
        let answer = Answer { head, given: None, is_sent: false, general: None };
        Self { request: request.clone(), answer: Mutex::new(answer) }
    }

    /// Sends the reply if it is plain to its end, and gives back its head.
    fn send(&self, py: Python<'_>, body: &Bound<'_, PyAny>) -> PyResult<Option<ReplyHead>> {
        let Some(block) = only_block(body) else { return Ok(None) };
        let block = block.as_bytes();
        let spare = no_head()?;
        let Some(head) = self.answer().give_head(block.len() as u64, spare) else { return Ok(None) };
        send_all(py, &self.request.reply(), &head, block)?;
        Ok(Some(head))
    }

    /// The `Response` that goes on from here.
    fn general<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static RESPONSE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let given = match &*self.answer() {
            Answer { general: Some(response), .. } => return Ok(response.bind(py).clone()),
            Answer { given: Some((status, headers)), head, is_sent, .. } => {
                Some((status.clone_ref(py), headers.clone_ref(py), head.length(), *is_sent))
            }
            Answer { given: None, .. } => None,
        };
        let arguments = (Reply::new(self.request.reply()), method(py, &self.request.head().method()));
        let response = RESPONSE.import(py, "swiftiply.wsgi.response", "Response")?.call1(arguments)?;
        if let Some(given) = given {
            response.call_method1(intern!(py, "resume"), given)?;
        }
        self.answer().general = Some(response.clone().unbind());
        Ok(response)
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        // Nobody holds it for long: no code of others runs under it, nor does anything wait.
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Keeps the head of these arguments if it is the first, and there is nothing special about it.
    fn take_head(&mut self, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> bool {
        let Ok(headers) = headers.cast_exact::<PyList>() else { return false };
        let is_first = self.given.is_none() && self.general.is_none();
        let is_plain = is_first && plain_head(&mut self.head, status, headers).is_some();
        if is_plain {
            let headers = headers.get_slice(0, headers.len());
            self.given = Some((status.clone().unbind(), headers.unbind()));
        }
        is_plain
    }

    /// The head, for a whole body of so many bytes, if they fit and nothing else was given. Another takes its place.
    fn give_head(&mut self, body_bytes: u64, spare: ReplyHead) -> Option<ReplyHead> {
        let is_plain = self.given.is_some() && self.general.is_none() && !self.is_sent;
        if !is_plain || self.head.length().is_some_and(|length| length != body_bytes) {
            return None;
        }
        self.is_sent = true;
        Some(std::mem::replace(&mut self.head, spare))
    }
}

/// Costs nothing until something is put in.
fn no_head() -> PyResult<ReplyHead> {
    ReplyHead::new(200).map_err(errors::reply)
}

/// The head of these arguments if nothing is special about them. Else `swiftiply.wsgi.head` takes them apart, or says
/// what is wrong.
fn plain_head(head: &mut ReplyHead, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyList>) -> Option<()> {
    let status = ascii(status)?;
    let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', reason @ ..] = status.as_bytes() else {
        return None;
    };
    let code = [a, b, c].iter().fold(0, |code, &digit| code * 10 + u16::from(digit - b'0'));
    if matches!(code, ..200 | 204 | 304) {
        return None;
    }
    head.reuse(code).ok()?;
    head.set_reason(reason).ok()?;
    for field in headers {
        let field = field.cast_into_exact::<PyTuple>().ok().filter(|field| field.len() == 2)?;
        let (name, value) = (ascii(&field.get_item(0).ok()?)?, ascii(&field.get_item(1).ok()?)?);
        if HOP_BY_HOP.iter().any(|hop| hop.eq_ignore_ascii_case(name.as_bytes())) {
            return None;
        }
        head.push(name.as_bytes(), value.as_bytes()).ok()?;
    }
    Some(())
}

/// PEP 3333 has servers refuse these; the core drops them.
const HOP_BY_HOP: [&[u8]; 9] = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

fn ascii<'py>(text: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    let bytes = text.cast_exact::<PyString>().ok()?.encode_utf8().ok()?;
    bytes.as_bytes().is_ascii().then_some(bytes)
}

/// The block of a body that is a list or tuple with nothing else in it: nothing can follow or want closing.
fn only_block<'py>(body: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    let block = match (body.cast_exact::<PyList>(), body.cast_exact::<PyTuple>()) {
        (Ok(list), _) if list.len() == 1 => list.get_item(0).ok()?,
        (_, Ok(tuple)) if tuple.len() == 1 => tuple.get_item(0).ok()?,
        _ => return None,
    };
    block.cast_into_exact::<PyBytes>().ok()
}

/// What reads the body. Where there is none, a file of nothing will do.
fn input<'py>(py: Python<'py>, request: &swiftiply_connector::Request) -> PyResult<Bound<'py, PyAny>> {
    static NOTHING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static INPUT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match request.head().body() {
        Body::None => NOTHING.import(py, "io", "BytesIO")?.call0(),
        _ => INPUT.import(py, "swiftiply.wsgi.input", "Input")?.call1((Request::new(request.clone()),)),
    }
}

fn context(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CONTEXT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CONTEXT.import(py, "contextvars", "Context")?.call0()
}

/// Calls the first of `args` with the others.
fn in_context<'py>(context: &Bound<'py, PyAny>, args: impl PyCallArgs<'py>) -> PyResult<()> {
    context.call_method1(intern!(context.py(), "run"), args).map(drop)
}

/// A function of `swiftiply.wsgi.run` for rare cases.
fn general<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("swiftiply.wsgi.run")?.getattr(name)
}

/// Most frameworks return a body that is more than a list.
fn deliver(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static DELIVER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    DELIVER.import(py, "swiftiply.wsgi.run", "deliver")
}
