//! The sites as one shard sees them.

use std::rc::Rc;
use std::sync::Arc;

use crate::config::{Config, HostTable, SiteConfig};
use crate::http;
use crate::link::Link;
use crate::site::{BackendKey, Site};

use super::LinkTable;

/// A configuration and the live sites it describes; made once per load and given to every shard.
#[derive(Debug)]
pub struct Blueprint {
    /// The settings.
    pub config: Config,
    /// By host name.
    pub hosts: HostTable,
    /// One per entry of `config.sites`, in the same order.
    pub sites: Vec<Arc<Site>>,
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
    /// What all shards share.
    pub site: Arc<Site>,
    blueprint: Arc<Blueprint>,
    index: usize,
    shard_links: LinkTable,
}

impl Directory {
    /// `links` gives the table of a site's links on this shard.
    pub(super) fn new(blueprint: &Arc<Blueprint>, mut links: impl FnMut(&Site) -> LinkTable) -> Self {
        let sites = blueprint.sites.iter().enumerate().map(|(index, site)| {
            let shard_links = links(site);
            Rc::new(SiteHere { site: site.clone(), blueprint: blueprint.clone(), index, shard_links })
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

    /// Bounds on what a client may send, for the parser.
    pub fn http_limits(&self) -> &Rc<http::Limits> {
        &self.http_limits
    }

    /// The site of this host name, or the default one. `None` for a request without a host: only the default.
    pub fn find(&self, host: Option<&str>) -> Option<&Rc<SiteHere>> {
        let hosts = &self.blueprint.as_ref()?.hosts;
        hosts.find(host.unwrap_or_default()).map(|index| &self.sites[index])
    }

    /// The site with this id.
    pub fn by_id(&self, id: u64) -> Option<&Rc<SiteHere>> {
        self.sites.iter().find(|here| here.site.id() == id)
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
            before.leave(swiftiply_wire::GoodbyeCode::Replaced, "the backend has brought a newer link");
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

    /// The backend drains.
    pub fn drain(&self, key: BackendKey) {
        self.site.drain(key);
    }
}
