//! The Swiftiply connector for Python: `swiftiply._native`.
//!
//! Converts, waits without the interpreter, and maps errors; what a request or a reply means is decided in the core and
//! in the adapter. Two mappings live here for speed alone, [`environ`] and [`scope`]: readable Python versions of both
//! stand in the adapter, and its tests hold them equal.

mod connector;
mod environ;
mod errors;
mod notice;
mod options;
mod reply;
mod request;
mod scope;
mod target;
mod text;
mod waiting;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::connector::{LoopConnector, ThreadConnector};
    #[pymodule_export]
    use crate::notice::Notice;
    #[pymodule_export]
    use crate::reply::Reply;
    #[pymodule_export]
    use crate::request::{Request, RequestHead};
}
