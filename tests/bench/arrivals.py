"""Requests that come at random, the same ones for everybody: made from a seed, played in an open loop, and what an ideal
queue would make of them."""

from __future__ import annotations

import heapq
import math
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import places


@dataclass(frozen=True)
class Visit:
    #: Seconds from the beginning.
    due: float
    #: What the app takes for it.
    ms: int = 0

    @property
    def path(self) -> str:
        return f"/sleep/{self.ms}" if self.ms else "/"


class PlayError(Exception):
    """The requests were not played, with what the player said."""


def poisson(seed: int, rate: float, seconds: float, shares: Sequence[tuple[float, int]] = ((1.0, 0),)) -> list[Visit]:
    """So many requests per second on average, independent of each other; `shares` of them take so many milliseconds."""
    chance, now, visits = random.Random(seed), 0.0, []
    weights, times = [share for share, _ in shares], [ms for _, ms in shares]
    while (now := now + chance.expovariate(rate)) < seconds:
        visits.append(Visit(now, chance.choices(times, weights)[0]))
    return visits


def ideal(visits: Sequence[Visit], servers: int) -> list[float]:
    """How many milliseconds each takes where one queue, first come first served, stands before all servers, and nothing
    else costs time."""
    free, took = [0.0] * servers, []
    for visit in visits:
        end = max(visit.due, heapq.heappop(free)) + visit.ms / 1000
        heapq.heappush(free, end)
        took.append(1000 * (end - visit.due))
    return took


def play(port: int, visits: Sequence[Visit], cpu: int) -> list[float | None]:
    """How many milliseconds each took from when it was due until its reply was whole; None for one that failed."""
    text = "".join(f"{visit.due * 1e6:.0f} {visit.path}\n" for visit in visits)
    command = ["taskset", "-c", str(cpu), str(places.NATIVE), "open", str(port)]
    ended = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if ended.returncode != 0:
        raise PlayError(ended.stderr.strip())
    return parse(ended.stdout)


def parse(output: str) -> list[float | None]:
    return [None if line == "-" else int(line) / 1000 for line in output.splitlines()]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
