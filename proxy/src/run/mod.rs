//! The proxy as a whole: bind, serve, reload, hand over, drain.
//!
//! One thread of control (this one) lets backends in, reads the configuration and listens to signals; the shards do the
//! work. It tells them things by [`Order`]; they share nothing else but the sites.
//!
//! - [`Proxy`], [`Bound`] (here): from a configuration to a running proxy.
//! - `control`: its life from the first client to the last.
//! - `reload`: another configuration.
//! - `upgrade`: another process takes this one's place, or this one that of another; `successor`, `predecessor`,
//!   `channel`, `program`, `pidfile`, `activation`: what that needs.
//! - `door`: one `outgoing` address: strangers become links.
//! - `live`: how the sites stand, for whoever looks in from outside.
//! - `notify`: what a service manager is told.

mod activation;
mod channel;
mod control;
mod door;
mod live;
mod notify;
mod pidfile;
mod predecessor;
mod program;
mod reload;
mod successor;
mod upgrade;

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::config::{Config, ConfigSource, Outgoing, SiteConfig};
use crate::listen::{ClientSockets, Door};
use crate::site::Counts;

pub use crate::listen::{BindError, Inherited};
pub use activation::of_service_manager;
use control::Control;
use live::LiveSites;
pub use pidfile::{Pidfile, PidfileError};
pub use predecessor::{Apology, InheritanceError, Predecessor};
pub use program::Program;

/// The proxy, before it is bound.
pub struct Proxy;

/// A proxy whose addresses are all bound.
#[derive(Debug)]
pub struct Bound {
    config: Config,
    clients: Vec<ClientSockets>,
    doors: Vec<(Outgoing, Door)>,
    /// Bytes that this process has allocated.
    allocated: fn() -> usize,
}

/// What a running proxy can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Read the configuration again (SIGHUP).
    Reload,
    /// Start this program's file again, and let the new process take the place of this one (SIGUSR2).
    Upgrade,
    /// Finish and stop; a second time: stop at once (SIGTERM, SIGINT).
    Stop,
}

/// What a process has beside its sockets that another process, which takes its place, needs.
#[derive(Debug)]
pub struct Seat {
    /// How it was started.
    pub program: Program,
    /// Its pid file.
    pub pidfile: Option<Pidfile>,
    /// The process whose place it is to take first.
    pub predecessor: Option<Predecessor>,
}

impl Proxy {
    /// Binds every address of the configuration.
    ///
    /// # Errors
    /// [`BindError`] for the first that cannot be bound.
    pub fn bind(config: &Config) -> Result<Bound, BindError> {
        Self::bind_or_inherit(config, &mut Inherited::default())
    }

    /// The same, but takes the sockets of addresses that are open already.
    ///
    /// # Errors
    /// [`BindError`] for the first that cannot be bound.
    pub fn bind_or_inherit(config: &Config, inherited: &mut Inherited) -> Result<Bound, BindError> {
        let clients = config.listen.iter();
        let clients = clients.map(|address| ClientSockets::bind(address, config.shards, inherited));
        let clients = clients.collect::<Result<_, _>>()?;
        let outgoing = config.sites.iter().flat_map(SiteConfig::outgoing);
        let doors = outgoing.map(|address| Ok((address.clone(), Door::bind(address, inherited)?)));
        let doors = doors.collect::<Result<_, _>>()?;
        Ok(Bound { config: config.clone(), clients, doors, allocated: || 0 })
    }
}

impl Bound {
    /// Tells by `allocated` how many bytes this process has allocated, for `memory_max`, which else has no effect.
    #[must_use]
    pub fn counting_memory(self, allocated: fn() -> usize) -> Self {
        Self { allocated, ..self }
    }

    /// Where clients can connect.
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        self.clients.iter().flat_map(ClientSockets::local_addresses).collect()
    }

    /// Where backends can dial in over TCP, in the order of the configuration.
    pub fn backend_addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().filter_map(|(_, door)| door.local_address()).collect()
    }

    /// Says where to connect; where the configuration left a port open, which one the system chose.
    fn announce(&self) {
        let listen: Vec<_> = self.client_addresses().iter().map(ToString::to_string).collect();
        let Config { shards, sites, .. } = &self.config;
        tracing::info!("clients connect to {}; {shards} shards, {} sites", listen.join(", "), sites.len());
        // Ten thousand of them are asked only when somebody wants to hear it.
        let doors = self.doors.iter().filter(|_| tracing::enabled!(tracing::Level::DEBUG));
        for (address, door) in doors {
            let address = door.local_address().map_or_else(|| address.to_string(), |local| local.to_string());
            tracing::debug!("backends dial {address}");
        }
    }

    /// Serves until SIGTERM or SIGINT, or until another process has taken its place.
    ///
    /// # Errors
    /// [`RunError`] if the system gives no thread or event queue, or the process that this one was to replace dies.
    pub fn serve(self, source: ConfigSource, seat: Seat, signals: Signals) -> Result<(), RunError> {
        let Signals { runtime, sender, receiver } = signals;
        runtime.block_on(async {
            let control = Control::start(self, source, LiveSites::default(), Some(seat), sender)?;
            Ok(control.run(receiver).await?)
        })
    }

    /// Serves until told to stop by an [`Event`], in a thread of its own. For tests, and for a proxy inside another
    /// program.
    ///
    /// # Errors
    /// [`RunError`] if the system gives no thread.
    pub fn spawn(self, source: ConfigSource) -> Result<Running, RunError> {
        let (news, receiver) = unbounded_channel();
        let sites = LiveSites::default();
        let seen = sites.clone();
        let sender = news.clone();
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(move || {
            runtime()?.block_on(async {
                Ok(Control::start(self, source, sites, None, sender)?.run(receiver).await?)
            })
        })?;
        Ok(Running { news, sites: seen, thread })
    }
}

/// A proxy that runs in a thread of this process.
#[derive(Debug)]
pub struct Running {
    news: NewsSender,
    sites: LiveSites,
    thread: std::thread::JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// Tells it something.
    pub fn tell(&self, event: Event) {
        let _ = self.news.send(News::Told(event));
    }

    /// How a pool stands at this moment, by the name that the configuration gives it: the first of its site's host names,
    /// with its prefix behind it unless that is `/`. `None` if the configuration has no such pool (any more), or the proxy
    /// has not read it yet.
    pub fn counts(&self, site: &str) -> Option<Counts> {
        self.sites.counts(site)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`RunError`]
    pub fn join(self) -> Result<(), RunError> {
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the proxy's thread panicked").into()))
    }
}

/// What the thread of control hears.
#[derive(Debug)]
enum News {
    /// Of a signal, or of the program around it.
    Told(Event),
    /// Of the process that is to take this one's place.
    Successor(successor::Said),
    /// Of the process whose place this one is to take.
    Predecessor(predecessor::Said),
}

type NewsSender = UnboundedSender<News>;
type NewsReceiver = UnboundedReceiver<News>;

/// The signals of this process, caught. None is lost from here on: what comes before the proxy serves waits until then.
#[derive(Debug)]
pub struct Signals {
    runtime: LocalRuntime,
    sender: NewsSender,
    receiver: NewsReceiver,
}

impl Signals {
    /// Catches them. To be done before anything that a stop would have to undo, and in the process that will serve.
    ///
    /// # Errors
    /// [`RunError`] if the system gives no event queue.
    pub fn catch() -> Result<Self, RunError> {
        let runtime = runtime()?;
        let (sender, receiver) = unbounded_channel();
        runtime.block_on(async {
            for (kind, event) in [
                (SignalKind::hangup(), Event::Reload),
                (SignalKind::user_defined2(), Event::Upgrade),
                (SignalKind::terminate(), Event::Stop),
                (SignalKind::interrupt(), Event::Stop),
            ] {
                forward_signal(kind, event, sender.clone())?;
            }
            Ok::<_, io::Error>(())
        })?;
        Ok(Self { runtime, sender, receiver })
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}

fn forward_signal(kind: SignalKind, event: Event, news: NewsSender) -> io::Result<()> {
    let mut signals = signal(kind)?;
    tokio::task::spawn_local(async move {
        while signals.recv().await.is_some() && news.send(News::Told(event)).is_ok() {}
    });
    Ok(())
}

/// Why serving ended early.
#[derive(Debug)]
pub struct RunError(io::Error);

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this process cannot serve: {}", self.0)
    }
}

impl std::error::Error for RunError {}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}
