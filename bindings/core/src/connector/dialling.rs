//! Which links there are to be: dials, welcomes and refusals.

use std::time::{Duration, Instant};

use swiftiply_wire::{Hello, LinkIndex, Nonce, ToProxy, VERSION_MAX, VERSION_MIN, Welcome};

use super::link::{Link, Refused};
use super::{Connector, DialId, LinkId, Phase, WINDOW};
use crate::Address;
use crate::limits::REDIAL_REFUSED;
use crate::notice::{Level, NoticeKind};

/// A connection that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dial {
    pub(crate) id: DialId,
    pub(crate) address: Address,
    proxy: usize,
}

impl Connector {
    /// A connection that is due; each is given out once, and ends in [`Connector::dialled`] or
    /// [`Connector::dial_failed`].
    pub(crate) fn next_dial(&mut self, now: Instant) -> Option<Dial> {
        if self.phase != Phase::Serving {
            return None;
        }
        let id = DialId(self.dials_so_far + 1);
        let proxy = (0..self.proxies.len()).find(|&proxy| {
            !self.proxies[proxy].yields(&self.proxies) && self.proxies[proxy].begin_dial(id, now)
        })?;
        self.dials_so_far += 1;
        Some(Dial { id, address: self.proxies[proxy].address.clone(), proxy })
    }

    /// The connection is there. `None` if it is not wanted any more. The caller puts the link's socket in its place
    /// before it sends what is queued.
    pub(crate) fn dialled(&mut self, dial: &Dial, nonce: Nonce, now: Instant) -> Option<LinkId> {
        if self.phase != Phase::Serving {
            return None;
        }
        let id = LinkId(self.links_so_far + 1);
        let shard = self.proxies[dial.proxy].dialled(dial.id, id)?;
        self.links_so_far += 1;
        let hello = self.hello(shard.map_or(LinkIndex::First, LinkIndex::Shard), nonce);
        self.links.insert(id, Link::greet(dial.proxy, hello, now));
        self.queue(id);
        self.hurried = true;
        Some(id)
    }

    /// There is no connection, and why.
    pub(crate) fn dial_failed(&mut self, dial: &Dial, why: &str, now: Instant) {
        let proxy = &mut self.proxies[dial.proxy];
        proxy.dial_failed(dial.id);
        proxy.put_off_dials(now, Duration::ZERO, &mut self.chance);
        self.hurried = true;
        let text =
            format!("the proxy at {} does not answer ({why}); trying again until it does", dial.address);
        if self.phase == Phase::Serving && proxy.is_news(&text, now) {
            self.note(Level::Warning, NoticeKind::Unreachable, text);
        }
    }

    pub(super) fn welcomed(&mut self, id: LinkId, welcome: &Welcome) {
        let link = &self.links[&id];
        let slots_changed = link.hello_slots != self.slots;
        let proxy = &mut self.proxies[link.proxy];
        proxy.welcomed(id, welcome.proxy, welcome.shard, welcome.links);
        let is_speaker = proxy.speaker().is_some_and(|(speaker, _)| speaker == id);
        if is_speaker && slots_changed {
            self.say(id, &ToProxy::Slots(self.slots));
        }
        let proxy = &mut self.proxies[self.links[&id].proxy];
        self.hurried = true;
        if proxy.is_complete() && !proxy.is_connected {
            proxy.is_connected = true;
            let (address, links) = (&proxy.address, proxy.links());
            let plural = if links == 1 { "" } else { "s" };
            let text = format!("serving the proxy at {address} over {links} link{plural}");
            self.note(Level::Info, NoticeKind::Connected, text);
        }
    }

    pub(super) fn refused(&mut self, id: LinkId, refused: &Refused, now: Instant) {
        let Some(link) = self.links.get(&id) else { return };
        let proxy = &mut self.proxies[link.proxy];
        proxy.lost(id);
        let at_least = if refused.fatal { REDIAL_REFUSED } else { Duration::ZERO };
        proxy.put_off_dials(now, at_least, &mut self.chance);
        let text = format!("the proxy at {} was not joined: {}", proxy.address, refused.why);
        if proxy.is_news(&text, now) {
            let level = if refused.fatal { Level::Error } else { Level::Warning };
            self.note(level, NoticeKind::Refused { fatal: refused.fatal }, text);
        }
        self.remove_link(id);
    }

    fn hello(&self, link: LinkIndex, nonce: Nonce) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            backend: self.identity.backend,
            link,
            // Zero is a pause, and is said after the welcome.
            slots: self.slots.max(1),
            window: WINDOW,
            pid: self.identity.pid,
            nonce,
            language: self.language.clone(),
            adapter: self.adapter.clone(),
            host: self.identity.host.clone(),
            label: self.label.clone(),
        }
    }
}
