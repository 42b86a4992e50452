//! The life of the proxy: start, reload, drain.

use std::collections::{HashMap, HashSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use swiftiply_wire::Key;
use tokio::time::sleep;

use super::door::{Destination, Hall, OpenDoor};
use super::live::LiveSites;
use super::{Bound, Event, Events};
use crate::access::AccessLog;
use crate::config::{Config, ConfigSource, Outgoing, PoolConfig, PoolIndex, SiteConfig, SiteIndex};
use crate::link::accept::Terms;
use crate::listen::{BindError, ClientSockets, Door};
use crate::logging;
use crate::resources::{Memory, Resources};
use crate::shard::{Blueprint, LivePool, Order, ShardThread};
use crate::site::Site;

/// How often a stopping proxy looks whether its shards have finished.
const STOP_CHECK: Duration = Duration::from_millis(10);

/// A running proxy.
pub(super) struct Control {
    source: ConfigSource,
    blueprint: Arc<Blueprint>,
    hall: Rc<Hall>,
    doors: HashMap<Outgoing, OpenDoor>,
    live: LiveSites,
}

/// What a reload adds, bound.
struct Added {
    clients: Vec<ClientSockets>,
    doors: Vec<(Outgoing, Door)>,
}

impl Control {
    /// Starts the shards and opens the doors.
    pub(super) fn start(bound: Bound, source: ConfigSource, live: LiveSites) -> io::Result<Self> {
        bound.announce();
        let Bound { config, clients, doors, allocated } = bound;
        let started = Instant::now();
        let memory = Memory::new(allocated, config.memory_max);
        let resources = Arc::new(Resources::new(config.shards, memory));
        resources.warn(&config);
        let blueprint = Arc::new(Blueprint::new(config, |site, _, name| Site::new(name, site.queue)));
        let shards = blueprint.config.shards;
        let mut by_shard: Vec<Vec<_>> = (0..shards).map(|_| Vec::new()).collect();
        for sockets in clients {
            for (shard, listeners) in by_shard.iter_mut().zip(sockets.by_shard) {
                shard.push((sockets.address.clone(), listeners));
            }
        }
        let threads = by_shard.into_iter().enumerate().map(|(index, listeners)| {
            let access = AccessLog::new(logging::access_writer());
            ShardThread::spawn(index, listeners, blueprint.clone(), access, resources.clone(), started)
        });
        let hall = Hall::new(
            threads.collect::<io::Result<_>>()?,
            terms(&blueprint.config)?,
            resources.clone(),
            started,
        );
        live.change_to(&blueprint);
        let mut control = Self { source, blueprint: blueprint.clone(), hall, doors: HashMap::new(), live };
        control.open(doors, &by_address(&blueprint.config))?;
        Ok(control)
    }

    /// Serves until told to stop.
    pub(super) async fn run(mut self, mut events: Events) {
        while let Some(Event::Reload) = events.recv().await {
            self.reload();
        }
        let timeout = self.blueprint.config.drain_timeout;
        tracing::info!("stopping: running requests have {} s to finish", timeout.as_secs());
        self.tell_shards(|| Order::Drain(Instant::now() + timeout));
        let drained = async {
            while !self.hall.shards.iter().all(ShardThread::is_finished) {
                sleep(STOP_CHECK).await;
            }
        };
        tokio::select! {
            () = drained => tracing::info!("stopped"),
            () = second_stop(&mut events) => tracing::warn!("stopped at once; running requests were cut"),
        }
    }

    /// Everything that can fail is done before anything is changed.
    fn reload(&mut self) {
        if let Err(error) = logging::reopen() {
            tracing::error!("{error}");
        }
        let new = match self.source.reload() {
            Ok((config, warnings)) => {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                config
            }
            Err(error) => return tracing::error!("the old configuration stays: {error}"),
        };
        match self.bind_added(&new) {
            Ok(added) => self.change_to(new, added),
            Err(error) => tracing::error!("the old configuration stays: {error}"),
        }
    }

    fn bind_added(&self, new: &Config) -> Result<Added, BindError> {
        let old = &self.blueprint.config;
        let shards = self.hall.shards.len();
        let added = new.listen.iter().filter(|address| !old.listen.contains(address));
        let clients = added.map(|address| ClientSockets::bind(address, shards)).collect::<Result<_, _>>()?;
        let added = new
            .sites
            .iter()
            .flat_map(SiteConfig::outgoing)
            .filter(|address| !self.doors.contains_key(address));
        let doors = added.map(|address| Door::bind(address).map(|door| (address.clone(), door)));
        Ok(Added { clients, doors: doors.collect::<Result<_, _>>()? })
    }

    fn change_to(&mut self, mut new: Config, Added { clients, doors }: Added) {
        for key in self.blueprint.config.needs_restart(&new) {
            tracing::warn!("`{key}` has changed in the configuration; it takes effect at the next start");
        }
        new.shards = self.hall.shards.len();
        self.hall.resources.memory.set_max(new.memory_max);
        self.hall.resources.warn(&new);
        let old = self.blueprint.clone();
        let mut continued = HashSet::new();
        let old_pools = by_address(&old.config);
        let blueprint = Blueprint::new(new, |site, pool, name| {
            let live = old.pool_like(pool, &old_pools, &mut continued);
            live.inspect(|live| live.set_queue_max(site.queue)).unwrap_or_else(|| Site::new(name, site.queue))
        });
        let blueprint = Arc::new(blueprint);
        self.blueprint = blueprint.clone();
        self.tell_shards(|| Order::Directory(self.blueprint.clone()));
        self.listen(&old.config, clients);
        let pools = by_address(&blueprint.config);
        self.doors.retain(|address, _| pools.contains_key(address));
        for (address, door) in &self.doors {
            door.lead_to(self.destination(pools[address]));
        }
        if let Err(error) = self.open(doors, &pools) {
            tracing::error!("an address cannot be opened: {error}");
        }
        self.retire(&old);
        self.live.change_to(&self.blueprint);
        tracing::info!("the configuration was read again: {} sites", self.blueprint.config.sites.len());
    }

    fn listen(&self, old: &Config, added: Vec<ClientSockets>) {
        for ClientSockets { address, by_shard } in added {
            for (shard, listeners) in self.hall.shards.iter().zip(by_shard) {
                shard.order(Order::Listen(address.clone(), listeners));
            }
        }
        for address in old.listen.iter().filter(|address| !self.blueprint.config.listen.contains(address)) {
            self.tell_shards(|| Order::StopListening(address.clone()));
        }
    }

    /// Pools that are no longer configured finish what they have.
    fn retire(&self, old: &Blueprint) {
        let kept: HashSet<u64> = self.blueprint.pools().map(|pool| pool.site.id()).collect();
        for LivePool { site, .. } in old.pools().filter(|pool| !kept.contains(&pool.site.id())) {
            site.close();
            self.tell_shards(|| Order::Retire(site.clone()));
        }
    }

    fn open(&mut self, doors: Vec<(Outgoing, Door)>, pools: &ByAddress) -> io::Result<()> {
        for (address, door) in doors {
            let open = OpenDoor::open(&self.hall, door, self.destination(pools[&address]))?;
            self.doors.insert(address, open);
        }
        Ok(())
    }

    fn destination(&self, (site, pool): (SiteIndex, PoolIndex)) -> Destination {
        let Blueprint { config, sites, .. } = &*self.blueprint;
        let LivePool { site: live, name } = &sites[site].pools[pool];
        let key = config.sites[site].key.as_ref();
        Destination { site: live.clone(), name: name.clone(), key: key.map(|key| Key::new(key.as_bytes())) }
    }

    fn tell_shards(&self, order: impl Fn() -> Order) {
        self.hall.shards.iter().for_each(|shard| shard.order(order()));
    }
}

impl Blueprint {
    /// The live pool that this one continues: the one whose backends dial the same address. None also where a pool was
    /// split and another part continues it already: two pools never share their backends.
    fn pool_like(
        &self,
        new: &PoolConfig,
        by_address: &ByAddress,
        continued: &mut HashSet<u64>,
    ) -> Option<Arc<Site>> {
        let mut like: Vec<_> = new.outgoing.iter().filter_map(|address| by_address.get(address)).collect();
        like.sort_unstable();
        let mut like = like.into_iter().map(|&(site, pool)| &self.sites[site].pools[pool].site);
        like.find(|site| continued.insert(site.id())).cloned()
    }
}

/// Which pool's backends dial an address.
type ByAddress<'c> = HashMap<&'c Outgoing, (SiteIndex, PoolIndex)>;

fn by_address(config: &Config) -> ByAddress<'_> {
    let mut by_address = HashMap::new();
    for (site_index, site) in config.sites.iter().enumerate() {
        for (pool_index, pool) in site.pools.iter().enumerate() {
            by_address.extend(pool.outgoing.iter().map(|address| (address, (site_index, pool_index))));
        }
    }
    by_address
}

async fn second_stop(events: &mut Events) {
    while !matches!(events.recv().await, Some(Event::Stop)) {
        if events.is_closed() {
            std::future::pending::<()>().await;
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
