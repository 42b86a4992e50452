"""Short requests among long ones: how long the slowest short ones take, against proxies that hand requests to their
backends in turn, and against an ideal queue."""

from __future__ import annotations

import arrivals
import servers
import watch
from findings import Finding, Special
from plan import Plan
from rounds import places_of, tell
from stacks import behind, native_http, native_link, ours

BACKENDS = 8
SHORT_MS, LONG_MS, LONG_SHARE = 5, 500, 0.05
MEAN_MS = SHORT_MS * (1 - LONG_SHARE) + LONG_MS * LONG_SHARE
IDEAL = "ideal queue (simulated)"
STACKS = {
    "swiftiply": ours(native_link(slots=1, copies=BACKENDS)),
    "haproxy": behind("haproxy", native_http(copies=BACKENDS)),
    "nginx": behind("nginx", native_http(copies=BACKENDS)),
}
GREETING = b"Hello, World!"
SEED = 1909


def at(load: float) -> Special:
    percent = f"{load:.0%}".replace("%", "")

    def run(special: Special, plan: Plan, patience: watch.Patience) -> Finding:
        return _run(load, special, plan, patience)

    about = f"{SHORT_MS} ms requests among {LONG_MS} ms ones, {BACKENDS} single-thread backends at {load:.0%} of what they can do"
    return Special(f"tail-{percent}", about, run, is_quick=load < 0.75)


def _run(load: float, special: Special, plan: Plan, patience: watch.Patience) -> Finding:
    rate = load * BACKENDS / MEAN_MS * 1000
    conditions = (
        f"Open loop, Poisson arrivals, {rate:.0f} requests/s, {LONG_SHARE:.0%} of them long, {plan.open_pairs} traces of {plan.open_s:.0f} s; "
        "latency from when a request was due. Peers with the defaults of their upstreams."
    )
    finding = Finding(special.name, special.about, conditions, ("stack", "p50 ms", "p99 ms", "p99.9 ms", "failed"))
    for number in range(plan.open_pairs):
        visits = arrivals.poisson(SEED + number, rate, plan.open_s, ((1 - LONG_SHARE, SHORT_MS), (LONG_SHARE, LONG_MS)))
        _note(finding, IDEAL, visits, arrivals.ideal(visits, BACKENDS))
        for name in STACKS if number % 2 == 0 else reversed(STACKS):
            if name not in finding.refused:
                _play(finding, name, visits, patience)
    for name in (*STACKS, IDEAL):
        if name not in finding.refused and (figures := finding.medians(*(f"{name} {kind}" for kind in ("p50", "p99", "p99.9")))):
            finding.bars[name] = figures[1]
            failed = sum(finding.runs[f"{name} failed"])
            finding.rows.append((name, *(f"{figure:.1f}" for figure in figures), str(failed)))
    for peer, goal in ((IDEAL, 1.1), ("haproxy", 0.1), ("nginx", 0.1)):
        if peer not in finding.refused and "swiftiply" not in finding.refused:
            finding.judge(f"p99 of the short ones, ours over {peer}", "swiftiply p99", f"{peer} p99", "≤", goal)
    return finding


def _play(finding: Finding, name: str, visits: list[arrivals.Visit], patience: watch.Patience) -> None:
    cpus = places_of(is_proxy_apart=False)
    try:
        with servers.running(STACKS[name], cpus, GREETING) as running:
            took, _ = watch.undisturbed(lambda: arrivals.play(running.port, visits, cpus.load), running.groups, cpus.used, patience)
    except (servers.ServerError, arrivals.PlayError, watch.DisturbedError) as error:
        finding.refused[name] = str(error)
        tell(f"  {name}: not reported: {error}")
        return
    _note(finding, name, visits, took)


def _note(finding: Finding, name: str, visits: list[arrivals.Visit], took: list[float | None]) -> None:
    short = [ms for visit, ms in zip(visits, took) if visit.ms == SHORT_MS and ms is not None]
    for kind, percent in (("p50", 50), ("p99", 99), ("p99.9", 99.9)):
        finding.add(f"{name} {kind}", arrivals.percentile(short, percent))
    finding.add(f"{name} failed", took.count(None))
    tell(f"  {name}: p99 of {len(short)} short ones {finding.runs[f'{name} p99'][-1]:.1f} ms")


SPECIALS = [at(0.7), at(0.8)]
