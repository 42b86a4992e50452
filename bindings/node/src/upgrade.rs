//! Upgrades: the app writes text of HTTP/1 on what it takes for the client's socket, and then what it likes.

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use swiftiply_connector::RawReply;

use crate::connector::Connector;
use crate::errors::{self, Result};

#[napi]
impl Connector {
    /// Claims one of the process's tunnels for an exchange; false if none is left.
    #[napi]
    pub fn claim_tunnel(&self, id: f64) -> Result<bool> {
        self.links.with(id, |exchange| Ok(exchange.request.claim_tunnel()))
    }

    /// What the app writes on the socket; how many of its bytes were taken.
    #[napi]
    pub fn write_raw(&self, id: f64, data: BufferSlice) -> Result<u32> {
        let taken = self.links.with(id, |exchange| {
            let raw = exchange.raw.get_or_insert_with(|| Box::new(RawReply::new(exchange.reply.clone())));
            raw.try_write(&data).map_err(errors::reply)
        })?;
        Ok(taken as u32)
    }

    /// Whether a 101 was written, so that `read` gives what the client says.
    #[napi]
    pub fn is_tunnel(&self, id: f64) -> Result<bool> {
        self.links.with(id, |exchange| Ok(exchange.raw.as_ref().is_some_and(|raw| raw.is_tunnel())))
    }

    /// The app has closed the socket.
    #[napi]
    pub fn finish_raw(&self, id: f64) {
        let _ = self.links.with(id, |exchange| {
            let raw = exchange.raw.get_or_insert_with(|| Box::new(RawReply::new(exchange.reply.clone())));
            raw.finish().map_err(errors::reply)
        });
        self.links.forget(id);
    }
}
