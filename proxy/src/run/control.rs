//! The life of the proxy: start, serve, drain.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use swiftiply_wire::Key;
use tokio::time::sleep;

use super::door::{Destination, Hall, OpenDoor};
use super::live::LiveSites;
use super::successor::Successor;
use super::{Bound, Event, News, NewsReceiver, NewsSender, Seat, notify};
use crate::access::AccessLog;
use crate::acme::Keeper;
use crate::config::{Config, ConfigSource, Outgoing, PoolIndex, SiteIndex};
use crate::link::accept::Terms;
use crate::listen::{ClientSockets, Door};
use crate::logging;
use crate::resources::{Memory, Resources};
use crate::shard::{Blueprint, Drain, LivePool, Order, ShardThread};
use crate::site::Site;
use crate::tls;

/// How often a stopping proxy looks whether its shards have finished.
const STOP_CHECK: Duration = Duration::from_millis(10);

/// A running proxy.
pub(super) struct Control {
    pub(super) source: ConfigSource,
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) hall: Rc<Hall>,
    /// The sockets that clients connect to; each shard has them too.
    pub(super) clients: Vec<ClientSockets>,
    pub(super) doors: HashMap<Outgoing, OpenDoor>,
    pub(super) live: LiveSites,
    /// None where the proxy is part of another program.
    pub(super) seat: Option<Seat>,
    /// The process that is to take this one's place.
    pub(super) successor: Option<Successor>,
    /// A reload was asked for while that was under way.
    pub(super) owes_reload: bool,
    pub(super) tls: tls::Settings,
    /// Keeps the certificates of ACME valid.
    pub(super) keeper: Option<Keeper>,
    pub(super) news: NewsSender,
}

/// How serving ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// We were told to stop.
    Stopped,
    /// Another process has taken our place.
    Replaced,
    /// Another process goes on in our place, or none does: we never came to serve.
    NotNeeded,
}

impl Control {
    /// Starts the shards and opens the doors. Clients are taken, unless another process does so until this one has
    /// taken its place.
    pub(super) fn start(
        bound: Bound,
        source: ConfigSource,
        live: LiveSites,
        seat: Option<Seat>,
        news: NewsSender,
    ) -> io::Result<Self> {
        bound.announce();
        let Bound { config, clients, doors, allocated } = bound;
        let started = Instant::now();
        let memory = Memory::new(allocated, config.memory_max);
        let resources = Arc::new(Resources::new(config.shards, memory));
        resources.warn(&config);
        let tls = tls::Settings::new();
        let keeper = config.acme.as_ref().map(|acme| Keeper::start(acme, tls.issued()));
        let blueprint = Blueprint::new(config, &tls, |site, _, name| Site::new(name, site.queue));
        let blueprint = Arc::new(blueprint);
        let threads = (0..blueprint.config.shards).map(|index| {
            let access = AccessLog::new(logging::access_writer());
            ShardThread::spawn(index, blueprint.clone(), access, resources.clone(), started)
        });
        let hall = Hall::new(
            threads.collect::<io::Result<_>>()?,
            terms(&blueprint.config)?,
            resources.clone(),
            started,
        );
        live.change_to(&blueprint);
        let mut control = Self {
            source,
            blueprint: blueprint.clone(),
            hall,
            clients,
            doors: HashMap::new(),
            live,
            seat,
            successor: None,
            owes_reload: false,
            tls,
            keeper,
            news: news.clone(),
        };
        control.open(doors, &by_address(&blueprint.config))?;
        match control.seat.as_ref().and_then(|seat| seat.predecessor.as_ref()) {
            Some(predecessor) => predecessor.ready(news)?,
            None => {
                control.take_clients()?;
                notify::ready();
            }
        }
        Ok(control)
    }

    /// Serves until told to stop, or replaced.
    ///
    /// # Errors
    /// If the process that this one was to replace dies before that.
    pub(super) async fn run(mut self, mut news: NewsReceiver) -> io::Result<()> {
        let ending = loop {
            let ending = match news.recv().await {
                Some(News::Told(Event::Reload)) => {
                    self.reload_or_owe();
                    None
                }
                Some(News::Told(Event::Upgrade)) => {
                    self.upgrade();
                    None
                }
                Some(News::Told(Event::Stop)) | None => Some(Ending::Stopped),
                Some(News::Successor(said)) => self.hear_successor(said),
                Some(News::Predecessor(said)) => self.hear_predecessor(said, &mut news).await?,
            };
            if let Some(ending) = ending {
                break ending;
            }
        };
        if let Some(successor) = self.successor.take() {
            successor.give_up();
        }
        if ending != Ending::NotNeeded {
            self.drain(ending, &mut news).await;
        }
        Ok(())
    }

    /// Lets the shards finish; each stop that we are told of makes it more urgent.
    async fn drain(mut self, ending: Ending, news: &mut NewsReceiver) {
        let timeout = self.blueprint.config.drain_timeout;
        self.clients.clear();
        if ending == Ending::Replaced {
            self.finish(Drain::Replaced, timeout);
            tracing::info!("what clients have here is finished within {} s", timeout.as_secs());
            if self.finishes_before_stop(news).await {
                return tracing::info!("all is finished; this process ends");
            }
        } else {
            notify::stopping();
        }
        tracing::info!("stopping: running requests have {} s to finish", timeout.as_secs());
        self.finish(Drain::Stopped, timeout);
        match self.finishes_before_stop(news).await {
            true => tracing::info!("stopped"),
            false => tracing::warn!("stopped at once; running requests were cut"),
        }
    }

    fn finish(&self, drain: Drain, timeout: Duration) {
        let until = Instant::now() + timeout;
        self.tell_shards(|| Order::Drain(drain, until));
    }

    /// False if we are told to stop before the shards have ended.
    async fn finishes_before_stop(&self, news: &mut NewsReceiver) -> bool {
        let finished = async {
            while !self.hall.shards.iter().all(ShardThread::has_finished) {
                sleep(STOP_CHECK).await;
            }
            self.tell_shards(|| Order::End);
            while !self.hall.shards.iter().all(ShardThread::has_ended) {
                sleep(STOP_CHECK).await;
            }
        };
        tokio::select! {
            () = finished => true,
            () = stop(news) => false,
        }
    }

    /// Lets the shards take clients.
    pub(super) fn take_clients(&self) -> io::Result<()> {
        self.clients.iter().try_for_each(|sockets| self.listen(sockets))
    }

    pub(super) fn listen(&self, sockets: &ClientSockets) -> io::Result<()> {
        for (shard, listeners) in self.hall.shards.iter().zip(sockets.for_shards()?) {
            shard.order(Order::Listen(sockets.address.clone(), listeners));
        }
        Ok(())
    }

    pub(super) fn open(&mut self, doors: Vec<(Outgoing, Door)>, pools: &ByAddress) -> io::Result<()> {
        for (address, door) in doors {
            let open = OpenDoor::open(&self.hall, door, self.destination(pools[&address]))?;
            self.doors.insert(address, open);
        }
        Ok(())
    }

    pub(super) fn destination(&self, (site, pool): (SiteIndex, PoolIndex)) -> Destination {
        let Blueprint { config, sites, .. } = &*self.blueprint;
        let LivePool { site: live, name } = &sites[site].pools[pool];
        let key = config.sites[site].key.as_ref();
        Destination { site: live.clone(), name: name.clone(), key: key.map(|key| Key::new(key.as_bytes())) }
    }

    pub(super) fn tell_shards(&self, order: impl Fn() -> Order) {
        self.hall.shards.iter().for_each(|shard| shard.order(order()));
    }
}

/// Which pool's backends dial an address.
pub(super) type ByAddress<'c> = HashMap<&'c Outgoing, (SiteIndex, PoolIndex)>;

pub(super) fn by_address(config: &Config) -> ByAddress<'_> {
    let mut by_address = HashMap::new();
    for (site_index, site) in config.sites.iter().enumerate() {
        for (pool_index, pool) in site.pools.iter().enumerate() {
            by_address.extend(pool.outgoing.iter().map(|address| (address, (site_index, pool_index))));
        }
    }
    by_address
}

/// We are told to stop (again). A process that finishes has no configuration any more, but it has log files.
async fn stop(news: &mut NewsReceiver) {
    loop {
        match news.recv().await {
            Some(News::Told(Event::Stop)) => return,
            Some(News::Told(Event::Reload)) => {
                logging::reopen().unwrap_or_else(|error| tracing::error!("{error}"))
            }
            Some(News::Told(Event::Upgrade)) => {
                tracing::warn!(
                    "this process is finishing and cannot be replaced; the pid file names the one that serves"
                );
            }
            Some(_) => {}
            None => std::future::pending::<()>().await,
        }
    }
}

fn terms(config: &Config) -> io::Result<Terms> {
    let mut proxy = [0; 16];
    getrandom::fill(&mut proxy).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Terms {
        proxy,
        shards: config.shards as u16,
        ping_interval_ms: config.ping_interval.as_millis() as u32,
    })
}
