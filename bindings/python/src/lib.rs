//! The Swiftiply connector for Python: `swiftiply._native`.
//!
//! Converts, waits without the interpreter, and maps errors; what a request or a reply means is decided in the core and
//! in the adapter. For speed alone there are two mappings here, [`environ`] and [`scope`], and the plain case of an
//! exchange, [`wsgi`] and [`asgi`]: readable Python versions of all stand in the adapter, and its tests hold them equal.

mod asgi;
mod connector;
mod environ;
mod errors;
mod notice;
mod options;
mod raw;
mod reply;
mod request;
mod scope;
mod target;
mod text;
mod waiting;
mod wsgi;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::IntoPyDict;

    #[pymodule_export]
    use crate::connector::{LoopConnector, ThreadConnector};
    #[pymodule_export]
    use crate::notice::Notice;
    #[pymodule_export]
    use crate::reply::Reply;
    #[pymodule_export]
    use crate::request::{Request, RequestHead};

    #[pymodule_init]
    fn tell_of_forks(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let hook = pyo3::wrap_pyfunction!(after_fork_in_child, module)?;
        let hooks = [("after_in_child", hook)].into_py_dict(py)?;
        py.import("os")?.call_method("register_at_fork", (), Some(&hooks)).map(drop)
    }

    #[pyfunction]
    fn after_fork_in_child() {
        swiftiply_connector::after_fork_in_child();
    }
}
