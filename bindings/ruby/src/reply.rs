//! `Swiftiply::Reply`: the answer to one request.

use magnus::{Error, RArray, RString, Ruby};
use swiftiply_connector::{ReplyError, ReplyHead};

use crate::errors;
use crate::raw::{self, Waited, bytes_of};

#[magnus::wrap(class = "Swiftiply::Reply", free_immediately, size)]
pub(crate) struct Reply {
    inner: swiftiply_connector::Reply,
}

impl From<swiftiply_connector::Reply> for Reply {
    fn from(inner: swiftiply_connector::Reply) -> Self {
        Self { inner }
    }
}

impl Reply {
    /// Sends an informational reply. `fields` are name, value, name, value, ...
    pub(crate) fn inform(ruby: &Ruby, reply: &Self, status: u16, fields: RArray) -> Result<(), Error> {
        let mut headers = Vec::with_capacity(fields.len() / 2);
        each_field(ruby, fields, |name, value| {
            headers.push((name.to_vec(), value.to_vec()));
            Ok(())
        })?;
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        reply.inner.inform(status, &headers).map_err(|error| errors::reply(ruby, &error))
    }

    /// Sends a reply that is known whole. Waits only if it is too big for the window.
    pub(crate) fn send_whole(
        ruby: &Ruby,
        reply: &Self,
        status: u16,
        fields: RArray,
        body: RString,
    ) -> Result<(), Error> {
        let head = head(ruby, status, fields)?;
        let sent = bytes_of(body, |bytes| Ok(bytes[reply.inner.send(&head, bytes)?..].to_vec()));
        let rest = sent.map_err(|error| errors::reply(ruby, &error))?;
        if rest.is_empty() { Ok(()) } else { reply.complete(ruby, &rest) }
    }

    /// The rest of a whole reply that was too big for the window.
    pub(crate) fn complete(&self, ruby: &Ruby, rest: &[u8]) -> Result<(), Error> {
        self.write_all(ruby, rest)?;
        Self::finish(ruby, self)
    }

    /// Gives status and headers; they leave with the first write, flush or finish.
    pub(crate) fn start(ruby: &Ruby, reply: &Self, status: u16, fields: RArray) -> Result<(), Error> {
        let head = head(ruby, status, fields)?;
        reply.inner.start(&head).map_err(|error| errors::reply(ruby, &error))
    }

    /// Writes a piece of the body; it leaves at once. Waits while the client is slower than the app.
    pub(crate) fn write(ruby: &Ruby, reply: &Self, data: RString) -> Result<(), Error> {
        // What the window does not take at once is copied, because Ruby may change the string while we wait.
        let written = bytes_of(data, |bytes| Ok(bytes[reply.inner.try_write(bytes)?..].to_vec()));
        let rest = written.map_err(|error| errors::reply(ruby, &error))?;
        if rest.is_empty() { Ok(()) } else { reply.write_all(ruby, &rest) }
    }

    fn write_all(&self, ruby: &Ruby, mut left: &[u8]) -> Result<(), Error> {
        loop {
            match raw::without_gvl(ruby, |wait| self.inner.write(left, wait)) {
                Waited::Over(Ok(())) => return Ok(()),
                Waited::Over(Err(ReplyError::Interrupted { written })) => left = &left[written..],
                Waited::Over(Err(error)) => return Err(errors::reply(ruby, &error)),
                Waited::NotBegun => {}
            }
            raw::check_interrupts(ruby)?;
        }
    }

    /// Makes the head leave.
    pub(crate) fn flush(ruby: &Ruby, reply: &Self) -> Result<(), Error> {
        reply.inner.flush().map_err(|error| errors::reply(ruby, &error))
    }

    /// Ends the reply.
    pub(crate) fn finish(ruby: &Ruby, reply: &Self) -> Result<(), Error> {
        reply.inner.finish(None).map_err(|error| errors::reply(ruby, &error))
    }

    /// Ends the exchange without a whole reply. `reason` is for the proxy's log.
    pub(crate) fn abort(&self, reason: String) {
        self.inner.abort(&reason);
    }

    /// From now on the end of the reply does not free the slot.
    pub(crate) fn hold_slot(&self) {
        self.inner.hold_slot();
    }

    /// Takes `hold_slot` back.
    pub(crate) fn release_slot(&self) {
        self.inner.release_slot();
    }

    /// Whether the head has left.
    pub(crate) fn has_begun(&self) -> bool {
        self.inner.has_begun()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.inner.has_ended()
    }
}

fn head(ruby: &Ruby, status: u16, fields: RArray) -> Result<ReplyHead, Error> {
    let mut head = ReplyHead::new(status).map_err(|error| errors::reply(ruby, &error))?;
    each_field(ruby, fields, |name, value| head.push(name, value))?;
    Ok(head)
}

fn each_field(
    ruby: &Ruby,
    fields: RArray,
    mut field: impl FnMut(&[u8], &[u8]) -> Result<(), ReplyError>,
) -> Result<(), Error> {
    let mut at = 0;
    while at + 1 < fields.len() {
        let name: RString = fields.entry(at as isize)?;
        let value: RString = fields.entry(at as isize + 1)?;
        bytes_of(name, |name| bytes_of(value, |value| field(name, value)))
            .map_err(|error| errors::reply(ruby, &error))?;
        at += 2;
    }
    Ok(())
}
