//! A reply, as Python gives it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use swiftiply_connector::{ReplyError, ReplyHead, Trailers, Wait};

use crate::text::Field;
use crate::{errors, waiting};

/// The answer to one request.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct Reply {
    reply: swiftiply_connector::Reply,
}

impl Reply {
    pub fn new(reply: swiftiply_connector::Reply) -> Self {
        Self { reply }
    }
}

#[pymethods]
impl Reply {
    fn inform(&self, status: u16, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let fields = fields(headers)?;
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        self.reply.inform(status, &fields).map_err(errors::reply)
    }

    fn send(
        &self,
        py: Python<'_>,
        status: u16,
        reason: Option<&Bound<'_, PyString>>,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyBytes>,
    ) -> PyResult<()> {
        send_all(py, &self.reply, &head(status, reason, headers)?, body.as_bytes())
    }

    /// As `send`, but what the window does not take is left: gives the count of bytes taken. With all of them the reply
    /// has ended.
    fn try_send(
        &self,
        status: u16,
        reason: Option<&Bound<'_, PyString>>,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyBytes>,
    ) -> PyResult<usize> {
        self.reply.send(&head(status, reason, headers)?, body.as_bytes()).map_err(errors::reply)
    }

    fn start(
        &self,
        status: u16,
        reason: Option<&Bound<'_, PyString>>,
        headers: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.reply.start(&head(status, reason, headers)?).map_err(errors::reply)
    }

    fn write(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        write_all(py, &self.reply, data.as_bytes())
    }

    /// Of `data` from `start` on: a limited-API module of Python 3.9 cannot look into a memoryview.
    fn try_write(&self, data: &Bound<'_, PyBytes>, start: usize) -> PyResult<usize> {
        let data = data.as_bytes();
        self.reply.try_write(data.get(start..).unwrap_or_default()).map_err(errors::reply)
    }

    fn flush(&self) -> PyResult<()> {
        self.reply.flush().map_err(errors::reply)
    }

    #[pyo3(signature = (trailers=None))]
    fn finish(&self, trailers: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(trailers) = trailers else {
            return self.reply.finish(None).map_err(errors::reply);
        };
        let mut checked = Trailers::new();
        for (name, value) in fields(trailers)? {
            checked.push(&name, &value).map_err(errors::reply)?;
        }
        self.reply.finish(Some(&checked)).map_err(errors::reply)
    }

    fn abort(&self, reason: &str) {
        self.reply.abort(reason);
    }

    fn hold_slot(&self) {
        self.reply.hold_slot();
    }

    fn release_slot(&self) {
        self.reply.release_slot();
    }
}

/// Sends a whole reply. Waits only where the core cannot take all of the body: holding the interpreter for one
/// non-blocking write is cheaper than giving it away and asking for it back.
pub fn send_all(
    py: Python<'_>,
    reply: &swiftiply_connector::Reply,
    head: &ReplyHead,
    body: &[u8],
) -> PyResult<()> {
    let taken = reply.send(head, body).map_err(errors::reply)?;
    if taken < body.len() {
        write_all(py, reply, &body[taken..])?;
        reply.finish(None).map_err(errors::reply)?;
    }
    Ok(())
}

/// What the window takes at once goes at once; only for the rest the interpreter is left.
fn write_all(py: Python<'_>, reply: &swiftiply_connector::Reply, mut data: &[u8]) -> PyResult<()> {
    let taken = reply.try_write(data).map_err(errors::reply)?;
    data = &data[taken..];
    if data.is_empty() {
        return Ok(());
    }
    waiting::wait(py, |wait: &Wait| match reply.write(data, wait) {
        Err(ReplyError::TimedOut { written } | ReplyError::Interrupted { written }) => {
            data = &data[written..];
            None
        }
        outcome => Some(outcome),
    })?
    .map_err(errors::reply)
}

fn head(
    status: u16,
    reason: Option<&Bound<'_, PyString>>,
    headers: &Bound<'_, PyAny>,
) -> PyResult<ReplyHead> {
    let mut head = ReplyHead::new(status).map_err(errors::reply)?;
    if let Some(reason) = reason {
        head.set_reason(&Field::of(reason.as_any())?.as_bytes()?).map_err(errors::reply)?;
    }
    for field in headers.try_iter()? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = field?.extract()?;
        let (name, value) = (Field::of(&name)?, Field::of(&value)?);
        head.push(&name.as_bytes()?, &value.as_bytes()?).map_err(errors::reply)?;
    }
    Ok(head)
}

/// Names and values, for the rare calls.
fn fields(headers: &Bound<'_, PyAny>) -> PyResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut fields = Vec::new();
    for field in headers.try_iter()? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = field?.extract()?;
        let (name, value) = (Field::of(&name)?, Field::of(&value)?);
        fields.push((name.as_bytes()?.into_owned(), value.as_bytes()?.into_owned()));
    }
    Ok(fields)
}
