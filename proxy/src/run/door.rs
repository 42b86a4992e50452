//! One `outgoing` address: strangers knock, and those that may become links.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc::{EMFILE, ENFILE};
use swiftiply_wire::Key;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{AbortHandle, JoinHandle, spawn_local, yield_now};
use tokio::time::{sleep, timeout};

use crate::link::LinkStream;
use crate::link::accept::{Accepted, HANDSHAKE_TIME, Rejection, Terms, shake_hands};
use crate::listen::Door;
use crate::resources::{Peer, Resources};
use crate::shard::{Millis, NewLink, Order, ShardThread};
use crate::site::Site;

/// Strangers in their handshake at once, over all addresses; each costs a few hundred bytes for at most
/// [`HANDSHAKE_TIME`]. One more, and the oldest is cut: a backend is through within milliseconds, so that is one who only
/// holds the door.
const STRANGERS_MAX: usize = 512;

/// How long accepting pauses when the system has no descriptor for another link.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all doors share.
pub(super) struct Hall {
    pub shards: Vec<ShardThread>,
    pub terms: Terms,
    pub resources: Arc<Resources>,
    /// Oldest first.
    strangers: RefCell<VecDeque<AbortHandle>>,
    started: Instant,
}

/// The sockets of an `outgoing` address, which close when this is dropped; and who waits at them.
pub(super) struct OpenDoor {
    door: Door,
    tasks: Vec<JoinHandle<()>>,
    leads_to: Rc<RefCell<Destination>>,
}

/// Where a door leads; a reload may change it.
#[derive(Clone)]
pub(super) struct Destination {
    pub site: Arc<Site>,
    pub name: String,
    pub key: Option<Key>,
}

impl Hall {
    pub(super) fn new(
        shards: Vec<ShardThread>,
        terms: Terms,
        resources: Arc<Resources>,
        started: Instant,
    ) -> Rc<Self> {
        Rc::new(Self { shards, terms, resources, strangers: RefCell::default(), started })
    }

    /// Makes room for another stranger.
    fn make_room(&self) {
        if self.strangers_now() >= STRANGERS_MAX {
            self.cut_oldest();
        }
    }

    fn strangers_now(&self) -> usize {
        let mut strangers = self.strangers.borrow_mut();
        while strangers.front().is_some_and(AbortHandle::is_finished) {
            strangers.pop_front();
        }
        strangers.len()
    }

    /// True if there was one.
    fn cut_oldest(&self) -> bool {
        self.strangers_now() > 0
            && self.strangers.borrow_mut().pop_front().inspect(AbortHandle::abort).is_some()
    }

    /// What to do about a link that cannot be accepted: without descriptors, whoever only holds the door goes first.
    async fn not_accepted(&self, error: &io::Error) {
        let is_short = matches!(error.raw_os_error(), Some(EMFILE | ENFILE));
        if is_short && self.cut_oldest() {
            return yield_now().await;
        }
        if self.resources.links_wait.is_felt(self.now()) {
            tracing::error!("no backend can be let in, trying again every {ACCEPT_PAUSE:?}: {error}");
        }
        sleep(ACCEPT_PAUSE).await;
    }

    fn accepted(&self) {
        if self.resources.links_wait.is_over(self.now()) {
            tracing::info!("backends are let in again");
        }
    }

    fn now(&self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }
}

impl OpenDoor {
    pub(super) fn open(hall: &Rc<Hall>, door: Door, destination: Destination) -> std::io::Result<Self> {
        let leads_to = Rc::new(RefCell::new(destination));
        let mut open = Self { door, tasks: Vec::new(), leads_to };
        open.attend(hall)?;
        Ok(open)
    }

    /// Lets backends in (again).
    pub(super) fn attend(&mut self, hall: &Rc<Hall>) -> std::io::Result<()> {
        self.tasks = match &self.door {
            Door::Tcp(listeners) => {
                let tasks = listeners.iter().map(|listener| {
                    let listener = TcpListener::from_std(listener.try_clone()?)?;
                    Ok(spawn_local(accept_tcp(hall.clone(), listener, self.leads_to.clone())))
                });
                tasks.collect::<std::io::Result<_>>()?
            }
            Door::Unix(listener, _) => {
                let listener = UnixListener::from_std(listener.try_clone()?)?;
                vec![spawn_local(accept_unix(hall.clone(), listener, self.leads_to.clone()))]
            }
        };
        Ok(())
    }

    /// Lets nobody in any more; whoever comes is for another process that has the same sockets.
    pub(super) fn leave(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
    }

    /// Its sockets.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// The same, to be given away or taken over.
    pub(super) fn door_mut(&mut self) -> &mut Door {
        &mut self.door
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

async fn accept_tcp(hall: Rc<Hall>, listener: TcpListener, leads_to: Rc<RefCell<Destination>>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                admit(&hall, LinkStream::Tcp(stream), Peer::Address(peer.ip()), &leads_to);
            }
            Err(error) => hall.not_accepted(&error).await,
        }
    }
}

async fn accept_unix(hall: Rc<Hall>, listener: UnixListener, leads_to: Rc<RefCell<Destination>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Who it is the system knows for as long as the socket is there.
                let Ok(credentials) = stream.peer_cred() else { continue };
                let peer = Peer::Local { uid: credentials.uid() };
                admit(&hall, LinkStream::Unix(stream), peer, &leads_to);
            }
            Err(error) => hall.not_accepted(&error).await,
        }
    }
}

/// Begins a handshake.
fn admit(hall: &Rc<Hall>, stream: LinkStream, peer: Peer, leads_to: &RefCell<Destination>) {
    hall.accepted();
    hall.make_room();
    let (host, destination) = (hall.clone(), leads_to.borrow().clone());
    let stranger = spawn_local(async move { welcome(&host, stream, peer, destination).await });
    hall.strangers.borrow_mut().push_back(stranger.abort_handle());
}

async fn welcome(hall: &Hall, mut stream: LinkStream, peer: Peer, to: Destination) {
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

fn hand_over(hall: &Hall, stream: LinkStream, peer: Peer, to: Destination, accepted: Accepted) {
    let Accepted { hello, shard, early } = accepted;
    let Ok(stream) = stream.detach() else { return };
    let host = match peer {
        Peer::Address(_) => peer.to_string(),
        Peer::Local { .. } => hello.host.clone(),
    };
    let name = format!("{}@{host}", hello.pid);
    let shards = hall.shards.len();
    let link = NewLink { stream, early, hello, name, peer, site: to.site, shards };
    hall.shards[usize::from(shard)].order(Order::Link(Box::new(link)));
}

fn report(hall: &Hall, peer: Peer, site: &str, rejection: &Rejection) {
    // Who leaves in order gives no cause for complaint.
    if !matches!(rejection, Rejection::Left) && hall.resources.complaints.allows(peer) {
        tracing::warn!("{site}: {peer} was not let in as a backend: {rejection}");
    } else {
        tracing::debug!("{site}: {peer} was not let in as a backend: {rejection}");
    }
}
