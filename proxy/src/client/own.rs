//! An answer that comes from us and not from an app.

use swiftiply_wire::Version;

use crate::http::ErrorPage;

/// Status, and one sentence.
#[derive(Debug)]
pub(super) struct Own {
    pub status: u16,
    pub explanation: &'static str,
    retry_after: Option<u32>,
}

impl Own {
    pub const fn new(status: u16, explanation: &'static str) -> Self {
        Self { status, explanation, retry_after: None }
    }

    /// Whoever comes back after a second finds a queue that has moved on.
    pub const fn later(explanation: &'static str) -> Self {
        Self { status: 503, explanation, retry_after: Some(1) }
    }

    /// It as a reply to a request of this kind.
    pub fn page(&self, close: bool, head_only: bool, version: Version) -> ErrorPage<'static> {
        let Self { status, explanation, retry_after } = *self;
        ErrorPage {
            status,
            explanation,
            retry_after,
            close,
            head_only,
            version,
            page: None,
            location: None,
            hsts: None,
        }
    }
}

/// Neither this request nor another one on its connection: what both hold is needed.
pub(super) const SHORT_OF_MEMORY: Own = Own::later("This proxy is short of memory.");
