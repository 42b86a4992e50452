//! A change of processes without a lost request: another one takes this one's place, or this one that of another.
//! `channel` draws what they say to each other.
//!
//! Both have the same listening sockets, so nothing that waits in their queues is lost, whoever goes. First the doors
//! change hands, and backends are told to dial anew; only when they have come to the new process does it take clients,
//! so that no request waits for a backend that is still on its way. The old process keeps the links that it has, for the
//! requests of its last clients.

use std::io;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{sleep, timeout};

use super::control::{Control, Ending, by_address};
use super::predecessor::Said as FromPredecessor;
use super::successor::{Estate, Said as FromSuccessor, Successor};
use super::{Event, News, NewsReceiver, Pidfile, Seat, notify};
use crate::config::{Outgoing, PoolIndex, SiteIndex};
use crate::shard::Order;

/// How long a new process waits until as many backends have come as the old one had; whoever has not come by then is
/// waited for like any other backend, while requests are held.
const BACKENDS_TIME: Duration = Duration::from_secs(3);

/// How often it looks.
const BACKENDS_CHECK: Duration = Duration::from_millis(2);

/// The old process.
impl Control {
    /// Starts the process that is to take this one's place.
    pub(super) fn upgrade(&mut self) {
        if self.successor.is_some() {
            return tracing::warn!("an upgrade is under way already");
        }
        if std::process::id() == 1 {
            return tracing::error!(
                "this is process 1, whose end is that of all others: replace the container, or run the proxy under an init"
            );
        }
        let Some(seat) = &self.seat else {
            return tracing::error!("this proxy is part of another program and cannot be replaced");
        };
        if self.has_predecessor() {
            return tracing::warn!("this process has not taken its predecessor's place yet");
        }
        let started =
            estate(self, seat).and_then(|estate| Successor::start(&seat.program, estate, self.news.clone()));
        let file = seat.program.file().display();
        match started {
            Ok(successor) => {
                tracing::info!("upgrade: {file} starts as process {}", successor.pid);
                self.successor = Some(successor);
            }
            Err(error) => tracing::error!(
                "the upgrade failed, this process serves on: {file} cannot be started ({error})"
            ),
        }
    }

    pub(super) fn hear_successor(&mut self, said: FromSuccessor) -> Option<Ending> {
        match said {
            FromSuccessor::Ready => {
                self.send_backends();
                None
            }
            FromSuccessor::Serving => {
                self.hand_over();
                Some(Ending::Replaced)
            }
            FromSuccessor::Failed(why) => {
                tracing::error!("the upgrade failed, this process serves on: {why}");
                self.keep_backends();
                None
            }
        }
    }

    /// Whoever dials now reaches the new process.
    fn send_backends(&mut self) {
        let Some(successor) = &self.successor else { return };
        for door in self.doors.values_mut() {
            door.leave();
        }
        self.tell_shards(|| Order::SendBackends);
        let pools = by_address(&self.blueprint.config);
        let backends = pools.into_iter().map(|(address, index)| (self.in_service(index), address.clone()));
        successor.come(backends.filter(|(backends, _)| *backends > 0));
        tracing::info!("upgrade: process {} is ready; backends are sent to it", successor.pid);
    }

    /// The new process failed: backends that dial again find this one.
    fn keep_backends(&mut self) {
        self.successor = None;
        self.tell_shards(|| Order::KeepBackends);
        for door in self.doors.values_mut() {
            if let Err(error) = door.attend(&self.hall) {
                tracing::error!("no backend can be let in: {error}");
            }
        }
        if std::mem::take(&mut self.owes_reload) {
            self.reload();
        }
    }

    /// The new process is in this one's place.
    fn hand_over(&mut self) {
        let Some(successor) = self.successor.take() else { return };
        for door in self.doors.values_mut() {
            door.door_mut().hand_over();
        }
        if let Some(pidfile) =
            self.seat.as_mut().and_then(|seat| seat.pidfile.take_if(|file| file.names(successor.pid)))
        {
            pidfile.hand_over();
        }
        notify::replaced_by(successor.pid);
        tracing::info!("upgrade: process {} has taken this one's place", successor.pid);
        if self.owes_reload {
            // It may have read its configuration before that was asked for.
            let _ = kill(Pid::from_raw(successor.pid as i32), Signal::SIGHUP);
        }
    }

    /// A reload now would change what the new process inherits; it is made up for.
    pub(super) fn reload_or_owe(&mut self) {
        match self.successor.is_some() || self.has_predecessor() {
            true => self.owes_reload = true,
            false => self.reload(),
        }
    }
}

fn estate(control: &Control, seat: &Seat) -> io::Result<Estate> {
    let mut sockets = Vec::new();
    for clients in &control.clients {
        sockets.extend(clients.heirlooms()?);
    }
    for door in control.doors.values() {
        sockets.extend(door.door().heirlooms()?);
    }
    Ok(Estate { sockets, pidfile: seat.pidfile.as_ref().map(Pidfile::heirloom).transpose()? })
}

const GONE: &str = "the process that it was to replace has ended, or has given it up";

/// What ends the wait for backends: a stop, or the predecessor's end. All else is for later.
async fn end_of_news(news: &mut NewsReceiver, later: &mut Vec<News>) -> Option<News> {
    loop {
        match news.recv().await? {
            heard @ (News::Told(Event::Stop) | News::Predecessor(FromPredecessor::Gone)) => {
                return Some(heard);
            }
            other => later.push(other),
        }
    }
}

/// The new process.
impl Control {
    pub(super) async fn hear_predecessor(
        &mut self,
        said: FromPredecessor,
        news: &mut NewsReceiver,
    ) -> io::Result<Option<Ending>> {
        match said {
            FromPredecessor::Come(backends) => self.take_place(&backends, news).await,
            FromPredecessor::Gone if self.has_predecessor() => Err(io::Error::other(GONE)),
            FromPredecessor::Gone => Ok(None),
        }
    }

    /// Takes clients, as soon as those backends are here that the old process had.
    async fn take_place(
        &mut self,
        backends: &[(usize, Outgoing)],
        news: &mut NewsReceiver,
    ) -> io::Result<Option<Ending>> {
        let mut meanwhile = Vec::new();
        tokio::select! {
            _ = timeout(BACKENDS_TIME, self.until_here(backends)) => {}
            heard = end_of_news(news, &mut meanwhile) => match heard {
                Some(News::Predecessor(_)) => return Err(io::Error::other(GONE)),
                _ => return Ok(Some(Ending::NotNeeded)),
            },
        }
        self.take_clients()?;
        self.take_what_was_the_predecessors()?;
        notify::ready();
        for heard in meanwhile {
            let _ = self.news.send(heard);
        }
        if std::mem::take(&mut self.owes_reload) {
            self.reload();
        }
        Ok(None)
    }

    fn has_predecessor(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.predecessor.is_some())
    }

    fn take_what_was_the_predecessors(&mut self) -> io::Result<()> {
        for door in self.doors.values_mut() {
            door.door_mut().take_over();
        }
        let Some(seat) = &mut self.seat else { return Ok(()) };
        let Some(mut predecessor) = seat.predecessor.take() else { return Ok(()) };
        if let Some((path, file)) = predecessor.pidfile.take() {
            match Pidfile::take_over(path, file) {
                Ok(pidfile) => seat.pidfile = Some(pidfile),
                Err(error) => tracing::error!("{error}"),
            }
        }
        tracing::info!("upgrade: serving in the old process's place");
        predecessor.replace()
    }

    async fn until_here(&self, backends: &[(usize, Outgoing)]) {
        let pools = by_address(&self.blueprint.config);
        let are_here = |(backends, address): &(usize, Outgoing)| {
            pools.get(address).is_none_or(|&index| self.in_service(index) >= *backends)
        };
        while !backends.iter().all(are_here) {
            sleep(BACKENDS_CHECK).await;
        }
    }

    fn in_service(&self, (site, pool): (SiteIndex, PoolIndex)) -> usize {
        self.blueprint.sites[site].pools[pool].site.counts().in_service
    }
}
