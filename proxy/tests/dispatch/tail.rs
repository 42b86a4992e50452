//! What exact dispatch is worth to short requests among long ones, in virtual time.
//!
//! One trace of requests is served in several ways. All times are whole microseconds, so that two ways
//! that should agree agree to the last one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use swiftiply::site::{Dispatch, Pick, Placed};

use crate::random::Random;

const BACKENDS: usize = 8;
const LOAD: f64 = 0.7;
const SHORT_US: u64 = 5_000;
const LONG_US: u64 = 500_000;
const REQUESTS: usize = 200_000;

#[derive(Clone, Copy)]
struct Request {
    arrives_us: u64,
    runs_us: u64,
}

#[test]
fn short_requests_wait_no_longer_than_in_an_ideal_queue() {
    let trace = mixed_trace(1);
    let ours = starts_by_dispatch(&trace);
    assert_eq!(ours, starts_by_ideal_queue(&trace), "the same to the microsecond");
}

#[test]
fn short_requests_wait_far_less_than_behind_round_robin_or_least_connections() {
    let trace = mixed_trace(2);
    let exact = short_p99_us(&trace, &starts_by_dispatch(&trace));
    let round_robin = short_p99_us(&trace, &starts_by_round_robin(&trace));
    let least_connections = short_p99_us(&trace, &starts_by_least_connections(&trace));
    // Over a dozen seeds: 280 to 370 ms, 540 to 700 ms and 2,400 to 3,000 ms.
    assert!(exact * 5 < round_robin, "{exact} us against {round_robin} us");
    assert!(exact * 3 < least_connections * 2, "{exact} us against {least_connections} us");
}

/// Poisson arrivals; 95 % of the requests are short and 5 % long.
fn mixed_trace(seed: u64) -> Vec<Request> {
    let mut random = Random::new(seed);
    let mean_run_us = 0.95 * SHORT_US as f64 + 0.05 * LONG_US as f64;
    let mean_gap_us = mean_run_us / (LOAD * BACKENDS as f64);
    let mut now_us = 0;
    let mut request = || {
        now_us += random.exponential(mean_gap_us) as u64;
        let runs_us = if random.chance(95) { SHORT_US } else { LONG_US };
        Request { arrives_us: now_us, runs_us }
    };
    (0..REQUESTS).map(|_| request()).collect()
}

/// From arrival to reply, at the 99th percentile of the short requests.
fn short_p99_us(trace: &[Request], starts_us: &[u64]) -> u64 {
    let mut times: Vec<u64> = trace
        .iter()
        .zip(starts_us)
        .filter(|(request, _)| request.runs_us == SHORT_US)
        .map(|(request, starts_us)| starts_us + request.runs_us - request.arrives_us)
        .collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Ours: when each request of the trace begins to run.
fn starts_by_dispatch(trace: &[Request]) -> Vec<u64> {
    let mut site = Dispatch::new(usize::MAX, Pick::LongestIdle);
    for _ in 0..BACKENDS {
        let backend = site.add(1);
        site.resume(backend);
    }
    let mut starts_us = vec![0; trace.len()];
    let mut ends = BinaryHeap::new();
    let mut arrivals = trace.iter().enumerate().peekable();
    loop {
        let arrives_us = arrivals.peek().map_or(u64::MAX, |(_, request)| request.arrives_us);
        let ends_us = ends.peek().map_or(u64::MAX, |&Reverse((ends_us, _))| ends_us);
        let (now_us, grant) = if ends_us <= arrives_us {
            let Some(Reverse((now_us, backend))) = ends.pop() else {
                return starts_us;
            };
            (now_us, site.release(backend))
        } else {
            let grant = arrivals.next().and_then(|(id, _)| match site.submit(id) {
                Ok(Placed::Granted(grant)) => Some(grant),
                _ => None,
            });
            (arrives_us, grant)
        };
        if let Some(grant) = grant {
            starts_us[grant.waiter] = now_us;
            ends.push(Reverse((now_us + trace[grant.waiter].runs_us, grant.backend)));
        }
    }
}

/// The theory: one queue before all servers, where each request takes whichever is free first.
fn starts_by_ideal_queue(trace: &[Request]) -> Vec<u64> {
    let mut free_us = [0; BACKENDS];
    let start = |request: &Request| {
        free_us.sort_unstable();
        let starts_us = request.arrives_us.max(free_us[0]);
        free_us[0] = starts_us + request.runs_us;
        starts_us
    };
    trace.iter().map(start).collect()
}

/// A queue before each server, filled in turn.
fn starts_by_round_robin(trace: &[Request]) -> Vec<u64> {
    let mut free_us = [0; BACKENDS];
    let start = |(id, request): (usize, &Request)| {
        let free_us = &mut free_us[id % BACKENDS];
        let starts_us = request.arrives_us.max(*free_us);
        *free_us = starts_us + request.runs_us;
        starts_us
    };
    trace.iter().enumerate().map(start).collect()
}

/// A queue before each server; a request joins the shortest, in turn among equals.
fn starts_by_least_connections(trace: &[Request]) -> Vec<u64> {
    let mut ends_us: [Vec<u64>; BACKENDS] = Default::default();
    let start = |(id, request): (usize, &Request)| {
        for ends_us in &mut ends_us {
            ends_us.retain(|&ends_us| ends_us > request.arrives_us);
        }
        let in_turn = (0..BACKENDS).map(|place| (id + place) % BACKENDS);
        let shortest = in_turn.min_by_key(|&backend| ends_us[backend].len()).unwrap_or(0);
        let queue = &mut ends_us[shortest];
        let starts_us = queue.last().copied().unwrap_or(0).max(request.arrives_us);
        queue.push(starts_us + request.runs_us);
        starts_us
    };
    trace.iter().enumerate().map(start).collect()
}
