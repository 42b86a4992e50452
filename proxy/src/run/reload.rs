//! Another configuration: what it adds is bound first, then everything changes at once.

use std::collections::HashSet;
use std::sync::Arc;

use super::control::{ByAddress, Control, by_address};
use crate::acme::Keeper;
use crate::config::{Config, Outgoing, PoolConfig, SiteConfig};
use crate::listen::{BindError, ClientSockets, Door, Inherited};
use crate::logging;
use crate::shard::{Blueprint, LivePool, Order};
use crate::site::Site;

/// What a reload adds, bound.
struct Added {
    clients: Vec<ClientSockets>,
    doors: Vec<(Outgoing, Door)>,
}

impl Control {
    /// Everything that can fail is done before anything is changed.
    pub(super) fn reload(&mut self) {
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
        let mut none = Inherited::default();
        let old = &self.blueprint.config;
        let shards = self.hall.shards.len();
        let added = new.listen.iter().filter(|address| !old.listen.contains(address));
        let clients =
            added.map(|address| ClientSockets::bind(address, shards, &mut none)).collect::<Result<_, _>>()?;
        let added = new
            .sites
            .iter()
            .flat_map(SiteConfig::outgoing)
            .filter(|address| !self.doors.contains_key(address));
        let doors = added.map(|address| Ok((address.clone(), Door::bind(address, &mut none)?)));
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
        let blueprint = Blueprint::new(new, &self.tls, |site, pool, name| {
            let live = old.pool_like(pool, &old_pools, &mut continued);
            live.inspect(|live| live.set_queue_max(site.queue)).unwrap_or_else(|| Site::new(name, site.queue))
        });
        let blueprint = Arc::new(blueprint);
        self.blueprint = blueprint.clone();
        self.tell_shards(|| Order::Directory(self.blueprint.clone()));
        self.listen_anew(clients);
        let pools = by_address(&blueprint.config);
        self.doors.retain(|address, _| pools.contains_key(address));
        for (address, door) in &self.doors {
            door.lead_to(self.destination(pools[address]));
        }
        if let Err(error) = self.open(doors, &pools) {
            tracing::error!("an address cannot be opened: {error}");
        }
        self.retire(&old);
        self.keep_certificates();
        self.live.change_to(&self.blueprint);
        tracing::info!("the configuration was read again: {} sites", self.blueprint.config.sites.len());
    }

    fn listen_anew(&mut self, added: Vec<ClientSockets>) {
        let wanted = &self.blueprint.config.listen;
        for sockets in self.clients.extract_if(.., |sockets| !wanted.contains(&sockets.address)) {
            for shard in &self.hall.shards {
                shard.order(Order::StopListening(sockets.address.clone()));
            }
        }
        for sockets in added {
            if let Err(error) = self.listen(&sockets) {
                tracing::error!("an address cannot be opened: {error}");
            }
            self.clients.push(sockets);
        }
    }

    /// Others, if they are to be others.
    fn keep_certificates(&mut self) {
        let wanted = self.blueprint.config.acme.as_ref();
        self.keeper = match (self.keeper.take(), wanted) {
            (Some(keeper), Some(acme)) if keeper.is_for(acme) => Some(keeper),
            (_, wanted) => wanted.map(|acme| Keeper::start(acme, self.tls.issued())),
        };
    }

    /// Pools that are no longer configured finish what they have.
    fn retire(&self, old: &Blueprint) {
        let kept: HashSet<u64> = self.blueprint.pools().map(|pool| pool.site.id()).collect();
        for LivePool { site, .. } in old.pools().filter(|pool| !kept.contains(&pool.site.id())) {
            site.close();
            self.tell_shards(|| Order::Retire(site.clone()));
        }
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
