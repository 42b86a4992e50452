"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    is_quick: bool
    pairs: int
    warm_up_s: float
    seconds: float
    #: What all its runs together may wait for the machine to become calm.
    patience_s: float
    #: Pairs of runs in an open loop, which say more each, and the length of one.
    open_pairs: int
    open_s: float


FULL = Plan(is_quick=False, pairs=5, warm_up_s=1, seconds=2, patience_s=600, open_pairs=3, open_s=15)
QUICK = Plan(is_quick=True, pairs=2, warm_up_s=0.7, seconds=1, patience_s=30, open_pairs=1, open_s=6)
