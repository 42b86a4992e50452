"""Runs a scenario: in every round each of its stacks once, ours and the peers in turn, the order turned round each time."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field

import load
import proc
import watch
from plan import Plan
from ratios import Sample
from scenarios import Peer, Scenario
from servers import Cpus, Running, ServerError, running
from stacks import Stack

MIB = 1 << 20


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
    return places_of(scenario.is_proxy_apart)


def places_of(is_proxy_apart: bool) -> Cpus:
    """Two processors, or the one that there is: servers on the first, clients on the last."""
    allowed = sorted(os.sched_getaffinity(0))
    first, second = allowed[0], allowed[min(1, len(allowed) - 1)]
    return Cpus(proxy=first, backend=second if is_proxy_apart else first, load=second)


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
    except (ServerError, load.LoadError, watch.DisturbedError) as error:
        runs.refused[stack.name] = str(error)
        tell(f"  {stack.name}: not reported: {error}")
        return
    runs.samples.setdefault(stack.name, []).append(sample)
    cost = f"{sample.proxy_us:.1f} + {sample.backend_us:.1f} µs"
    tell(f"  {stack.name}: {sample.requests_per_s:,.0f}/s, CPU {cost}, p99 {sample.p99_ms:.2f} ms")


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
