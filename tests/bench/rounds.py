"""Runs a scenario: in every round each of its stacks once, ours and the peers in turn, the order turned round each time."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field

import arrivals
import load
import optional
import proc
import ratios
import watch
from plan import Plan
from ratios import Sample
from scenarios import Peer, Scenario
from servers import Cpus, Running, ServerError, running
from stacks import Stack

MIB = 1 << 20
#: Of what the slower one can do, in an open loop; and how many of a run's lengths that takes, so that p99 has its ten
#: requests at the rate of a slow framework.
OPEN_SHARE = 0.7
OPEN_RUNS = 2


@dataclass
class OpenLoop:
    """Ours and a peer at the same rate; p99 in milliseconds, of each pair."""

    rate: float
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    failed: int = 0
    why_not: str = ""


@dataclass
class Runs:
    """All runs of one scenario. A stack's samples stand in the order of the rounds."""

    scenario: Scenario
    peers: list[Peer]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    #: What the open loop showed, by peer.
    open_loops: dict[str, OpenLoop] = field(default_factory=dict)
    #: Peers that are not installed, with how to get them.
    absent: dict[str, str] = field(default_factory=dict)
    #: Why a figure is not reported, by stack.
    refused: dict[str, str] = field(default_factory=dict)

    def is_complete(self, stack: Stack) -> bool:
        """Whether all its runs were made and none was refused."""
        return stack.name in self.samples and stack.name not in self.refused


def cpus_for(scenario: Scenario) -> Cpus:
    return places_of(scenario.is_proxy_apart)


def places_of(is_proxy_apart: bool) -> Cpus:
    """Two processors, or the one that there is: servers on the first, clients on the last."""
    allowed = sorted(os.sched_getaffinity(0))
    first, second = allowed[0], allowed[min(1, len(allowed) - 1)]
    return Cpus(proxy=first, backend=second if is_proxy_apart else first, load=second)


def run(scenario: Scenario, plan: Plan, patience: watch.Patience) -> Runs:
    peers = [peer for peer in scenario.peers if peer.is_quick or not plan.is_quick]
    absent = {peer.stack.name: word for peer in peers if (word := optional.missing(peer.stack.needs))}
    for name, word in absent.items():
        tell(f"  not compared with {name}: {word}")
    peers = [peer for peer in peers if peer.stack.name not in absent]
    runs = Runs(scenario, peers, absent=absent)
    if not peers:
        return runs
    stacks = [scenario.ours, *(peer.stack for peer in peers)]
    for number in range(plan.pairs):
        for stack in stacks if number % 2 == 0 else reversed(stacks):
            # One lost run breaks a stack's pairs, and one of ours breaks all: the rest would be for nothing.
            if not runs.refused.keys() & {stack.name, scenario.ours.name}:
                _run_stack(runs, stack, plan, patience)
    if scenario.open_p99 is not None:
        for peer in peers:
            if runs.is_complete(scenario.ours) and runs.is_complete(peer.stack):
                runs.open_loops[peer.stack.name] = _open_loop(runs, peer.stack, plan, patience)
    return runs


def _run_stack(runs: Runs, stack: Stack, plan: Plan, patience: watch.Patience) -> None:
    cpus = cpus_for(runs.scenario)
    try:
        with running(stack, cpus, runs.scenario.reply) as servers:
            load.warm_up(runs.scenario.load, servers.port, plan.warm_up_s, cpus.load)
            sample = _measure(runs.scenario, servers, plan.seconds, patience)
    except (ServerError, load.LoadError, watch.DisturbedError) as error:
        runs.refused[stack.name] = str(error)
        tell(f"  {stack.name}: not reported: {error}")
        return
    runs.samples.setdefault(stack.name, []).append(sample)
    cost = f"{sample.proxy_us:.1f} + {sample.backend_us:.1f} µs"
    tell(f"  {stack.name}: {sample.requests_per_s:,.0f}/s, CPU {cost}, p99 {sample.p99_ms:.2f} ms")


def _open_loop(runs: Runs, peer: Stack, plan: Plan, patience: watch.Patience) -> OpenLoop:
    ours = runs.scenario.ours
    slower = min(ratios.medians(runs.samples[stack.name])["requests_per_s"] for stack in (ours, peer))
    loop = OpenLoop(OPEN_SHARE * slower)
    for number in range(plan.open_pairs):
        visits = arrivals.poisson(number, loop.rate, OPEN_RUNS * plan.seconds)
        for stack in (ours, peer) if number % 2 == 0 else (peer, ours):
            try:
                took = _play(runs.scenario, stack, visits, plan, patience)
            except (ServerError, load.LoadError, arrivals.PlayError, watch.DisturbedError) as error:
                loop.why_not = f"{stack.name}: {error}"
                return loop
            answered = [ms for ms in took if ms is not None]
            loop.failed += len(took) - len(answered)
            (loop.ours if stack is ours else loop.theirs).append(arrivals.percentile(answered, 99))
    tell(f"  {loop.rate:,.0f}/s, open loop: p99 {loop.ours[-1]:.2f} ms, {peer.name} {loop.theirs[-1]:.2f} ms")
    return loop


def _play(scenario: Scenario, stack: Stack, visits: list[arrivals.Visit], plan: Plan, patience: watch.Patience) -> list[float | None]:
    cpus = cpus_for(scenario)
    with running(stack, cpus, scenario.reply) as servers:
        load.warm_up(scenario.load, servers.port, plan.warm_up_s, cpus.load)
        took, _ = watch.undisturbed(lambda: arrivals.play(servers.port, visits, cpus.load), servers.groups, cpus.used, patience)
    if not any(took):
        raise arrivals.PlayError("no request was answered")
    return took


def _measure(scenario: Scenario, servers: Running, seconds: float, patience: watch.Patience) -> Sample:
    cpus = cpus_for(scenario)

    def clients() -> load.Outcome:
        return load.run(scenario.load, servers.port, seconds, cpus.load)

    outcome, span = watch.undisturbed(clients, servers.groups, cpus.used, patience)
    if not outcome.requests:
        raise load.LoadError("no request was answered")
    return _sample(outcome, span, servers)


def _sample(outcome: load.Outcome, span: watch.Span, servers: Running) -> Sample:
    proxy_us = 1e6 * span.groups.get(servers.proxy, 0.0) / outcome.requests
    backend_us = 1e6 * sum(span.groups[group] for group in servers.backends) / outcome.requests
    return Sample(
        requests_per_s=outcome.requests / outcome.seconds,
        proxy_us=proxy_us,
        backend_us=backend_us,
        total_us=proxy_us + backend_us,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        p999_ms=outcome.p999_ms,
        errors=outcome.errors,
        proxy_mib=proc.memory_bytes(servers.proxy) / MIB if servers.proxy else 0.0,
        backend_mib=sum(proc.memory_bytes(group) for group in servers.backends) / MIB,
        busy={str(cpu): round(share, 3) for cpu, share in span.busy_shares.items()},
        stolen=round(span.stolen_share, 3),
    )


def tell(line: str) -> None:
    """Progress, for a person who waits; the report goes elsewhere."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
