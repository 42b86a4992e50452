//! Each rule by itself.

use swiftiply::site::{BackendKey, Dispatch, Full, Grant, Pick, Placed, Service, Ticket};

type Site = Dispatch<&'static str>;

fn site() -> Site {
    Dispatch::new(1000, Pick::LongestIdle)
}

fn in_service(site: &mut Site, slots: u16) -> BackendKey {
    let backend = site.add(slots);
    assert_eq!(site.resume(backend), [], "nobody waited");
    backend
}

fn granted(site: &mut Site, waiter: &'static str) -> BackendKey {
    match site.submit(waiter) {
        Ok(Placed::Granted(grant)) => grant.backend,
        other => panic!("{waiter} should have a slot: {other:?}"),
    }
}

fn waiting(site: &mut Site, waiter: &'static str) -> Ticket {
    match site.submit(waiter) {
        Ok(Placed::Waiting(ticket)) => ticket,
        other => panic!("{waiter} should wait: {other:?}"),
    }
}

fn grant(waiter: &'static str, backend: BackendKey) -> Grant<&'static str> {
    Grant { waiter, backend }
}

#[test]
fn a_request_goes_only_to_a_backend_with_a_free_slot() {
    let mut site = site();
    let (one, two) = (in_service(&mut site, 1), in_service(&mut site, 2));
    let mut backends: Vec<_> = ["a", "b", "c"].map(|id| granted(&mut site, id)).into();
    backends.sort();
    assert_eq!(backends, [one, two, two]);
    waiting(&mut site, "d");
    assert_eq!(site.counts().in_flight, 3);
}

#[test]
fn the_least_busy_process_wins_then_the_longest_idle() {
    let mut site = site();
    let large = in_service(&mut site, 4);
    let small = in_service(&mut site, 2);
    assert_eq!(granted(&mut site, "both idle, large for longer"), large);
    assert_eq!(granted(&mut site, "1/4 against 0/2"), small);
    assert_eq!(granted(&mut site, "1/4 against 1/2"), large);
    assert_eq!(granted(&mut site, "2/4 against 1/2, small for longer"), small);
    assert_eq!(granted(&mut site, "2/4 against 2/2"), large);
    site.release(large);
    site.release(small);
    assert_eq!(granted(&mut site, "2/4 against 1/2, large for longer"), large);
}

#[test]
fn how_busy_a_process_is_is_compared_exactly() {
    let mut site = site();
    let third = in_service(&mut site, 3);
    assert_eq!(granted(&mut site, "alone"), third);
    let large = in_service(&mut site, u16::MAX);
    for _ in 0..21_844 {
        assert_eq!(granted(&mut site, "less than 1/3"), large);
    }
    assert_eq!(granted(&mut site, "21844/65535 is still less, though not for long"), large);
    assert_eq!(granted(&mut site, "21845/65535 is 1/3, and 1/3 has been so for longer"), third);
    assert_eq!(granted(&mut site, "1/3 against 2/3"), large);
}

#[test]
fn a_freed_slot_is_handed_to_the_first_waiting_request() {
    let mut site = site();
    let backend = in_service(&mut site, 1);
    granted(&mut site, "running");
    waiting(&mut site, "first");
    waiting(&mut site, "second");
    assert_eq!(site.release(backend), Some(grant("first", backend)));
    assert_eq!(site.release(backend), Some(grant("second", backend)));
    assert_eq!(site.release(backend), None);
    assert_eq!(site.counts().free, 1);
}

#[test]
fn a_request_is_held_while_there_is_no_backend_at_all() {
    let mut site = site();
    waiting(&mut site, "first");
    waiting(&mut site, "second");
    waiting(&mut site, "third");
    let backend = site.add(2);
    assert_eq!(site.waiting(), 3, "accepted, but its links are not up");
    let grants = site.resume(backend);
    assert_eq!(grants, [grant("first", backend), grant("second", backend)]);
    assert_eq!(site.waiting(), 1);
}

#[test]
fn the_queue_is_bounded() {
    let mut site = Site::new(2, Pick::LongestIdle);
    waiting(&mut site, "first");
    let second = waiting(&mut site, "second");
    assert_eq!(site.submit("third"), Err(Full("third")));
    site.leave(second);
    waiting(&mut site, "third, again");
    site.set_queue_max(3);
    waiting(&mut site, "fourth");
    assert_eq!(site.submit("fifth"), Err(Full("fifth")));
}

#[test]
fn a_client_that_left_is_never_dispatched() {
    let mut site = site();
    let backend = in_service(&mut site, 1);
    granted(&mut site, "running");
    let tickets = ["first", "middle", "last", "stays"].map(|id| waiting(&mut site, id));
    for (ticket, id) in tickets.into_iter().zip(["first", "middle", "last"]) {
        assert_eq!(site.leave(ticket), Some(id));
        assert_eq!(site.leave(ticket), None, "once");
    }
    assert_eq!(site.release(backend), Some(grant("stays", backend)));
    assert_eq!(site.release(backend), None);
}

#[test]
fn a_client_that_leaves_after_its_grant_still_owes_the_slot() {
    let mut site = site();
    let backend = in_service(&mut site, 1);
    granted(&mut site, "running");
    let ticket = waiting(&mut site, "leaves too late");
    site.release(backend);
    assert_eq!(site.leave(ticket), None);
    waiting(&mut site, "next");
    assert_eq!(site.release(backend), Some(grant("next", backend)));
}

#[test]
fn a_spent_ticket_does_not_take_out_whoever_stands_there_now() {
    let mut site = site();
    let spent = waiting(&mut site, "left");
    site.leave(spent);
    waiting(&mut site, "in the same place");
    assert_eq!(site.leave(spent), None);
    assert_eq!(site.turn_away(), ["in the same place"]);
}

#[test]
fn a_draining_backend_gets_nothing_new() {
    let mut site = site();
    let old = in_service(&mut site, 2);
    granted(&mut site, "running");
    site.drain(old);
    waiting(&mut site, "waits for the new process");
    assert_eq!(site.release(old), None);
    assert_eq!(site.resume(old), [], "draining is for good");
    assert_eq!(site.set_slots(old, 3), []);
    let new = site.add(1);
    assert_eq!(site.resume(new), [grant("waits for the new process", new)]);
    let gone = site.remove(old).map(|backend| (backend.in_flight, backend.service));
    assert_eq!(gone, Some((0, Service::Draining)));
}

#[test]
fn a_suspended_backend_gets_nothing_but_keeps_what_it_has() {
    let mut site = site();
    let backend = in_service(&mut site, 3);
    granted(&mut site, "goes on");
    granted(&mut site, "ends");
    site.suspend(backend);
    waiting(&mut site, "waits");
    assert_eq!(site.release(backend), None);
    assert_eq!(site.counts().in_flight, 1);
    assert_eq!(site.counts().withheld, 2);
    assert_eq!(site.resume(backend), [grant("waits", backend)]);
}

#[test]
fn a_backend_that_dies_takes_its_slots_with_it_and_its_requests_come_first() {
    let mut site = site();
    let dies = in_service(&mut site, 2);
    granted(&mut site, "replayed");
    granted(&mut site, "replayed too");
    waiting(&mut site, "new");
    assert_eq!(site.remove(dies).map(|backend| backend.in_flight), Some(2));
    for id in ["replayed", "replayed too"] {
        assert!(matches!(site.resubmit_first(id), Placed::Waiting(_)));
    }
    assert_eq!(site.release(dies), None, "a late release of a dead backend's slot");
    let lives = site.add(3);
    let order = site.resume(lives).into_iter().map(|grant| grant.waiter);
    assert_eq!(order.collect::<Vec<_>>(), ["replayed", "replayed too", "new"]);
}

#[test]
fn a_replay_is_accepted_even_when_the_queue_is_full() {
    let mut site = Site::new(1, Pick::LongestIdle);
    let dies = in_service(&mut site, 1);
    granted(&mut site, "replayed");
    waiting(&mut site, "new");
    site.remove(dies);
    assert!(matches!(site.resubmit_first("replayed"), Placed::Waiting(_)));
    assert_eq!(site.turn_away(), ["replayed", "new"]);
}

#[test]
fn a_key_is_never_given_to_another_backend() {
    let mut site = site();
    let gone = in_service(&mut site, 1);
    site.remove(gone);
    let new = in_service(&mut site, 1);
    assert_eq!(gone.index(), new.index(), "the small number is reused");
    granted(&mut site, "running on the new one");
    let before = site.backend(new).copied();
    assert_eq!(site.release(gone), None);
    assert_eq!(site.remove(gone), None);
    assert_eq!(site.set_slots(gone, 9), []);
    site.suspend(gone);
    site.drain(gone);
    assert!(matches!(site.refuse(gone, "waits for the new one"), Placed::Waiting(_)));
    assert_eq!(site.backend(new).copied(), before);
    assert_eq!(site.backend(gone), None);
}

#[test]
fn slots_that_shrink_take_nothing_away_and_give_nothing_out_until_below() {
    let mut site = site();
    let backend = in_service(&mut site, 3);
    for id in ["a", "b", "c"] {
        granted(&mut site, id);
    }
    waiting(&mut site, "waits");
    assert_eq!(site.set_slots(backend, 1), []);
    assert_eq!((site.counts().in_flight, site.counts().busy), (3, 1));
    assert_eq!(site.release(backend), None);
    assert_eq!(site.release(backend), None);
    assert_eq!(site.release(backend), Some(grant("waits", backend)));
}

#[test]
fn slots_that_grow_are_used_at_once() {
    let mut site = site();
    let backend = in_service(&mut site, 0);
    waiting(&mut site, "first");
    waiting(&mut site, "second");
    let grants = site.set_slots(backend, 3);
    assert_eq!(grants, [grant("first", backend), grant("second", backend)]);
    assert_eq!(site.counts().free, 1);
}

#[test]
fn a_refused_request_goes_to_another_backend() {
    let mut site = site();
    let refuses = in_service(&mut site, 2);
    let takes = in_service(&mut site, 2);
    assert_eq!(granted(&mut site, "refused"), refuses);
    assert_eq!(site.refuse(refuses, "refused"), Placed::Granted(grant("refused", takes)));
    assert_eq!(granted(&mut site, "next"), takes, "it has no slot for us, idle as it seems");
}

#[test]
fn a_backend_that_refused_is_asked_again_when_it_has_a_slot() {
    let mut site = site();
    let backend = in_service(&mut site, 2);
    granted(&mut site, "running");
    granted(&mut site, "refused");
    assert!(matches!(site.refuse(backend, "refused"), Placed::Waiting(_)));
    waiting(&mut site, "new");
    assert_eq!(site.release(backend), Some(grant("refused", backend)), "one of ours ended");
    assert_eq!(site.set_slots(backend, 2), [grant("new", backend)], "another proxy's ended");
}

#[test]
fn word_of_a_free_slot_counts_also_before_the_refused_request_has_asked_again() {
    let mut site = site();
    let backend = in_service(&mut site, 1);
    granted(&mut site, "refused");
    site.withhold(backend);
    assert!(site.set_slots(backend, 1).is_empty());
    assert_eq!(site.give_back(backend, "refused"), Placed::Granted(grant("refused", backend)));
}

#[test]
fn a_random_pick_is_among_the_least_busy_and_reaches_them_all() {
    let mut site = Dispatch::new(0, Pick::Random(1));
    let busy = in_service(&mut site, 2);
    granted(&mut site, "running");
    let idle: Vec<_> = (0..8).map(|_| in_service(&mut site, 2)).collect();
    let mut picked = Vec::new();
    for _ in 0..200 {
        let backend = granted(&mut site, "short");
        site.release(backend);
        picked.push(backend);
    }
    assert!(!picked.contains(&busy));
    assert!(idle.iter().all(|backend| picked.contains(backend)));
}
