//! One thread of the proxy: its own loop, its own clients, its own link to every backend.
//!
//! - [`Shard`] (here): what the tasks of one thread share.
//! - `directory`: which sites there are, as this shard sees them.
//! - `run`: the thread: it takes orders from [`crate::run`].
//! - `accept`: it takes clients from its listeners, as many as there is room for.
//! - `alarm`: deadlines of connections, checked together a few times a second.
//! - `turn`: clients before their first request, bounded in number and time.

mod accept;
mod alarm;
mod directory;
mod run;
mod turn;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use slab::Slab;

use crate::access::AccessLog;
use crate::buffer::Pool;
use crate::client;
use crate::http::DateLine;
use crate::link::Link;
use crate::resources::Resources;
use crate::tls::TLS_BUFFER_BYTES;

use accept::Crowd;

pub use accept::Connected;
pub use alarm::{Alarm, Alarms};
pub use directory::{Blueprint, Directory, LivePool, PoolHere, SiteHere};
pub use run::{NewLink, Order, ShardThread};
pub use turn::Turn;
use turn::Turns;

/// Milliseconds since the proxy started.
pub type Millis = u64;

/// How often deadlines and pings are looked after. Deadlines are seconds long; a tenth is exact enough and costs
/// ten wake-ups a second.
pub const TICK_MS: Millis = 100;

/// Bytes read from a client at once. A browser's head with cookies is 1 to 2 KiB.
const CLIENT_BUFFER_BYTES: usize = 16 * 1024;

/// Bytes read from a link at once: many small replies, or two pieces of a large one.
const LINK_BUFFER_BYTES: usize = 64 * 1024;

/// Idle buffers kept by a shard; more are needed only while so many requests are being read at the same instant.
const BUFFERS_KEPT_MAX: usize = 64;

/// What all tasks of one thread share.
#[derive(Debug)]
pub struct Shard {
    /// From zero.
    pub index: usize,
    /// Buffers for clients.
    pub client_buffers: Pool,
    /// Memory for requests.
    pub spare_requests: client::Spare,
    /// Buffers for clients that speak TLS.
    pub tls_buffers: Rc<Pool>,
    /// Buffers for links.
    pub link_buffers: Pool,
    /// The Date header, right to the tick.
    pub date: RefCell<DateLine>,
    /// Deadlines of connections.
    pub alarms: Alarms,
    /// Where finished requests are noted.
    pub access: AccessLog,
    turns: Turns,
    directory: RefCell<Rc<Directory>>,
    /// By the pool's id: they outlive reloads.
    links: RefCell<HashMap<u64, LinkTable>>,
    all_links: RefCell<Slab<Rc<Link>>>,
    started: Instant,
    now: Cell<Millis>,
    /// What the system gives this process.
    pub resources: Arc<Resources>,
    crowd: Crowd,
    drain: Cell<Option<Drain>>,
    sends_backends: Cell<bool>,
}

/// Why this process takes no more clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// It stops, and somebody waits for that: connections are closed as soon as no request is likely to be on its way.
    Stopped,
    /// Another process is in its place: connections may stay for as long as they might at any other time.
    Replaced,
}

/// How long a connection of a stopping proxy has been quiet when it is closed. A client that asks more often than this
/// gets its answer, with `Connection: close`, instead of a reset.
const QUIET_MS: Millis = 1_000;

/// A pool's links on one shard, by the backend's index.
pub type LinkTable = Rc<RefCell<Vec<Option<Rc<Link>>>>>;

impl Shard {
    fn new(
        index: usize,
        blueprint: &Arc<Blueprint>,
        access: AccessLog,
        resources: Arc<Resources>,
        started: Instant,
    ) -> Rc<Self> {
        let shard = Self {
            index,
            client_buffers: Pool::new(CLIENT_BUFFER_BYTES, BUFFERS_KEPT_MAX),
            spare_requests: client::Spare::default(),
            tls_buffers: Rc::new(Pool::new(TLS_BUFFER_BYTES, BUFFERS_KEPT_MAX)),
            link_buffers: Pool::new(LINK_BUFFER_BYTES, BUFFERS_KEPT_MAX),
            date: RefCell::new(DateLine::new(SystemTime::now())),
            alarms: Alarms::default(),
            access,
            turns: Turns::default(),
            directory: RefCell::default(),
            links: RefCell::default(),
            all_links: RefCell::default(),
            started,
            now: Cell::new(started.elapsed().as_millis() as Millis),
            resources,
            crowd: Crowd::default(),
            drain: Cell::new(None),
            sends_backends: Cell::new(false),
        };
        shard.change_directory(blueprint);
        Rc::new(shard)
    }

    /// The time of the last tick.
    #[inline]
    pub fn now(&self) -> Millis {
        self.now.get()
    }

    /// The sites and settings of this moment. A request keeps the one that it began with.
    pub fn directory(&self) -> Rc<Directory> {
        self.directory.borrow().clone()
    }

    /// Whether the proxy is going down: requests that run are finished, connections are not kept.
    pub fn is_draining(&self) -> bool {
        self.drain.get().is_some()
    }

    /// How long a connection may be idle.
    pub fn idle_ms(&self) -> Millis {
        let idle_ms = self.directory.borrow().config().limits.idle_timeout.as_millis() as Millis;
        match self.drain.get() {
            Some(Drain::Stopped) => idle_ms.min(QUIET_MS),
            Some(Drain::Replaced) | None => idle_ms,
        }
    }

    /// A client begins with what comes before its first request.
    pub fn take_turn(&self) -> Turn {
        let directory = self.directory();
        let limits = &directory.config().limits;
        let alarm = self.alarms.add();
        alarm.set(self.now() + limits.handshake_timeout.as_millis() as Millis);
        self.turns.take(alarm, (limits.handshakes / directory.config().shards).max(1))
    }

    /// Another site list, after a reload.
    fn change_directory(&self, blueprint: &Arc<Blueprint>) {
        let mut links = self.links.borrow_mut();
        let directory = Directory::new(blueprint, |site| links.entry(site.id()).or_default().clone());
        *self.directory.borrow_mut() = Rc::new(directory);
    }

    /// Puts a link where requests find it.
    fn link_begins(&self, pool: &PoolHere, link: &Rc<Link>) {
        pool.insert(link);
        self.all_links.borrow_mut().insert(link.clone());
    }

    /// Forgets a link.
    pub fn link_ended(&self, link: &Rc<Link>) {
        self.all_links.borrow_mut().retain(|_, other| other.serial != link.serial);
    }

    fn tick(&self) {
        let last_tick = self.now();
        self.now.set(self.started.elapsed().as_millis() as Millis);
        self.date.borrow_mut().update(SystemTime::now());
        self.access.tick();
        self.alarms.ring(self.now());
        self.hasten(last_tick);
        self.look_for_room();
        let ping_interval = self.directory.borrow().config().ping_interval.as_millis() as Millis;
        for (_, link) in &*self.all_links.borrow() {
            link.tick(self.now(), ping_interval);
        }
    }

    fn drain(&self, drain: Drain) {
        self.drain.set(Some(drain));
        self.alarms.ring_all();
    }

    /// Whether backends that leave go to another process, which takes this one's place.
    pub fn sends_backends(&self) -> bool {
        self.sends_backends.get()
    }

    /// Whether backends are to bring their links to another process.
    fn send_backends(&self, away: bool) {
        self.sends_backends.set(away);
        if away {
            self.all_links.borrow().iter().for_each(|(_, link)| link.drain());
        }
    }
}
