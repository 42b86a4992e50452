//! What the connector has to say.

use pyo3::prelude::*;
use swiftiply_connector::{Level, NoticeKind};

/// A line for the log.
#[pyclass(frozen, module = "swiftiply._native")]
pub struct Notice {
    notice: swiftiply_connector::Notice,
}

impl Notice {
    pub fn new(notice: swiftiply_connector::Notice) -> Self {
        Self { notice }
    }
}

#[pymethods]
impl Notice {
    #[getter]
    fn kind(&self) -> &'static str {
        match self.notice.kind {
            NoticeKind::Connected => "connected",
            NoticeKind::Lost => "lost",
            NoticeKind::Unreachable => "unreachable",
            NoticeKind::Refused { .. } => "refused",
            NoticeKind::ProxyClosing => "proxy_closing",
            NoticeKind::Drained => "drained",
            NoticeKind::AppFault => "app_fault",
            NoticeKind::Dropped(_) => "dropped",
        }
    }

    #[getter]
    fn level(&self) -> &'static str {
        match self.notice.level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    #[getter]
    fn text(&self) -> &str {
        &self.notice.text
    }

    /// Whether a refusal will be repeated until an operator changes something.
    #[getter]
    fn is_fatal(&self) -> bool {
        matches!(self.notice.kind, NoticeKind::Refused { fatal: true })
    }
}
