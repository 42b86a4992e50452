"""The results as Markdown for people, and as plain values for programs."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median

import ratios
from findings import Finding
from plan import Plan
from rounds import Runs, cpus_for

#: Heading and format of each figure of a stack.
COLUMNS = {
    "requests_per_s": ("requests/s", "{:,.0f}"),
    "proxy_us": ("proxy µs", "{:.1f}"),
    "backend_us": ("backend µs", "{:.1f}"),
    "total_us": ("CPU µs", "{:.1f}"),
    "p50_ms": ("p50 ms", "{:.2f}"),
    "p99_ms": ("p99 ms", "{:.2f}"),
    "p999_ms": ("p99.9 ms", "{:.2f}"),
    "errors": ("errors", "{:d}"),
    "proxy_mib": ("proxy MiB", "{:.1f}"),
    "backend_mib": ("backend MiB", "{:.1f}"),
}


def markdown(all_runs: list[Runs | Finding], plan: Plan, machine: str) -> str:
    lines = ["# Side by side", "", machine, ""]
    lines += [f"{plan.pairs} pairs, each run {plan.seconds:.0f} s after {plan.warm_up_s:g} s of warm-up. Figures are medians of the runs; CPU is"]
    lines += ["microseconds of processor time per request. A ratio is ours over the peer's, pair by pair.", ""]
    for runs in all_runs:
        lines += runs.markdown() if isinstance(runs, Finding) else _scenario(runs)
    return "\n".join(lines)


def summary(all_runs: list[Runs | Finding], machine: str) -> str:
    """What the README shows: ours over each peer where it matters most, and what has a goal of its own."""
    lines = [machine, ""] + _row("scenario", "ours over", "CPU per request", "requests/s", "p99") + _row(*["---"] * 5)
    for runs in all_runs:
        if isinstance(runs, Finding) or not (runs.scenario.is_charted or runs.scenario.open_p99):
            continue
        for peer in runs.peers:
            ratio = compared(runs, peer.stack.name)
            cpu = ratio.get("proxy_us") if runs.scenario.is_proxy_apart else ratio.get("total_us")
            loop = runs.open_loops.get(peer.stack.name)
            p99 = ratios.Ratio.of(list(zip(loop.ours, loop.theirs))) if loop else ratio.get("p99_ms")
            cells = [f"{one.median:.2f} ×" if one else "" for one in (cpu, ratio.get("requests_per_s"), p99)]
            if ratio:
                lines += _row(runs.scenario.about, peer.stack.name, *cells)
    lines += ["", *_row("figure", "", "goal", ""), *_row(*["---"] * 4)]
    for runs in all_runs:
        if isinstance(runs, Finding):
            for verdict in runs.verdicts:
                lines += _row(f"{runs.name}: {verdict.what}", *verdict.cells)
    return "\n".join([*lines, ""])


def _scenario(runs: Runs) -> list[str]:
    scenario, cpus = runs.scenario, cpus_for(runs.scenario)
    places = f"proxy on CPU {cpus.proxy}, backend on {cpus.backend}, clients on {cpus.load}"
    lines = [f"## {scenario.name}: {scenario.about}", "", f"{scenario.load}; {scenario.reply_bytes}-byte reply; {places}.", ""]
    reported = [stack for stack in (scenario.ours, *(peer.stack for peer in runs.peers)) if runs.is_complete(stack)]
    if reported:
        lines += _row("stack", *(heading for heading, _ in COLUMNS.values()), "busy")
        lines += _row(*["---"] * (len(COLUMNS) + 2))
    for stack in reported:
        samples = runs.samples[stack.name]
        figures = ratios.medians(samples)
        cells = [_cell(name, form, figures[name]) for name, (_, form) in COLUMNS.items()]
        lines += _row(stack.name, *cells, _busy(samples))
    lines += ["", *_comparison(runs), *_open_loops(runs)]
    lines += [f"Not reported: {name}: {why.splitlines()[0]}." for name, why in runs.refused.items()]
    lines += [f"Not compared: {name}: {why}." for name, why in runs.absent.items()]
    return [*lines, ""]


def _comparison(runs: Runs) -> list[str]:
    lines = _row("against", "figure", "min", "median", "max", "goal", "") + _row(*["---"] * 7)
    for peer in runs.peers:
        for name, ratio in compared(runs, peer.stack.name).items():
            goal = peer.goals.get(name)
            # The rest of it is in the total.
            if name == "backend_us" and goal is None:
                continue
            cells = [f"{value:.2f}" for value in (ratio.min, ratio.median, ratio.max)]
            lines += _row(peer.stack.name, COLUMNS[name][0], *cells, *_goal(name, ratio, goal))
    return [*lines, ""] if len(lines) > 2 else []


def _open_loops(runs: Runs) -> list[str]:
    """Ours and each peer at the same rate, at which the slower one has 30 % to spare."""
    if not runs.open_loops:
        return []
    lines = _row("open loop against", "requests/s", "p99 ms, ours", "theirs", "ratio: min", "median", "max", "failed", "goal", "")
    lines += _row(*["---"] * 10)
    for name, loop in runs.open_loops.items():
        ratio = ratios.Ratio.of(list(zip(loop.ours, loop.theirs)))
        if loop.why_not or ratio is None:
            lines += _row(name, f"not reported: {loop.why_not.splitlines()[0]}")
            continue
        p99 = [f"{median(side):.2f}" for side in (loop.ours, loop.theirs)]
        cells = [f"{value:.2f}" for value in (ratio.min, ratio.median, ratio.max)]
        lines += _row(name, f"{loop.rate:,.0f}", *p99, *cells, str(loop.failed), *_goal("p99_ms", ratio, runs.scenario.open_p99))
    return [*lines, ""]


def _goal(name: str, ratio: ratios.Ratio, goal: float | None) -> tuple[str, str]:
    if goal is None:
        return "", ""
    sign = "≥" if name == "requests_per_s" else "≤"
    return f"{sign} {goal:g}", "reached" if ratios.is_reached(name, ratio, goal) else "**missed**"


def compared(runs: Runs, peer: str) -> dict[str, ratios.Ratio]:
    ours = runs.scenario.ours.name
    if {ours, peer} & runs.refused.keys():
        return {}
    return ratios.compare(runs.samples[ours], runs.samples[peer])


def values(all_runs: list[Runs | Finding], plan: Plan, machine: str) -> dict:
    """Everything that was measured, run by run. A refused stack has its reason, and no figures."""
    scenarios = [runs.values() if isinstance(runs, Finding) else _values(runs) for runs in all_runs]
    return {"machine": machine, "plan": asdict(plan), "scenarios": scenarios}


def _values(runs: Runs) -> dict:
    return {
        "name": runs.scenario.name,
        "load": asdict(runs.scenario.load),
        "reply_bytes": runs.scenario.reply_bytes,
        "cpus": asdict(cpus_for(runs.scenario)),
        "ours": runs.scenario.ours.name,
        "runs": {name: [asdict(one) for one in samples] for name, samples in runs.samples.items() if name not in runs.refused},
        "ratios": {
            peer.stack.name: {name: asdict(ratio) for name, ratio in compared(runs, peer.stack.name).items()} for peer in runs.peers
        },
        "open_loops": {name: asdict(loop) for name, loop in runs.open_loops.items()},
        "goals": {peer.stack.name: peer.goals for peer in runs.peers},
        "refused": runs.refused,
        "absent": runs.absent,
    }


def _cell(name: str, form: str, value: float) -> str:
    # An app without a proxy before it has no such cost, which is not the same as none.
    return "" if name.startswith("proxy") and not value else form.format(value)


def _busy(samples: list[ratios.Sample]) -> str:
    """How busy each processor was in the last run, and how much the hypervisor took in the worst."""
    busy = ", ".join(f"CPU {cpu} {share:.0%}" for cpu, share in samples[-1].busy.items())
    stolen = max(sample.stolen for sample in samples)
    return f"{busy}; {stolen:.0%} stolen" if stolen >= 0.005 else busy


def _row(*cells: str) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]
