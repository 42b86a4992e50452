//! What each frame of a backend means.

use std::fmt;
use std::rc::Rc;

use swiftiply_wire::{Frame, StreamId, ToProxy, WireError};

use super::{Link, Stream, slab_key};
use crate::exchange::Exchange;
use crate::shard::{PoolHere, Shard};

/// How a backend broke the protocol.
#[derive(Debug)]
pub(crate) struct Breach(pub String);

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Link {
    pub(super) fn receive(&self, frame: Frame<'_>, pool: &PoolHere, shard: &Shard) -> Result<(), Breach> {
        let stream = frame.stream;
        let message = ToProxy::read(frame).inspect_err(|error| {
            if matches!(error, WireError::BadValue { .. }) {
                self.breached(stream);
            }
        })?;
        let closes = message.closes();
        self.act(message, pool, shard)?;
        if let Some((stream, hold)) = closes {
            self.end(stream, hold);
        }
        Ok(())
    }

    fn act(&self, message: ToProxy<'_>, pool: &PoolHere, shard: &Shard) -> Result<(), Breach> {
        let date = &shard.date;
        match message {
            ToProxy::Started(stream) => self.with(stream, |exchange| {
                exchange.started();
                Ok(())
            }),
            ToProxy::Inform { stream, head } => self.with(stream, |exchange| exchange.informed(&head)),
            ToProxy::Reply { stream, head, end, .. } => {
                self.with(stream, |exchange| exchange.replied(&head, end, &date.borrow()))
            }
            ToProxy::Data { stream, data, end, .. } => self.with(stream, |exchange| exchange.data(data, end)),
            ToProxy::Trailers { stream, headers, .. } => {
                self.with(stream, |exchange| exchange.trailers(headers))
            }
            ToProxy::Reset { stream, code, reason } => self.with(stream, |exchange| {
                exchange.reset(code, &reason);
                Ok(())
            }),
            ToProxy::Refuse(stream) => self.refuse(stream, pool),
            ToProxy::Window { stream, credit } => self.with(stream, |exchange| {
                exchange.credited(credit);
                Ok(())
            }),
            ToProxy::Release(stream) => self.release(stream),
            ToProxy::Slots(slots) => {
                pool.set_slots(self.key, slots);
                Ok(())
            }
            ToProxy::Drain => {
                pool.drain(self.key);
                Ok(())
            }
            ToProxy::Ping(number) => self.pong(number),
            ToProxy::Pong(_) | ToProxy::Unknown(_) => Ok(()),
            ToProxy::Goodbye { .. } => {
                self.state.borrow_mut().has_left = true;
                Ok(())
            }
            ToProxy::Hello(_) | ToProxy::Proof(_) => Err(Breach("a second handshake on one link".into())),
        }
    }

    /// Hands a frame to the exchange that waits for it, if somebody still does.
    fn with(
        &self,
        stream: StreamId,
        tell: impl FnOnce(&Rc<Exchange>) -> Result<(), Breach>,
    ) -> Result<(), Breach> {
        let exchange = match self.state.borrow().streams.get(slab_key(stream)) {
            Some(entry) if !entry.held => entry.exchange.clone(),
            _ => return Err(Breach(format!("a frame for stream {stream}, which is not open"))),
        };
        exchange.map_or(Ok(()), |exchange| tell(&exchange).inspect_err(|_| exchange.breached()))
    }

    /// What was said on this stream was whole and makes no sense, like a status 999: whoever waits for its reply need not
    /// ask another backend, whose app would say the same.
    fn breached(&self, stream: StreamId) {
        let exchange =
            self.state.borrow().streams.get(slab_key(stream)).and_then(|entry| entry.exchange.clone());
        if let Some(exchange) = exchange {
            exchange.breached();
        }
    }

    /// The closing frame: the stream's number and its slot are free, unless the slot is held.
    fn end(&self, stream: StreamId, hold: bool) {
        let mut state = self.state.borrow_mut();
        let key = slab_key(stream);
        // A refused stream is gone already.
        let Some(entry) = state.streams.get_mut(key) else { return };
        if hold && entry.slot.is_some() {
            entry.held = true;
            entry.exchange = None;
            return;
        }
        let entry = state.streams.remove(key);
        drop(state);
        drop(entry);
    }

    /// The backend had no slot for it: the request takes its claim elsewhere.
    fn refuse(&self, stream: StreamId, pool: &PoolHere) -> Result<(), Breach> {
        let mut state = self.state.borrow_mut();
        let is_unstarted =
            |entry: &Stream| !entry.exchange.as_ref().is_some_and(|exchange| exchange.is_started());
        match state.streams.get(slab_key(stream)) {
            Some(entry) if !entry.held && is_unstarted(entry) => {}
            _ => {
                return Err(Breach(format!(
                    "a refusal of stream {stream}, which is not open or has started"
                )));
            }
        }
        let Stream { exchange, slot, .. } = state.streams.remove(slab_key(stream));
        drop(state);
        pool.withhold(self.key);
        if let (Some(exchange), Some(slot)) = (exchange, slot) {
            exchange.refused(slot);
        }
        Ok(())
    }

    /// The app is done after its reply; or a tunnel goes on without a slot.
    fn release(&self, stream: StreamId) -> Result<(), Breach> {
        let mut state = self.state.borrow_mut();
        let key = slab_key(stream);
        let is_tunnel = |entry: &Stream| entry.exchange.as_ref().is_none_or(|exchange| exchange.is_tunnel());
        let slot = match state.streams.get_mut(key) {
            Some(entry) if entry.held => state.streams.remove(key).slot,
            Some(entry) if is_tunnel(entry) => entry.slot.take(),
            _ => None,
        };
        drop(state);
        slot.map(drop)
            .ok_or_else(|| Breach(format!("a slot was released that stream {stream} does not hold")))
    }
}
