"""From runs to figures: the median of a stack's runs, and ours over a peer's, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run of one stack. CPU is microseconds of processor time per request, memory MiB at its end."""

    requests_per_s: float
    proxy_us: float
    backend_us: float
    total_us: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    errors: int
    proxy_mib: float
    backend_mib: float
    #: How busy the processors were, by their number; the one at 100 % bounds the throughput.
    busy: dict[str, float]
    #: The share of one processor that the hypervisor gave to another machine meanwhile.
    stolen: float = 0.0


FIGURES = ("requests_per_s", "proxy_us", "backend_us", "total_us", "p50_ms", "p99_ms", "p999_ms", "proxy_mib", "backend_mib")
#: What is compared; of these only requests/s is better when it is more.
COMPARED = ("requests_per_s", "proxy_us", "backend_us", "total_us", "p50_ms", "p99_ms", "p999_ms")


def medians(samples: list[Sample]) -> dict[str, float]:
    figures = {name: median(getattr(sample, name) for sample in samples) for name in FIGURES}
    return figures | {"errors": sum(sample.errors for sample in samples)}


@dataclass(frozen=True)
class Ratio:
    """Ours over the peer's."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, pairs: list[tuple[float, float]]) -> Ratio | None:
        """None where the peer has no such figure: it has no proxy, say."""
        if not pairs or any(theirs <= 0 for _, theirs in pairs):
            return None
        ratios = [ours / theirs for ours, theirs in pairs]
        return cls(min(ratios), median(ratios), max(ratios))


def compare(ours: list[Sample], theirs: list[Sample]) -> dict[str, Ratio]:
    """By name of the figure; the runs of both stand in the order of their rounds."""
    pairs = list(zip(ours, theirs))
    ratios = {name: Ratio.of([(getattr(a, name), getattr(b, name)) for a, b in pairs]) for name in COMPARED}
    return {name: ratio for name, ratio in ratios.items() if ratio is not None}


def is_reached(figure: str, ratio: Ratio, goal: float) -> bool:
    return ratio.median >= goal if figure == "requests_per_s" else ratio.median <= goal
