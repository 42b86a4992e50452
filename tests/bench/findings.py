"""What scenarios find that are no load of wrk's: rows of figures, and figures that have a goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median

import watch
from plan import Plan


@dataclass(frozen=True)
class Verdict:
    """A figure and its goal."""

    what: str
    figure: float
    sign: str
    goal: float
    #: How it is printed.
    form: str = "{:.2f}"

    @property
    def is_reached(self) -> bool:
        return self.figure >= self.goal if self.sign == "≥" else self.figure <= self.goal

    @property
    def cells(self) -> tuple[str, str, str]:
        """Figure, goal, and whether it is reached, for people."""
        figure, goal = self.form.format(self.figure), self.form.format(self.goal)
        return figure, f"{self.sign} {goal}", "reached" if self.is_reached else "**missed**"


@dataclass
class Finding:
    name: str
    about: str
    #: Under which conditions, one sentence.
    conditions: str
    #: Of the table's columns; the first one is what a row is about.
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    #: What the chart shows, if it shows this: the figure of each proxy.
    bars: dict[str, float] = field(default_factory=dict)
    #: Why a figure is not reported, by what it is about.
    refused: dict[str, str] = field(default_factory=dict)
    #: All that was measured, run by run.
    runs: dict[str, list] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """One run."""
        self.runs.setdefault(name, []).append(value)

    def medians(self, *names: str) -> tuple[float, ...] | None:
        """Of these runs; None if one of them has none."""
        if any(not self.runs.get(name) for name in names):
            return None
        return tuple(median(self.runs[name]) for name in names)

    def judge(self, what: str, ours: str, theirs: str, sign: str, goal: float) -> None:
        """Ours over the other's, the median of the pairs."""
        pairs = list(zip(self.runs.get(ours, []), self.runs.get(theirs, [])))
        if pairs and not self.refused.keys() & {ours, theirs}:
            self.verdicts.append(Verdict(what, median(a / b for a, b in pairs), sign, goal))

    def markdown(self) -> list[str]:
        lines = [f"## {self.name}: {self.about}", "", self.conditions, ""]
        if self.rows:
            lines += [_row(self.headings), _row(["---"] * len(self.headings)), *map(_row, self.rows), ""]
        if self.verdicts:
            lines += [_row(("figure", "median", "goal", "")), _row(["---"] * 4)]
            lines += [_row((verdict.what, *verdict.cells)) for verdict in self.verdicts] + [""]
        return lines + [f"Not reported: {name}: {why.splitlines()[0]}." for name, why in self.refused.items()] + [""]

    def values(self) -> dict:
        verdicts = [asdict(verdict) | {"is_reached": verdict.is_reached} for verdict in self.verdicts]
        said = {"name": self.name, "about": self.about, "conditions": self.conditions}
        return said | {"runs": self.runs, "verdicts": verdicts, "refused": self.refused}


@dataclass(frozen=True)
class Special:
    """A scenario with a course of its own."""

    name: str
    about: str
    run: Callable[[Special, Plan, watch.Patience], Finding]
    is_quick: bool = True
    #: Whether it is run when it is not asked for.
    is_usual: bool = True


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"

