//! Every reachable state of a small site, and every call in it.

use std::collections::HashSet;

use swiftiply::site::{BackendKey, Pick};

use crate::twin::Twin;

/// The site is kept this small; within it nothing is left out.
struct Bounds {
    backends: usize,
    slots: u16,
    queue: usize,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Submit,
    /// The client at this place of the queue.
    Leave(usize),
    TurnAway,
    Add(u16),
    /// To the backend at this place.
    Resume(usize),
    Suspend(usize),
    Drain(usize),
    SetSlots(usize, u16),
    Release(usize),
    Refuse(usize),
    /// It dies, and this many of its requests come back.
    Remove(usize, usize),
}

#[test]
fn every_call_in_every_state_of_two_backends_keeps_every_invariant() {
    let states = explore(&Bounds { backends: 2, slots: 2, queue: 2 });
    assert!(states > 5_000, "only {states} states were reached");
}

#[test]
fn every_call_in_every_state_of_three_single_slot_backends_keeps_every_invariant() {
    let states = explore(&Bounds { backends: 3, slots: 1, queue: 1 });
    assert!(states > 1_000, "only {states} states were reached");
}

/// The twin compares and checks after every call; here we only see to it that nothing is left out.
fn explore(bounds: &Bounds) -> usize {
    let start = Twin::new(bounds.queue, Pick::LongestIdle);
    let mut seen = HashSet::from([start.model.shape()]);
    let mut frontier = vec![(start, 0)];
    while let Some((twin, next_id)) = frontier.pop() {
        for call in calls(&twin, bounds) {
            let mut after = twin.clone();
            make(&mut after, call, next_id);
            if seen.insert(after.model.shape()) {
                frontier.push((after, next_id + 1));
            }
        }
    }
    seen.len()
}

fn calls(twin: &Twin, bounds: &Bounds) -> Vec<Call> {
    let mut calls = vec![Call::Submit, Call::TurnAway];
    calls.extend((0..twin.model.waiting.len()).map(Call::Leave));
    if twin.model.backends.len() < bounds.backends {
        calls.extend((1..=bounds.slots).map(Call::Add));
    }
    for (place, backend) in twin.model.backends.iter().enumerate() {
        calls.extend([Call::Resume(place), Call::Suspend(place), Call::Drain(place)]);
        calls.extend((0..=bounds.slots).map(|slots| Call::SetSlots(place, slots)));
        calls.extend((0..=backend.in_flight.len()).map(|back| Call::Remove(place, back)));
        if !backend.in_flight.is_empty() {
            calls.extend([Call::Release(place), Call::Refuse(place)]);
        }
    }
    calls
}

fn make(twin: &mut Twin, call: Call, next_id: u64) {
    let key = |twin: &Twin, place: usize| -> BackendKey { twin.model.backends[place].key };
    let runs = |twin: &Twin, place: usize| twin.model.backends[place].in_flight[0];
    match call {
        Call::Submit => drop(twin.submit(next_id)),
        Call::Leave(place) => drop(twin.leave(twin.model.waiting[place].id)),
        Call::TurnAway => drop(twin.turn_away()),
        Call::Add(slots) => drop(twin.add(slots)),
        Call::Resume(place) => drop(twin.resume(key(twin, place))),
        Call::Suspend(place) => twin.suspend(key(twin, place)),
        Call::Drain(place) => twin.drain(key(twin, place)),
        Call::SetSlots(place, slots) => drop(twin.set_slots(key(twin, place), slots)),
        Call::Release(place) => drop(twin.release(key(twin, place), runs(twin, place))),
        Call::Refuse(place) => drop(twin.refuse(key(twin, place), runs(twin, place))),
        Call::Remove(place, back) => {
            for id in twin.remove(key(twin, place)).into_iter().take(back) {
                twin.resubmit_first(id);
            }
        }
    }
}
