//! How what the backend says becomes what the client gets: for HTTP/1.1 all of it as bytes in `out`; for HTTP/2 only the
//! body's, and the rest as [`Parts`].

use swiftiply_wire::{Headers, ReplyHead};

use super::State;
use super::parts::{End, Parts};
use crate::http::{self, DateLine, FinalReply, ReplyFault, ReplyFraming};

impl State {
    /// Whether the client has so much of informational replies to take that another one must not be added.
    pub(super) fn is_full_of_informational(&self) -> bool {
        self.out.len() > self.rules.head_bytes_max || self.parts.as_deref().is_some_and(Parts::is_full)
    }

    pub(super) fn put_informational(&mut self, head: &ReplyHead<&[u8]>) -> Result<(), ReplyFault> {
        let (headers, bytes_max) = (head.headers().iter(), self.rules.head_bytes_max);
        match &mut self.parts {
            None => http::inform(&mut self.out, head.status(), headers, bytes_max),
            Some(parts) => {
                parts.informational.push(http::inform_fields(head.status(), headers, bytes_max)?);
                Ok(())
            }
        }
    }

    pub(super) fn put_head(
        &mut self,
        reply: &FinalReply<'_>,
        headers: Headers<'_>,
        date: &DateLine,
    ) -> Result<(), ReplyFault> {
        let bytes_max = self.rules.head_bytes_max;
        match &mut self.parts {
            None => reply.head(&mut self.out, headers.iter(), date, bytes_max),
            Some(parts) => {
                parts.head = Some(reply.fields(headers.iter(), date, bytes_max)?);
                Ok(())
            }
        }
    }

    /// The app's 101.
    pub(super) fn put_switch(&mut self, headers: Headers<'_>, date: &DateLine) -> Result<(), ReplyFault> {
        let bytes_max = self.rules.head_bytes_max;
        match &mut self.parts {
            None => http::switch_protocols(&mut self.out, headers.iter(), date, bytes_max),
            Some(parts) => {
                parts.head = Some(http::switch_fields(headers.iter(), date, bytes_max)?);
                Ok(())
            }
        }
    }

    pub(super) fn put_data(&mut self, data: &[u8]) {
        match self.framing {
            ReplyFraming::Chunked => http::chunk(&mut self.out, data),
            _ => self.out.extend_from_slice(data),
        }
    }

    pub(super) fn put_end(&mut self, trailers: Option<Headers<'_>>) {
        match &mut self.parts {
            // Whoever speaks HTTP/2 takes trailers, or overlooks them.
            Some(parts) => {
                let trailers = trailers.map(|trailers| http::trailer_fields(trailers.iter()));
                let trailers = trailers.filter(|trailers| !trailers.is_empty());
                parts.end = Some(trailers.map_or(End::Plain, End::Trailers));
            }
            None if self.framing == ReplyFraming::Chunked => {
                let trailers = trailers.filter(|_| self.rules.te_trailers);
                http::last_chunk(&mut self.out, trailers.into_iter().flatten());
            }
            None => {}
        }
    }
}
