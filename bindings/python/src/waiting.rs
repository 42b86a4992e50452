//! Blocking calls: without the interpreter, and on the main thread with an ear for signals.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use swiftiply_connector::Wait;

/// How long the main thread waits before it looks for signals. Python runs their handlers on that thread alone, and no
/// signal ends a native wait.
const SIGNAL_TICK: Duration = Duration::from_millis(100);

/// Repeats a blocking attempt until it gives something. The attempt runs detached from the interpreter, and gives
/// `None` when its wait was over first.
pub fn wait<T: Send>(py: Python<'_>, mut attempt: impl FnMut(&Wait) -> Option<T> + Send) -> PyResult<T> {
    let on_main = is_main_thread(py)?;
    let patience = if on_main { Wait::at_most(SIGNAL_TICK) } else { Wait::default() };
    loop {
        if let Some(found) = py.detach(|| attempt(&patience)) {
            return Ok(found);
        }
        py.check_signals()?;
    }
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    static THREADING: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let threading = THREADING.get_or_try_init(py, || py.import("threading").map(Bound::unbind))?.bind(py);
    let current = threading.call_method0(pyo3::intern!(py, "get_ident"))?;
    let main =
        threading.call_method0(pyo3::intern!(py, "main_thread"))?.getattr(pyo3::intern!(py, "ident"))?;
    current.eq(main)
}
