//! A reply in the parts that HTTP/2 sends apart.

use http_types::{HeaderMap, Response};

/// Informational replies that wait for the client, at most: apps send one or two.
const INFORMATIONAL_MAX: usize = 32;

/// What there is of a reply besides its body's bytes, in the order in which it is sent; they come before `end`.
#[derive(Debug, Default)]
pub struct Parts {
    /// Informational heads.
    pub informational: Vec<Response<()>>,
    /// The final head.
    pub head: Option<Response<()>>,
    /// Nothing but this follows the body.
    pub end: Option<End>,
}

/// How a reply ends.
#[derive(Debug)]
pub enum End {
    /// With its last byte.
    Plain,
    /// With these.
    Trailers(HeaderMap),
}

impl Parts {
    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.informational.is_empty() && self.head.is_none() && self.end.is_none()
    }

    /// Whether so many informational replies wait that another one cannot.
    pub(super) fn is_full(&self) -> bool {
        self.informational.len() >= INFORMATIONAL_MAX
    }
}
