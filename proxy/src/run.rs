//! Binding the addresses of a configuration and serving them until told to stop.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::config::{Config, ConfigSource, ListenAddr, Outgoing};

/// The proxy, before it is bound.
pub struct Proxy;

/// A proxy whose addresses are all bound.
pub struct Bound {
    _listeners: Vec<TcpListener>,
    _sockets: Vec<UnixListener>,
}

impl Proxy {
    /// Binds every address of the configuration.
    pub fn bind(config: &Config) -> Result<Bound, BindError> {
        let mut bound = Bound { _listeners: Vec::new(), _sockets: Vec::new() };
        let outgoing = config.sites.iter().flat_map(|site| &site.outgoing);
        for address in config.listen.iter().cloned().map(Outgoing::Tcp).chain(outgoing.cloned()) {
            let failed = |cause| BindError { address: address.clone(), cause };
            match &address {
                Outgoing::Tcp(ListenAddr { host, port }) => {
                    bound._listeners.push(TcpListener::bind((host.as_str(), *port)).map_err(failed)?);
                }
                Outgoing::Unix(path) => bound._sockets.push(UnixListener::bind(path).map_err(failed)?),
            }
        }
        Ok(bound)
    }
}

impl Bound {
    /// Serves until SIGTERM or SIGINT.
    pub fn serve(self, _source: ConfigSource) -> Result<(), RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError)?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut term = signal(SignalKind::terminate()).map_err(RunError)?;
            let mut int = signal(SignalKind::interrupt()).map_err(RunError)?;
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            Ok(())
        })
    }
}

/// An address that cannot be bound.
#[derive(Debug)]
pub struct BindError {
    address: Outgoing,
    cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen on {} ({}); stop what uses it or choose another address",
            self.address, self.cause
        )
    }
}

impl std::error::Error for BindError {}

/// Why serving ended early.
#[derive(Debug)]
pub struct RunError(io::Error);

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for RunError {}
