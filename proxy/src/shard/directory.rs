//! The sites as one shard sees them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::client::Entrance;
use crate::config::{Config, HostTable, ListenAddr, NoPool, PoolConfig, PoolTable, SiteConfig};
use crate::http;
use crate::link::Link;
use crate::site::{BackendKey, Site};
use crate::tls;

use super::LinkTable;

/// A configuration and the live pools it describes; made once per load and given to every shard.
#[derive(Debug)]
pub struct Blueprint {
    /// The settings.
    pub config: Config,
    /// By host name.
    pub hosts: HostTable,
    /// What clients do first, at the addresses where they do not begin with HTTP.
    pub entrances: HashMap<ListenAddr, Entrance>,
    /// One per entry of `config.sites`, in the same order.
    pub sites: Vec<LiveSite>,
}

fn entrances(config: &Config, tls: &tls::Settings) -> HashMap<ListenAddr, Entrance> {
    let with_tls =
        tls.of(config).map(|(address, tls)| (address, Entrance { tls: Some(tls), ..Entrance::default() }));
    let mut entrances: HashMap<_, _> = with_tls.collect();
    for address in &config.proxy_protocol {
        entrances.entry(address.clone()).or_default().proxy_protocol = true;
    }
    entrances
}

/// A site's pools.
#[derive(Debug)]
pub struct LiveSite {
    /// By path.
    pub paths: PoolTable,
    /// One per pool of its settings, in the same order.
    pub pools: Vec<LivePool>,
}

/// A pool: backends with slots and a queue of their own.
#[derive(Debug)]
pub struct LivePool {
    /// What logs call it: [`SiteConfig::pool_name`].
    pub name: String,
    /// Its dispatch, which may be older than this blueprint.
    pub site: Arc<Site>,
}

impl Blueprint {
    /// The pools of this configuration; `live` gives the dispatch of each, by its site and its name.
    pub fn new(
        config: Config,
        tls: &tls::Settings,
        mut live: impl FnMut(&SiteConfig, &PoolConfig, &str) -> Arc<Site>,
    ) -> Self {
        let sites = config.sites.iter().map(|site| {
            let pools = site.pools.iter().map(|pool| {
                let name = site.pool_name(pool);
                LivePool { site: live(site, pool, &name), name }
            });
            LiveSite { paths: site.pool_table(), pools: pools.collect() }
        });
        let sites = sites.collect();
        Self { hosts: config.host_table(), entrances: entrances(&config, tls), sites, config }
    }

    /// Every pool of every site.
    pub fn pools(&self) -> impl Iterator<Item = &LivePool> {
        self.sites.iter().flat_map(|site| &site.pools)
    }
}

/// A blueprint with this shard's links.
#[derive(Debug, Default)]
pub struct Directory {
    blueprint: Option<Arc<Blueprint>>,
    sites: Vec<Rc<SiteHere>>,
    http_limits: Rc<http::Limits>,
}

/// One site on one shard.
#[derive(Debug)]
pub struct SiteHere {
    blueprint: Arc<Blueprint>,
    index: usize,
    /// In the order of its settings.
    pools: Vec<Rc<PoolHere>>,
}

/// One pool of a site on one shard.
#[derive(Debug)]
pub struct PoolHere {
    /// What all shards share.
    pub site: Arc<Site>,
    blueprint: Arc<Blueprint>,
    site_index: usize,
    index: usize,
    shard_links: LinkTable,
}

impl Directory {
    /// `links` gives the table of a pool's links on this shard.
    pub(super) fn new(blueprint: &Arc<Blueprint>, mut links: impl FnMut(&Site) -> LinkTable) -> Self {
        let sites = blueprint.sites.iter().enumerate().map(|(site_index, live)| {
            let pools = live.pools.iter().enumerate().map(|(index, pool)| {
                let shard_links = links(&pool.site);
                let (site, blueprint) = (pool.site.clone(), blueprint.clone());
                Rc::new(PoolHere { site, blueprint, site_index, index, shard_links })
            });
            Rc::new(SiteHere { blueprint: blueprint.clone(), index: site_index, pools: pools.collect() })
        });
        let limits = &blueprint.config.limits;
        let http_limits = http::Limits {
            request_line_max: limits.request_line,
            head_bytes_max: limits.head,
            headers_max: limits.headers,
            ..http::Limits::default()
        };
        Self { sites: sites.collect(), blueprint: Some(blueprint.clone()), http_limits: Rc::new(http_limits) }
    }

    /// The settings.
    ///
    /// # Panics
    /// Before the first blueprint; a shard gets it when it is made.
    pub fn config(&self) -> &Config {
        &self.blueprint.as_ref().expect("a shard begins with a blueprint").config
    }

    /// What clients do first at this address, if they do not begin with HTTP.
    pub fn entrance(&self, address: &ListenAddr) -> Option<&Entrance> {
        self.blueprint.as_ref()?.entrances.get(address)
    }

    /// Bounds on what a client may send, for the parser.
    pub fn http_limits(&self) -> &Rc<http::Limits> {
        &self.http_limits
    }

    /// The site of this host name, or the default one. `None` for a request without a host: only the default.
    pub fn find(&self, host: Option<&str>) -> Option<&Rc<SiteHere>> {
        let hosts = &self.blueprint.as_ref()?.hosts;
        hosts.find(host.unwrap_or_default()).map(|index| &self.sites[index])
    }

    /// The pool with this id.
    pub fn by_id(&self, id: u64) -> Option<&Rc<PoolHere>> {
        self.sites.iter().flat_map(|here| &here.pools).find(|pool| pool.site.id() == id)
    }
}

impl SiteHere {
    /// Its settings.
    pub fn settings(&self) -> &SiteConfig {
        &self.blueprint.config.sites[self.index]
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings().name
    }

    /// The pool that this path belongs to.
    ///
    /// # Errors
    /// [`NoPool`]
    #[inline]
    pub fn pool(&self, path: &str) -> Result<&Rc<PoolHere>, NoPool> {
        self.blueprint.sites[self.index].paths.find(path).map(|index| &self.pools[index])
    }
}

impl PoolHere {
    /// What logs call it.
    pub fn name(&self) -> &str {
        &self.blueprint.sites[self.site_index].pools[self.index].name
    }

    /// This shard's link to a backend.
    #[inline]
    pub fn link(&self, key: BackendKey) -> Option<Rc<Link>> {
        let links = self.shard_links.borrow();
        links.get(key.index())?.as_ref().filter(|link| link.key == key).cloned()
    }

    /// Puts a link where requests find it; one that stood there before is told to go.
    pub(super) fn insert(&self, link: &Rc<Link>) {
        let mut links = self.shard_links.borrow_mut();
        let index = link.key.index();
        if links.len() <= index {
            links.resize(index + 1, None);
        }
        if let Some(before) = links[index].replace(link.clone()) {
            before.give_way();
        }
    }

    /// Takes a link out of use. True if the site has forgotten its backend.
    pub fn link_down(&self, link: &Rc<Link>, shard: usize) -> bool {
        let gone = self.site.link_down(link.backend(), shard, link.serial);
        let mut links = self.shard_links.borrow_mut();
        if let Some(place) = links.get_mut(link.key.index()) {
            place.take_if(|there| there.serial == link.serial);
        }
        gone
    }

    /// The backend announced its slots.
    pub fn set_slots(&self, key: BackendKey, slots: u16) {
        self.site.set_slots(key, slots);
    }

    /// The backend has refused a request.
    pub fn withhold(&self, key: BackendKey) {
        self.site.withhold(key);
    }

    /// The backend drains.
    pub fn drain(&self, key: BackendKey) {
        self.site.drain(key);
    }
}
