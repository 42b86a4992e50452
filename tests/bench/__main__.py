"""Ours and its peers side by side: `python3 tests/bench [quick] [SCENARIO...]`, or `make bench ARGS="quick rack"`.

Prints Markdown; the same, a summary, all figures as JSON and a chart are left in build/bench/results. Exit status: 0; 1 when a
figure was refused; 2 when something is missing or wrongly asked for. No figure makes it fail.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from dataclasses import replace
from pathlib import Path

import chart
import places
import report
import rounds
import tools
import watch
from catalogue import ALL
from findings import Finding, Special
from plan import FULL, QUICK, Plan
from scenarios import Scenario

RESULTS = places.OWN / "results"


def main() -> int:
    options = _options()
    plan = QUICK if options.quick else FULL
    plan = replace(plan, pairs=options.pairs or plan.pairs, seconds=options.seconds or plan.seconds)
    chosen = _chosen(options.scenarios, plan)
    if not chosen:
        print(f"bench: no such scenario; there are {', '.join(one.name for one in ALL)}", file=sys.stderr)
        return 2
    try:
        tools.install()
    except tools.MissingError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.backend:
        is_apart = options.backend == "with-clients"
        chosen = [replace(one, is_proxy_apart=is_apart) if isinstance(one, Scenario) else one for one in chosen]
    # However it ends, the servers that it has started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    patience = watch.Patience(plan.patience_s, rounds.tell)
    all_runs: list[rounds.Runs | Finding] = []
    text = ""
    for scenario in chosen:
        all_runs.append(_run(scenario, plan, patience))
        # Each time, so that a run that is broken off leaves what it has.
        text = _leave(all_runs, plan)
    print(text)
    return 1 if any(runs.refused for runs in all_runs) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="only these, each by its name or how that begins; `quick`: short runs")
    parser.add_argument("--pairs", type=int, help="pairs of runs of each scenario")
    parser.add_argument("--seconds", type=int, help="length of a run")
    parser.add_argument("--backend", choices=("with-proxy", "with-clients"), help="whose CPU it shares, instead of what the scenario says")
    options = parser.parse_intermixed_args()
    options.quick = "quick" in options.scenarios
    options.scenarios = [name for name in options.scenarios if name != "quick"]
    return options


def _chosen(names: list[str], plan: Plan) -> list[Scenario | Special]:
    if names:
        return [one for one in ALL if one.name.startswith(tuple(names))]
    usual = [one for one in ALL if isinstance(one, Scenario) or one.is_usual]
    return [one for one in usual if one.is_quick or not plan.is_quick]


def _run(scenario: Scenario | Special, plan: Plan, patience: watch.Patience) -> rounds.Runs | Finding:
    rounds.tell(f"{scenario.name}: {scenario.about}")
    if isinstance(scenario, Special):
        return scenario.run(scenario, plan, patience)
    return rounds.run(scenario, plan, patience)


def _leave(all_runs: list[rounds.Runs | Finding], plan: Plan) -> str:
    """Writes the files; returns the Markdown."""
    machine = _machine()
    text = report.markdown(all_runs, plan, machine)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "bench.md").write_text(text)
    (RESULTS / "summary.md").write_text(report.summary(all_runs, machine))
    (RESULTS / "bench.json").write_text(json.dumps(report.values(all_runs, plan, machine), indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "bench.svg").write_text(chart.svg(all_runs))
    return text


def _machine() -> str:
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    used = ", ".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2])
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} CPUs of which {used} are used, Linux {platform.release()}."


if __name__ == "__main__":
    sys.exit(main())
