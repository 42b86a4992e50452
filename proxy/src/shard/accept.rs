//! Taking clients: as many as there is room for, and no more while memory is short. Whoever is not taken waits in the
//! system's queue, where he costs us nothing.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::{Millis, Shard};
use crate::client;
use crate::config::ListenAddr;

/// How long accepting pauses when the system has no descriptor or memory for another client: long enough for some to
/// leave, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client may idle, or take nothing of its reply, while others wait for its place or memory is short; else
/// `idle_timeout` holds. Who asks again and again has a request within it, and who reads takes something.
const IDLE_IN_NEED_MS: Millis = 5000;

/// While others wait, so many idle clients make room within a second: one in eight. Not all of them: most places would
/// be empty for nothing.
const MAKE_ROOM_PART: usize = 8;

/// The clients of one shard.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    connected: Cell<usize>,
    /// It was full, and has not become noticeably emptier since.
    is_dense: Cell<bool>,
    /// Others wait for a place, or memory is short.
    is_in_need: Cell<bool>,
    /// There may be room again.
    freed: Notify,
}

/// Counts one client connection while it lives.
#[derive(Debug)]
pub struct Connected(Rc<Shard>);

impl Connected {
    /// A client has come.
    pub fn new(shard: &Rc<Shard>) -> Self {
        shard.crowd.connected.set(shard.crowd.connected.get() + 1);
        Self(shard.clone())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let crowd = &self.0.crowd;
        crowd.connected.set(crowd.connected.get() - 1);
        // All of them: the one that is woken first may have nobody to take.
        crowd.freed.notify_waiters();
    }
}

impl Crowd {
    pub(super) fn is_empty(&self) -> bool {
        self.connected.get() == 0
    }
}

impl Shard {
    /// Whether no other client can be taken.
    fn is_full(&self) -> bool {
        let (now, max) = (self.crowd.connected.get(), self.clients_max());
        if now >= max {
            self.crowd.is_dense.set(true);
        } else if now + max / MAKE_ROOM_PART < max {
            self.crowd.is_dense.set(false);
        }
        now >= max
    }

    /// By how much `idle_timeout` is shorter at this moment. Asked whenever a client begins to idle, so in calm times it
    /// is known from the last tick.
    #[inline]
    pub fn haste(&self) -> Millis {
        if self.crowd.is_in_need.get() { self.haste_now() } else { 0 }
    }

    fn haste_now(&self) -> Millis {
        let is_full = self.is_full();
        let is_in_need = is_full || self.crowd.is_dense.get() || self.resources.memory.is_short();
        self.crowd.is_in_need.set(is_in_need);
        let idle_ms = self.directory().config().limits.idle_timeout.as_millis() as Millis;
        if is_in_need { idle_ms.saturating_sub(IDLE_IN_NEED_MS) } else { 0 }
    }

    /// Wakes whoever has idled for too long, where others wait. That wakes many for nothing, so not at every tick.
    pub(super) fn hasten(&self, last_tick: Millis) {
        if self.now() / 1000 != last_tick / 1000 {
            let haste = self.haste_now();
            self.alarms.ring(self.now() + haste);
        }
    }

    /// This shard's share of what the configuration and the system allow.
    fn clients_max(&self) -> usize {
        let directory = self.directory();
        let config = directory.config();
        (config.limits.connections.min(self.resources.clients_max) / config.shards).max(1)
    }

    /// Whether nothing new should begin because memory is short.
    pub fn is_short_of_memory(&self) -> bool {
        let memory = &self.resources.memory;
        let is_short = memory.is_short();
        if is_short && self.resources.requests_shed.is_felt(self.now()) {
            let (allocated, max) = (memory.allocated(), memory.max());
            tracing::warn!(
                "memory is short: {allocated} bytes are in use, `memory_max` is {max}; new requests are answered 503 and new clients wait"
            );
        }
        is_short
    }

    /// The same of whatever is large or slow.
    pub fn is_tight_of_memory(&self) -> bool {
        let memory = &self.resources.memory;
        let is_tight = memory.is_tight();
        if is_tight && self.resources.requests_shed.is_felt(self.now()) {
            let (allocated, max) = (memory.allocated(), memory.max());
            tracing::warn!(
                "memory is tight: {allocated} bytes are in use, `memory_max` is {max}; uploads that no app has seen are answered 503"
            );
        }
        is_tight
    }

    fn has_room(&self) -> bool {
        if self.is_full() {
            if self.resources.clients_wait.is_felt(self.now()) {
                let max = self.clients_max();
                let cause = match self.directory().config().limits.connections {
                    connections if connections <= self.resources.clients_max => "`limits.connections`",
                    _ => "the number of files that this process may open (ulimit -n, LimitNOFILE)",
                };
                tracing::warn!(
                    "no more clients are taken until some leave: shard {} has {max}, as many as {cause} allows",
                    self.index
                );
            }
            return false;
        }
        !self.is_short_of_memory()
    }

    /// Ready when another client can be taken.
    async fn room(&self) {
        loop {
            let freed = self.crowd.freed.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Looks a few times a second whether a shortage is over.
    pub(super) fn look_for_room(&self) {
        if self.has_room() {
            self.crowd.freed.notify_waiters();
        }
        if self.resources.clients_wait.is_over(self.now()) {
            tracing::info!("new clients are taken again");
        }
        if self.resources.requests_shed.is_over(self.now()) {
            tracing::info!("memory suffices again; new requests are served");
        }
    }
}

/// Takes clients from this listener until the task is aborted.
pub(super) async fn accept(shard: Rc<Shard>, address: ListenAddr, listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("a listener of our own can be watched");
    // Only where the listener has every address of this machine does a connection know better.
    let local = listener.local_addr().ok().filter(|local| !local.ip().is_unspecified()).map(Rc::new);
    loop {
        shard.room().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let local = local.clone().or_else(|| stream.local_addr().ok().map(Rc::new));
                let connected = Connected::new(&shard);
                // Looked up for each client: a reload may have changed it.
                match shard.directory().entrance(&address) {
                    None => {
                        let arrival = client::Arrival::plain(stream, peer, local);
                        spawn_local(client::serve(&shard, arrival, connected));
                    }
                    Some(entrance) => {
                        let newcomer = client::Newcomer { socket: stream, peer, local };
                        spawn_local(client::greet(&shard, entrance.clone(), newcomer, connected));
                    }
                }
            }
            // The client was gone before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if shard.resources.clients_wait.is_felt(shard.now()) {
                    tracing::error!("no client can be taken, trying again every {ACCEPT_PAUSE:?}: {error}");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
