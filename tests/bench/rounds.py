"""Runs a scenario: in every round each of its stacks once, ours and the peers in turn, the order turned round each time."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field

import load
import proc
import watch
from ratios import Sample
from scenarios import Peer, Scenario
from servers import Cpus, Running, ServerError, running
from stacks import Stack

#: How often a disturbed run is repeated before it is given up.
TRIES_MAX = 5
MIB = 1 << 20


@dataclass(frozen=True)
class Plan:
    is_quick: bool
    pairs: int
    warm_up_s: float
    seconds: float
    #: What all its runs together may wait for the machine to become calm.
    patience_s: float


FULL = Plan(is_quick=False, pairs=5, warm_up_s=1.5, seconds=4, patience_s=600)
QUICK = Plan(is_quick=True, pairs=2, warm_up_s=0.7, seconds=1, patience_s=30)


@dataclass
class Runs:
    """All runs of one scenario. A stack's samples stand in the order of the rounds."""

    scenario: Scenario
    peers: list[Peer]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    #: Why a figure is not reported, by stack.
    refused: dict[str, str] = field(default_factory=dict)

    def is_complete(self, stack: Stack) -> bool:
        """Whether all its runs were made and none was refused."""
        return stack.name in self.samples and stack.name not in self.refused


def cpus_for(scenario: Scenario) -> Cpus:
    """Two processors, or the one that there is: servers on the first, clients on the last."""
    allowed = sorted(os.sched_getaffinity(0))
    first, second = allowed[0], allowed[min(1, len(allowed) - 1)]
    return Cpus(proxy=first, backend=second if scenario.is_proxy_apart else first, load=second)


def run(scenario: Scenario, plan: Plan, patience: watch.Patience) -> Runs:
    peers = [peer for peer in scenario.peers if peer.is_quick or not plan.is_quick]
    runs = Runs(scenario, peers)
    stacks = [scenario.ours, *(peer.stack for peer in peers)]
    for number in range(plan.pairs):
        for stack in stacks if number % 2 == 0 else reversed(stacks):
            # One lost run breaks a stack's pairs, and one of ours breaks all: the rest would be for nothing.
            if not runs.refused.keys() & {stack.name, scenario.ours.name}:
                _run_stack(runs, stack, plan, patience)
    return runs


def _run_stack(runs: Runs, stack: Stack, plan: Plan, patience: watch.Patience) -> None:
    cpus = cpus_for(runs.scenario)
    try:
        with running(stack, cpus, runs.scenario.reply) as servers:
            load.warm_up(runs.scenario.load, servers.port, plan.warm_up_s, cpus.load)
            sample = _measure(runs.scenario, servers, plan.seconds, patience)
    except (ServerError, load.LoadError) as error:
        sample = str(error)
    if isinstance(sample, str):
        runs.refused[stack.name] = sample
        tell(f"  {stack.name}: not reported: {sample}")
    else:
        runs.samples.setdefault(stack.name, []).append(sample)
        cost = f"{sample.proxy_us:.1f} + {sample.backend_us:.1f} µs"
        tell(f"  {stack.name}: {sample.requests_per_s:,.0f}/s, CPU {cost}, p99 {sample.p99_ms:.2f} ms")


def _measure(scenario: Scenario, servers: Running, seconds: float, patience: watch.Patience) -> Sample | str:
    """A sample, or why there is none."""
    cpus = cpus_for(scenario)
    used = {cpus.proxy, cpus.backend, cpus.load}
    why = ""
    for _ in range(TRIES_MAX):
        patience.wait_for_calm(servers.groups, used)
        begin = watch.Moment.now()
        outcome = load.run(scenario.load, servers.port, seconds, cpus.load)
        span = watch.between(begin, watch.Moment.now(), servers.groups, used)
        why = span.disturbance() or ""
        if not why:
            return _sample(outcome, span, servers) if outcome.requests else "no request was answered"
        tell(f"    disturbed: {why}")
    return f"disturbed in {TRIES_MAX} runs, at last because {why}"


def _sample(outcome: load.Outcome, span: watch.Span, servers: Running) -> Sample:
    proxy_us = 1e6 * span.groups.get(servers.proxy, 0.0) / outcome.requests
    backend_us = 1e6 * span.groups[servers.backend] / outcome.requests
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
        backend_mib=proc.memory_bytes(servers.backend) / MIB,
        busy={str(cpu): round(share, 3) for cpu, share in span.busy_shares.items()},
        stolen=round(span.stolen_share, 3),
    )


def tell(line: str) -> None:
    """Progress, for a person who waits; the report goes elsewhere."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
