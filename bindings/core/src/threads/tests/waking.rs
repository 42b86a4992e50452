//! Who is woken for what: one table of situations, without a thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags};

use super::super::waiters::{After, Leader, Waiters};
use super::super::work::Done;
use crate::connector::LinkId;
use crate::connector::tests::Scene as Core;
use crate::driver::Want;
use crate::limits::{SLACK_TICK, TICK, VAIN_TICKS_MAX};
use crate::socket::Sockets;

/// Threads that wait for requests, a core with one link, and no I/O.
struct Scene {
    core: Core,
    link: LinkId,
    sockets: Sockets,
    waiters: Waiters,
    streams: u32,
}

impl Scene {
    /// `parked` threads, of which the last has the highest number.
    fn new(parked: u64, computes: bool) -> Self {
        let (core, link) = Core::serving(16);
        let epoll = Arc::new(epoll::create(CreateFlags::CLOEXEC).unwrap());
        let mut waiters = Waiters::default();
        for _ in 0..parked {
            let id = waiters.enter(Want::Request);
            waiters.park(id);
        }
        let second = Duration::from_secs(1);
        let (computed, waited) = if computes { (second, Duration::ZERO) } else { (Duration::ZERO, second) };
        waiters.pace.ended(Some(Done { computed, waited }), Instant::now());
        assert_eq!(waiters.pace.computes(), computes);
        let mut scene = Self { core, link, sockets: Sockets::new(epoll), waiters, streams: 0 };
        scene.core.connector.notices.pop();
        scene.core.connector.take_hurry();
        scene
    }

    fn read_requests(&mut self, count: u32) {
        for _ in 0..count {
            self.streams += 1;
            self.core.request(self.link, self.streams, "GET");
        }
    }

    /// Settles, and says who is woken.
    fn woken(&mut self, after: After) -> Vec<u64> {
        let parked = self.waiters.parked();
        drop(self.waiters.settle(&mut self.core.connector, &self.sockets, after));
        parked.into_iter().filter(|id| !self.waiters.parked().contains(id)).collect()
    }

    /// How often the keeper looks now.
    fn ticks(&self) -> Option<Duration> {
        self.waiters.ticks_every(&self.core.connector)
    }
}

#[test]
fn an_app_that_waits_gets_a_thread_for_each_request_the_one_that_parked_last_first() {
    let mut scene = Scene::new(4, false);
    scene.read_requests(2);
    assert_eq!(scene.woken(After::Change), [3, 4]);
    assert_eq!(scene.woken(After::Change), [], "they are awake");
}

#[test]
fn the_leader_of_an_app_that_waits_is_followed_at_once() {
    let mut scene = Scene::new(3, false);
    assert_eq!(scene.woken(After::Change), [3]);
    assert_eq!(scene.ticks(), None, "somebody will watch");
}

#[test]
fn an_app_that_computes_is_one_threads_who_is_watched_by_the_keeper() {
    let mut scene = Scene::new(3, true);
    let leader = scene.waiters.enter(Want::Request);
    assert!(scene.waiters.lead(leader));
    assert_eq!(scene.ticks(), None, "it is idle");
    scene.read_requests(3);
    assert!(scene.waiters.come(scene.core.connector.ready()));
    scene.waiters.leave(leader);
    assert_eq!(scene.woken(After::Change), []);
    assert_eq!(scene.ticks(), Some(TICK));
    scene.waiters.has_come();
    for _ in 0..3 {
        scene.core.connector.take().unwrap();
        assert_eq!(scene.woken(After::Change), []);
        assert_eq!(scene.ticks(), Some(TICK));
    }
}

#[test]
fn requests_that_are_read_by_who_takes_none_get_one_thread_if_the_app_computes() {
    let mut scene = Scene::new(3, true);
    scene.read_requests(2);
    assert_eq!(scene.woken(After::Look), [3]);
    assert_eq!(scene.woken(After::Look), []);
}

#[test]
fn a_leader_that_may_not_come_back_is_followed_even_if_the_app_computes() {
    let mut scene = Scene::new(2, true);
    let leader = scene.waiters.enter(Want::Request);
    assert!(scene.waiters.lead(leader));
    scene.waiters.leave(leader);
    assert_eq!(scene.woken(After::Look), [2]);
}

#[test]
fn one_thread_is_on_its_way_to_each_request_and_no_more() {
    let mut scene = Scene::new(3, false);
    scene.read_requests(2);
    let ready = scene.core.connector.ready();
    assert!(scene.waiters.come(ready) && scene.waiters.come(ready));
    assert!(!scene.waiters.come(ready));
    scene.waiters.leader = Leader::Visitor;
    assert_eq!(scene.woken(After::Change), []);
    scene.waiters.nothing_moves();
    assert_eq!(scene.woken(After::Change), [2, 3], "who was on his way for too long does not count");
}

#[test]
fn a_leader_is_not_disturbed_for_a_request_that_another_thread_is_on_its_way_to() {
    let mut scene = Scene::new(0, false);
    scene.read_requests(1);
    assert!(scene.waiters.come(1));
    let leader = scene.waiters.enter(Want::Request);
    assert!(scene.waiters.lead(leader));
    let Scene { core, sockets, waiters, .. } = &mut scene;
    assert!(!waiters.settle(&mut core.connector, sockets, After::Change).poke);
    waiters.has_come();
    assert!(waiters.settle(&mut core.connector, sockets, After::Change).poke);
}

#[test]
fn the_keeper_looks_at_leisure_while_all_threads_run_an_app_that_waits() {
    let mut scene = Scene::new(0, false);
    scene.woken(After::Change);
    assert_eq!(scene.ticks(), Some(SLACK_TICK));
}

#[test]
fn the_keeper_sleeps_when_it_has_looked_in_vain_for_a_while() {
    let mut keeper = Waiters::default().keeper;
    let now = Instant::now();
    assert_eq!(keeper.fall_asleep(None, None, now), None, "it does not begin to tick by itself");
    assert_eq!(keeper.fall_asleep(None, Some(TICK), now), Some(TICK));
    assert_eq!(keeper.fall_asleep(Some(now + TICK / 2), Some(TICK), now), Some(TICK / 2), "something is due");
    for _ in 0..VAIN_TICKS_MAX {
        assert_eq!(keeper.fall_asleep(None, None, now), Some(TICK));
    }
    assert_eq!(keeper.fall_asleep(Some(now + TICK * 9), None, now), Some(TICK * 9));
    assert_eq!(keeper.fall_asleep(None, None, now), None);
}

#[test]
fn a_leader_is_not_disturbed_for_what_the_thread_that_computes_comes_back_for() {
    for (computes, is_poked) in [(true, false), (false, true)] {
        let mut scene = Scene::new(0, computes);
        scene.read_requests(2);
        let leader = scene.waiters.enter(Want::Request);
        assert!(scene.waiters.lead(leader));
        let Scene { core, sockets, waiters, .. } = &mut scene;
        assert_eq!(waiters.settle(&mut core.connector, sockets, After::Change).poke, is_poked);
        assert!(waiters.settle(&mut core.connector, sockets, After::Look).poke, "who read it takes none");
    }
}
