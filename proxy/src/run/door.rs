//! One `outgoing` address: strangers knock, and those that may become links.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use swiftiply_wire::Key;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::link::LinkStream;
use crate::link::accept::{Accepted, HANDSHAKE_TIME, Rejection, Terms, shake_hands};
use crate::listen::{Door, SocketFile};
use crate::shard::{NewLink, Order, ShardThread};
use crate::site::Site;

/// Strangers in their handshake at once, over all addresses; each costs a few hundred bytes for at most
/// [`HANDSHAKE_TIME`]. One more, and the oldest is cut: a backend is through within milliseconds, so that is one who only
/// holds the door.
const STRANGERS_MAX: usize = 512;

/// Messages about strangers: one per address and minute, so that a port scan does not fill the log.
const MESSAGE_EVERY: Duration = Duration::from_secs(60);

/// Addresses remembered for that; when there are more, the log is flooded in any case and all are forgotten.
const NOISY_MAX: usize = 1024;

/// How long accepting pauses when the system has no descriptor for another link.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all doors share.
pub(super) struct Hall {
    pub shards: Vec<ShardThread>,
    pub terms: Terms,
    /// Oldest first.
    strangers: RefCell<VecDeque<AbortHandle>>,
    noisy: RefCell<HashMap<Option<IpAddr>, Instant>>,
}

/// An open `outgoing` address. It closes when this is dropped.
pub(super) struct OpenDoor {
    tasks: Vec<JoinHandle<()>>,
    leads_to: Rc<RefCell<Destination>>,
    _file: Option<SocketFile>,
}

/// Where a door leads; a reload may change it.
#[derive(Clone)]
pub(super) struct Destination {
    pub site: Arc<Site>,
    pub name: String,
    pub key: Option<Key>,
}

impl Hall {
    pub(super) fn new(shards: Vec<ShardThread>, terms: Terms) -> Rc<Self> {
        Rc::new(Self { shards, terms, strangers: RefCell::default(), noisy: RefCell::default() })
    }

    /// Makes room for another stranger.
    fn make_room(&self) {
        let mut strangers = self.strangers.borrow_mut();
        while strangers.front().is_some_and(AbortHandle::is_finished) {
            strangers.pop_front();
        }
        if strangers.len() >= STRANGERS_MAX
            && let Some(oldest) = strangers.pop_front()
        {
            oldest.abort();
        }
    }

    /// Whether the log has had no message about this address for a while.
    fn may_report(&self, peer: Option<IpAddr>) -> bool {
        let mut noisy = self.noisy.borrow_mut();
        if noisy.get(&peer).is_some_and(|last| last.elapsed() < MESSAGE_EVERY) {
            return false;
        }
        if noisy.len() >= NOISY_MAX {
            noisy.clear();
        }
        noisy.insert(peer, Instant::now());
        true
    }
}

impl OpenDoor {
    pub(super) fn open(hall: &Rc<Hall>, door: Door, destination: Destination) -> std::io::Result<Self> {
        let leads_to = Rc::new(RefCell::new(destination));
        let (tasks, file) = match door {
            Door::Tcp(listeners) => {
                let tasks = listeners.into_iter().map(|listener| {
                    let listener = TcpListener::from_std(listener)?;
                    Ok(spawn_local(accept_tcp(hall.clone(), listener, leads_to.clone())))
                });
                (tasks.collect::<std::io::Result<_>>()?, None)
            }
            Door::Unix(listener, file) => (
                vec![spawn_local(accept_unix(hall.clone(), listen_unix(listener)?, leads_to.clone()))],
                Some(file),
            ),
        };
        Ok(Self { tasks, leads_to, _file: file })
    }

    /// After a reload: another key, or another site.
    pub(super) fn lead_to(&self, destination: Destination) {
        *self.leads_to.borrow_mut() = destination;
    }
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn listen_unix(listener: StdUnixListener) -> std::io::Result<UnixListener> {
    UnixListener::from_std(listener)
}

async fn accept_tcp(hall: Rc<Hall>, listener: TcpListener, leads_to: Rc<RefCell<Destination>>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(&hall, LinkStream::Tcp(stream), Some(peer.ip()), &leads_to),
            Err(error) => pause(&error).await,
        }
    }
}

async fn accept_unix(hall: Rc<Hall>, listener: UnixListener, leads_to: Rc<RefCell<Destination>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&hall, LinkStream::Unix(stream), None, &leads_to),
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &std::io::Error) {
    tracing::error!("no backend can be let in, trying again in {ACCEPT_PAUSE:?}: {error}");
    sleep(ACCEPT_PAUSE).await;
}

/// Begins a handshake.
fn admit(hall: &Rc<Hall>, stream: LinkStream, peer: Option<IpAddr>, leads_to: &RefCell<Destination>) {
    hall.make_room();
    let (host, destination) = (hall.clone(), leads_to.borrow().clone());
    let stranger = spawn_local(async move { welcome(&host, stream, peer, destination).await });
    hall.strangers.borrow_mut().push_back(stranger.abort_handle());
}

async fn welcome(hall: &Hall, mut stream: LinkStream, peer: Option<IpAddr>, to: Destination) {
    let handshake = shake_hands(&mut stream, to.key.as_ref(), &hall.terms);
    match timeout(HANDSHAKE_TIME, handshake).await {
        Ok(Ok(accepted)) => hand_over(hall, stream, peer, to, accepted),
        Ok(Err(rejection)) => report(hall, peer, &to.name, &rejection),
        Err(_) => {
            let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
            report(hall, peer, &to.name, &Rejection::Gone(error));
        }
    }
}

fn hand_over(hall: &Hall, stream: LinkStream, peer: Option<IpAddr>, to: Destination, accepted: Accepted) {
    let Accepted { hello, shard, early } = accepted;
    let Ok(stream) = stream.detach() else { return };
    let name = format!("{}@{}", hello.pid, peer.map_or_else(|| hello.host.clone(), |peer| peer.to_string()));
    let shards = hall.shards.len();
    let link = NewLink { stream, early, hello, name, site: to.site, shards };
    hall.shards[usize::from(shard)].order(Order::Link(Box::new(link)));
}

fn report(hall: &Hall, peer: Option<IpAddr>, site: &str, rejection: &Rejection) {
    let who = peer.map_or_else(|| "a local process".to_owned(), |peer| peer.to_string());
    if hall.may_report(peer) {
        tracing::warn!("{site}: {who} was not let in as a backend: {rejection}");
    } else {
        tracing::debug!("{site}: {who} was not let in as a backend: {rejection}");
    }
}
