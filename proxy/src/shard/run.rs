//! The thread of a shard.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use swiftiply_wire::{GoodbyeCode, Hello};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle as Task, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::accept::accept;
use super::{Blueprint, Drain, Shard, TICK_MS};
use crate::access::AccessLog;
use crate::config::ListenAddr;
use crate::link::{self, DetachedStream, Link};
use crate::resources::{Peer, Resources};
use crate::site::{LinkUp, Site};

/// Threads of a shard that wait for disks: as many as a disk has use for at once. What more there is to read waits its
/// turn; what is in memory needs none of them.
const DISK_THREADS_MAX: usize = 16;

/// How long a stopping shard waits for its goodbyes to be written.
const GOODBYE_TIME: Duration = Duration::from_millis(200);

/// What a shard is told.
#[derive(Debug)]
pub enum Order {
    /// The configuration has changed.
    Directory(Arc<Blueprint>),
    /// Take clients at this address too.
    Listen(ListenAddr, Vec<std::net::TcpListener>),
    /// Take no more clients at this address.
    StopListening(ListenAddr),
    /// A backend has brought a link for this shard.
    Link(Box<NewLink>),
    /// This pool is removed: its backends shall finish and go.
    Retire(Arc<Site>),
    /// Another process has opened this one's doors: backends shall bring their links there. Those that are here go on.
    SendBackends,
    /// It was nothing: backends that come are to stay.
    KeepBackends,
    /// No new clients; the shard has finished when those that are there are served, or at this time.
    Drain(Drain, Instant),
    /// All shards have finished: the thread ends, and with it its links. Before that the others needed them, for a
    /// backend serves only while it has a link to each shard.
    End,
}

/// A link that has been authenticated.
#[derive(Debug)]
pub struct NewLink {
    /// Its socket.
    pub stream: DetachedStream,
    /// Bytes that came behind the handshake.
    pub early: Vec<u8>,
    /// What the backend said of itself.
    pub hello: Hello,
    /// What logs call it.
    pub name: String,
    /// Whom complaints about it count for.
    pub peer: Peer,
    /// Where it dialled in.
    pub site: Arc<Site>,
    /// On how many shards it needs a link.
    pub shards: usize,
}

/// A running shard.
#[derive(Debug)]
pub struct ShardThread {
    orders: UnboundedSender<Order>,
    has_finished: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ShardThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's, if it gives no thread or no event queue.
    pub fn spawn(
        index: usize,
        blueprint: Arc<Blueprint>,
        access: AccessLog,
        resources: Arc<Resources>,
        started: Instant,
    ) -> io::Result<Self> {
        let (orders, receiver) = unbounded_channel();
        let has_finished = Arc::<AtomicBool>::default();
        let finished = has_finished.clone();
        let runtime_of = || {
            let mut builder = Builder::new_current_thread();
            builder.enable_all().max_blocking_threads(DISK_THREADS_MAX).build_local(LocalOptions::default())
        };
        let (tell, told) = channel();
        let thread = std::thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
            let (runtime, refusal) =
                runtime_of().map_or_else(|error| (None, Err(error)), |it| (Some(it), Ok(())));
            // It is waited for.
            let _ = tell.send(refusal);
            let Some(runtime) = runtime else { return };
            runtime.block_on(async {
                let shard = Shard::new(index, &blueprint, access, resources, started);
                serve(&shard, receiver, &finished).await;
            });
        })?;
        told.recv().map_err(io::Error::other)??;
        Ok(Self { orders, has_finished, thread })
    }

    /// Tells the shard something; one that has ended does not listen.
    pub fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Whether it has nothing more to do for its clients.
    pub fn has_finished(&self) -> bool {
        self.has_finished.load(Ordering::Relaxed) || self.has_ended()
    }

    /// Whether the thread has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

async fn serve(shard: &Rc<Shard>, mut orders: UnboundedReceiver<Order>, finished: &AtomicBool) {
    let mut accepting = Accepting::default();
    let mut ticks = interval(Duration::from_millis(TICK_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline = None;
    loop {
        if deadline.is_some_and(|at| shard.crowd.is_empty() || Instant::now() >= at) {
            finished.store(true, Ordering::Relaxed);
        }
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Directory(blueprint)) => shard.change_directory(&blueprint),
                Some(Order::Listen(address, listeners)) => accepting.listen(shard, address, listeners),
                Some(Order::StopListening(address)) => accepting.stop(&address),
                Some(Order::Link(link)) => begin(shard, *link),
                Some(Order::Retire(site)) => retire(shard, &site),
                Some(Order::SendBackends) => shard.send_backends(true),
                Some(Order::KeepBackends) => shard.send_backends(false),
                Some(Order::Drain(drain, until)) => {
                    accepting = Accepting::default();
                    deadline = Some(until);
                    shard.drain(drain);
                }
                Some(Order::End) | None => break,
            },
            _ = ticks.tick() => shard.tick(),
        }
    }
    say_goodbye(shard).await;
}

/// The tasks that take clients, by address. Dropped, they take no more.
#[derive(Default)]
struct Accepting(HashMap<ListenAddr, Vec<Task<()>>>);

impl Accepting {
    fn listen(&mut self, shard: &Rc<Shard>, address: ListenAddr, listeners: Vec<std::net::TcpListener>) {
        let tasks = listeners
            .into_iter()
            .map(|listener| spawn_local(accept(shard.clone(), address.clone(), listener)))
            .collect();
        self.0.insert(address, tasks);
    }

    fn stop(&mut self, address: &ListenAddr) {
        self.0.remove(address).into_iter().flatten().for_each(|task| task.abort());
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.values().flatten().for_each(Task::abort);
    }
}

fn begin(shard: &Rc<Shard>, new: NewLink) {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let Some(pool) = shard.directory().by_id(new.site.id()).cloned() else { return };
    // First, since a backend must not be on the roster for a link that cannot be watched.
    let Ok(stream) = new.stream.attach() else { return };
    let Some(key) = new.site.enlist(new.hello.backend, new.hello.slots, new.shards) else { return };
    let link =
        Link::new(SERIAL.fetch_add(1, Ordering::Relaxed), key, new.hello, new.name, new.peer, shard.now());
    shard.link_begins(&pool, &link);
    tracing::debug!("{}: a link of backend {} is up on shard {}", pool.name(), link.name, shard.index);
    match pool.site.link_up(link.backend(), key, shard.index, link.serial) {
        LinkUp::InService => announce(pool.name(), &link),
        LinkUp::OthersMissing => {}
        LinkUp::Outdated => {
            link.leave(GoodbyeCode::Replaced, "the backend's other links went down; dial again")
        }
    }
    if shard.sends_backends() {
        link.drain();
    }
    let shard = shard.clone();
    spawn_local(async move { link::run(link, stream, &new.early, pool, shard).await });
}

fn announce(site: &str, link: &Link) {
    let Hello { slots, adapter, language, label, .. } = &link.hello;
    let label = if label.is_empty() { String::new() } else { format!(", release {label}") };
    tracing::info!("{site}: backend {} came with {slots} slots ({adapter}, {language}{label})", link.name);
}

fn retire(shard: &Rc<Shard>, site: &Arc<Site>) {
    let links = shard.links.borrow_mut().remove(&site.id());
    for link in links.iter().flat_map(|links| links.borrow().clone()).flatten() {
        link.retire();
    }
}

/// Links are closed last: requests of draining clients needed them.
async fn say_goodbye(shard: &Rc<Shard>) {
    let links: Vec<Rc<Link>> = shard.all_links.borrow().iter().map(|(_, link)| link.clone()).collect();
    for link in &links {
        link.leave(GoodbyeCode::Done, "the proxy ends");
    }
    let written = async {
        while !shard.all_links.borrow().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = timeout(GOODBYE_TIME, written).await;
}
