//! `Swiftiply::Connector`: the process's way to its proxies.

use magnus::{Error, RArray, RHash, Ruby, Value};
use swiftiply_connector::{Awaited, Take, ThreadConnector};

use crate::raw::{self, Waited};
use crate::request::Request;
use crate::{errors, notice, options};

#[magnus::wrap(class = "Swiftiply::Connector", free_immediately, size)]
pub(crate) struct Connector {
    inner: ThreadConnector,
}

impl Connector {
    /// `Connector.new(connect: ["127.0.0.1:30000"], slots: 5, key: nil, key_file: nil, label: "", adapter: "")`
    pub(crate) fn new(ruby: &Ruby, arguments: &[Value]) -> Result<Self, Error> {
        let options = options::read(ruby, arguments)?;
        let inner = ThreadConnector::start(options).map_err(|error| errors::connector(ruby, &error))?;
        Ok(Self { inner })
    }

    /// Tells that this process is a fork's child, to which no connector belongs that is there now.
    pub(crate) fn forked() {
        swiftiply_connector::after_fork_in_child();
    }

    /// The next request; waits for one. `nil` when no more will come.
    pub(crate) fn take(ruby: &Ruby, connector: &Self) -> Result<Option<Request>, Error> {
        let inner = &connector.inner;
        loop {
            // Under load the next request is there already, and giving up the lock would cost more than looking.
            match inner.try_take() {
                Take::Request(request) => return Ok(Some(Request::from(request))),
                Take::Ended => return Ok(None),
                Take::Failed(error) => return Err(errors::connector(ruby, &error)),
                Take::Nothing | Take::Interrupted => {}
            }
            match raw::without_gvl(ruby, |wait| inner.await_request(wait)) {
                Waited::Over(Awaited::Failed(error)) => return Err(errors::connector(ruby, &error)),
                Waited::Over(Awaited::Interrupted) | Waited::NotBegun => raw::check_interrupts(ruby)?,
                Waited::Over(Awaited::Request | Awaited::Nothing | Awaited::Ended) => {}
            }
        }
    }

    /// Takes nothing new; see `Connector#take`.
    pub(crate) fn drain(&self) {
        self.inner.drain();
    }

    /// Ends at once.
    pub(crate) fn stop(&self) {
        self.inner.stop();
    }

    /// Changes how many requests can run at once.
    pub(crate) fn set_slots(ruby: &Ruby, connector: &Self, slots: i64) -> Result<i64, Error> {
        connector.inner.set_slots(options::to_slots(ruby, slots)?);
        Ok(slots)
    }

    /// The next `[level, kind, text]` for the log; waits for one. `nil` when all is over.
    pub(crate) fn next_notice(ruby: &Ruby, connector: &Self) -> Result<Option<RArray>, Error> {
        let inner = &connector.inner;
        loop {
            match raw::without_gvl(ruby, |wait| inner.next_notice(wait)) {
                Waited::Over(Some(notice)) => return Ok(Some(notice::to_ruby(ruby, &notice))),
                Waited::Over(None) if inner.status().has_ended => return Ok(None),
                Waited::Over(None) | Waited::NotBegun => raw::check_interrupts(ruby)?,
            }
        }
    }

    /// How it is doing, as a Hash.
    pub(crate) fn status(ruby: &Ruby, connector: &Self) -> Result<RHash, Error> {
        let status = connector.inner.status();
        let hash = ruby.hash_new();
        hash.aset(ruby.to_symbol("proxies"), status.proxies)?;
        hash.aset(ruby.to_symbol("connected"), status.connected)?;
        hash.aset(ruby.to_symbol("links"), status.links)?;
        hash.aset(ruby.to_symbol("in_flight"), status.in_flight)?;
        hash.aset(ruby.to_symbol("tunnels"), status.tunnels)?;
        hash.aset(ruby.to_symbol("slots"), status.slots)?;
        hash.aset(ruby.to_symbol("draining"), status.is_draining)?;
        hash.aset(ruby.to_symbol("ended"), status.has_ended)?;
        Ok(hash)
    }
}
