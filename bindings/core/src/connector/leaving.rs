//! Links that end, and the end of all of them.

use std::time::{Duration, Instant};

use swiftiply_wire::{GoodbyeCode, ResetCode, ToProxy};

use super::link::{Alarm, Refused};
use super::{Connector, Happened, LinkId, Phase};
use crate::exchange::Gone;
use crate::notice::{Level, NoticeKind};

impl Connector {
    /// Does what the time has brought: pings, and links that are given up.
    pub(crate) fn tick(&mut self, now: Instant) {
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            match self.links.get_mut(&id).and_then(|link| link.tick(now)) {
                None => {}
                Some(Alarm::Pinged) => self.queue(id),
                Some(Alarm::Silent) => {
                    self.end_link(id, GoodbyeCode::Silence, "nothing was heard for too long", now)
                }
                Some(Alarm::NoWelcome) => {
                    let why = "it took the connection and did not say anything; check that this is the site's address for its backends";
                    self.refused(id, &Refused { fatal: false, why: why.into() }, now);
                }
                Some(Alarm::Lingered) => self.remove_link(id),
            }
        }
    }

    /// The link's connection broke, or the other side closed it.
    pub(crate) fn lost(&mut self, id: LinkId, why: &str, now: Instant) {
        let Some(link) = self.links.get(&id) else { return };
        if !link.is_welcome() && !link.is_closing() {
            let why = format!(
                "it closed the connection ({why}); check that this is the site's address for its backends"
            );
            return self.refused(id, &Refused { fatal: false, why }, now);
        }
        self.give_up_place(id, now, why);
        self.remove_link(id);
    }

    /// The proxy broke the protocol: it is told so, and the link ends.
    pub(super) fn breached(&mut self, id: LinkId, what: &str, now: Instant) {
        let Some(link) = self.links.get(&id) else { return };
        let address = &self.proxies[link.proxy].address;
        let text = format!(
            "the proxy at {address} {what}; the link is closed and dialled again. Is it of another version?"
        );
        self.note(Level::Error, NoticeKind::Lost, text);
        self.end_link(id, GoodbyeCode::Breach, &format!("the proxy {what}"), now);
    }

    /// We give the link up, and say why.
    fn end_link(&mut self, id: LinkId, code: GoodbyeCode, why: &str, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.part(code, why);
        self.queue(id);
        self.give_up_place(id, now, why);
        self.abandon_exchanges(id, Gone::LinkLost);
        self.hurried = true;
    }

    /// The proxy goes down or is replaced: what comes on its links is finished, and its address is dialled anew, at
    /// once: a successor may answer there.
    pub(super) fn proxy_drains(&mut self, id: LinkId) {
        let proxy = &mut self.proxies[self.links[&id].proxy];
        self.hurried = true;
        if proxy.goes_down(id) && std::mem::take(&mut proxy.is_connected) {
            let address = &proxy.address;
            let text = format!(
                "the proxy at {address} goes down or is replaced; what has begun is finished, and it is dialled again"
            );
            self.note(Level::Info, NoticeKind::ProxyClosing, text);
        }
    }

    /// The proxy said goodbye.
    pub(super) fn parted(&mut self, id: LinkId, code: GoodbyeCode, reason: &str, now: Instant) {
        let why = match (code, reason) {
            (GoodbyeCode::Done, "") => "it is going down",
            (_, "") => "it said goodbye without a reason",
            (_, reason) => reason,
        };
        if let (GoodbyeCode::Replaced, Some(link)) = (code, self.links.get(&id)) {
            self.proxies[link.proxy].yield_to_other();
        }
        self.lost(id, why, now);
    }

    /// Asks every proxy to send nothing new, and ends when all exchanges are over.
    pub(crate) fn drain(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Draining;
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            let Some(link) = self.links.get_mut(&id) else { continue };
            if link.is_welcome() {
                link.drain();
                self.queue(id);
                self.leave_if_done(id);
            } else {
                // Its welcome may be on its way, and then the proxy counts on it already.
                link.part(GoodbyeCode::Done, "");
                self.queue(id);
            }
        }
        self.hurried = true;
        self.end_if_drained();
    }

    /// Ends everything at once. The caller sends what is queued, and closes each link after that with
    /// [`Connector::close`].
    pub(crate) fn stop(&mut self) {
        if self.phase == Phase::Ended {
            return;
        }
        self.phase = Phase::Stopping;
        let places: Vec<usize> = self.exchanges.iter().map(|(place, _)| place).collect();
        for place in places {
            match self.exchanges[place].head {
                Some(_) => self.give_back(place),
                None => self.stop_exchange(place),
            }
        }
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            if let Some(link) = self.links.get_mut(&id) {
                link.part(GoodbyeCode::Done, "the backend was stopped");
                self.queue(id);
            }
        }
        self.end_if_drained();
    }

    /// Closes a link as it is.
    pub(crate) fn close(&mut self, id: LinkId) {
        self.remove_link(id);
    }

    /// A link that was only waiting for its last stream says goodbye.
    pub(super) fn leave_if_done(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| link.has_left()) {
            link.part(GoodbyeCode::Done, "");
            self.queue(id);
            self.hurried = true;
        }
    }

    /// Forgets a link; its socket is to be closed.
    pub(super) fn remove_link(&mut self, id: LinkId) {
        self.abandon_exchanges(id, Gone::LinkLost);
        if self.links.remove(&id).is_some() {
            self.closed.push(id);
            self.hurried = true;
        }
        self.end_if_drained();
    }

    fn end_if_drained(&mut self) {
        if matches!(self.phase, Phase::Draining | Phase::Stopping) && self.links.is_empty() {
            self.phase = Phase::Ended;
            for proxy in &mut self.proxies {
                proxy.is_connected = false;
            }
            self.note(Level::Info, NoticeKind::Drained, "all links are closed".into());
        }
    }

    /// The link's place at its proxy is empty, and dialled again. The log is told when the proxy was connected.
    fn give_up_place(&mut self, id: LinkId, now: Instant, why: &str) {
        self.pass_on_refusal(id);
        let proxy = &mut self.proxies[self.links[&id].proxy];
        if !proxy.lost(id) {
            return;
        }
        proxy.put_off_dials(now, Duration::ZERO, &mut self.chance);
        self.hurried = true;
        let was_connected = std::mem::take(&mut proxy.is_connected);
        let text = format!("lost the proxy at {} ({why}); dialling it again", proxy.address);
        if was_connected && self.phase == Phase::Serving {
            self.note(Level::Warning, NoticeKind::Lost, text);
        }
        self.tell_slots(false);
    }

    /// The proxy still waits for word of a free slot, and hears of it on another link.
    fn pass_on_refusal(&mut self, id: LinkId) {
        let Some(lost) = self.links.get_mut(&id).filter(|link| link.has_refused) else { return };
        lost.has_refused = false;
        let proxy = lost.proxy;
        let other = self
            .links
            .iter_mut()
            .find(|(other, link)| **other != id && link.proxy == proxy && link.is_open());
        if let Some((_, link)) = other {
            link.has_refused = true;
        }
    }

    fn abandon_exchanges(&mut self, id: LinkId, gone: Gone) {
        let streams = self.links.get_mut(&id).map(|link| std::mem::take(&mut link.streams));
        for place in streams.into_iter().flatten().map(|(_, place)| place) {
            self.abandon(place, gone);
        }
    }

    /// The exchange has no link any more. If the app has not seen it, it never was.
    fn abandon(&mut self, place: usize, gone: Gone) {
        let exchange = &mut self.exchanges[place];
        exchange.link = None;
        if exchange.head.is_some() {
            self.ready.retain(|ready| *ready != place);
            self.exchanges.remove(place);
            self.slot_is_free();
            return;
        }
        let ended = exchange.reply.has_ended();
        exchange.gone.get_or_insert(gone);
        exchange.body.cut(gone.into());
        self.tell_reader(place);
        if !ended {
            self.tell_writer(place);
            self.tell(place, Happened::Disconnected);
        }
    }

    fn stop_exchange(&mut self, place: usize) {
        let exchange = &mut self.exchanges[place];
        if exchange.reply.has_ended() {
            return;
        }
        exchange.gone = Some(Gone::Stopped);
        exchange.body.cut(Gone::Stopped.into());
        self.reset(place, ResetCode::Stopping, "the backend was stopped");
        self.tell_reader(place);
        self.tell_writer(place);
        self.tell(place, Happened::Disconnected);
    }

    /// A request that the app has not seen goes back to the proxy.
    pub(super) fn give_back(&mut self, place: usize) {
        let exchange = &self.exchanges[place];
        let (link, stream) = (exchange.link, exchange.stream);
        self.ready.retain(|ready| *ready != place);
        self.exchanges.remove(place);
        self.slot_is_free();
        if let Some(id) = link {
            self.say(id, &ToProxy::Refuse(stream));
            self.unmap(id, stream);
        }
    }
}
