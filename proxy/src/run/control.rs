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
use crate::config::{Config, ConfigSource, Outgoing, SiteConfig, SiteIndex};
use crate::link::accept::Terms;
use crate::listen::{BindError, ClientSockets, Door};
use crate::logging;
use crate::shard::{Blueprint, Order, ShardThread};
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
        let Bound { config, clients, doors } = bound;
        let started = Instant::now();
        let blueprint = Arc::new(Blueprint::new(config, |site| Site::new(&site.name, site.queue)));
        let shards = blueprint.config.shards;
        let mut by_shard: Vec<Vec<_>> = (0..shards).map(|_| Vec::new()).collect();
        for sockets in clients {
            for (shard, listeners) in by_shard.iter_mut().zip(sockets.by_shard) {
                shard.push((sockets.address.clone(), listeners));
            }
        }
        let threads = by_shard.into_iter().enumerate().map(|(index, listeners)| {
            let access = AccessLog::new(logging::access_writer());
            ShardThread::spawn(index, listeners, blueprint.clone(), access, started)
        });
        let hall = Hall::new(threads.collect::<io::Result<_>>()?, terms(&blueprint.config)?);
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
            .flat_map(|site| &site.outgoing)
            .filter(|address| !self.doors.contains_key(address));
        let doors = added.map(|address| Door::bind(address).map(|door| (address.clone(), door)));
        Ok(Added { clients, doors: doors.collect::<Result<_, _>>()? })
    }

    fn change_to(&mut self, mut new: Config, Added { clients, doors }: Added) {
        for key in self.blueprint.config.needs_restart(&new) {
            tracing::warn!("`{key}` has changed in the configuration; it takes effect at the next start");
        }
        new.shards = self.hall.shards.len();
        let old = self.blueprint.clone();
        let mut continued = HashSet::new();
        let old_sites = by_address(&old.config);
        let blueprint = Blueprint::new(new, |site| old.site_like(site, &old_sites, &mut continued));
        let blueprint = Arc::new(blueprint);
        self.blueprint = blueprint.clone();
        self.tell_shards(|| Order::Directory(self.blueprint.clone()));
        self.listen(&old.config, clients);
        let sites = by_address(&blueprint.config);
        self.doors.retain(|address, _| sites.contains_key(address));
        for (address, door) in &self.doors {
            door.lead_to(self.destination(sites[address]));
        }
        if let Err(error) = self.open(doors, &sites) {
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

    /// Sites that are no longer configured finish what they have.
    fn retire(&self, old: &Blueprint) {
        let kept: HashSet<u64> = self.blueprint.sites.iter().map(|site| site.id()).collect();
        for site in old.sites.iter().filter(|site| !kept.contains(&site.id())) {
            site.close();
            self.tell_shards(|| Order::Retire(site.clone()));
        }
    }

    fn open(&mut self, doors: Vec<(Outgoing, Door)>, sites: &ByAddress) -> io::Result<()> {
        for (address, door) in doors {
            let open = OpenDoor::open(&self.hall, door, self.destination(sites[&address]))?;
            self.doors.insert(address, open);
        }
        Ok(())
    }

    fn destination(&self, index: SiteIndex) -> Destination {
        let Blueprint { config, sites, .. } = &*self.blueprint;
        let settings = &config.sites[index];
        Destination {
            site: sites[index].clone(),
            name: settings.name.clone(),
            key: settings.key.as_ref().map(|key| Key::new(key.as_bytes())),
        }
    }

    fn tell_shards(&self, order: impl Fn() -> Order) {
        self.hall.shards.iter().for_each(|shard| shard.order(order()));
    }
}

impl Blueprint {
    fn new(config: Config, site: impl FnMut(&SiteConfig) -> Arc<Site>) -> Self {
        let sites = config.sites.iter().map(site).collect();
        Self { hosts: config.host_table(), sites, config }
    }

    /// The live site that this entry continues: the one whose backends dial the same address. Or a new one, also where
    /// an entry was split and another part continues it already: two sites never share their backends.
    fn site_like(&self, new: &SiteConfig, by_address: &ByAddress, continued: &mut HashSet<u64>) -> Arc<Site> {
        let mut like: Vec<_> = new.outgoing.iter().filter_map(|address| by_address.get(address)).collect();
        like.sort_unstable();
        let mut like = like.into_iter().map(|&index| &self.sites[index]);
        match like.find(|site| continued.insert(site.id())) {
            Some(site) => {
                site.set_queue_max(new.queue);
                site.clone()
            }
            None => Site::new(&new.name, new.queue),
        }
    }
}

/// Which site's backends dial an address.
type ByAddress<'c> = HashMap<&'c Outgoing, SiteIndex>;

fn by_address(config: &Config) -> ByAddress<'_> {
    let sites = config.sites.iter().enumerate();
    sites.flat_map(|(index, site)| site.outgoing.iter().map(move |address| (address, index))).collect()
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
