"""All that can be asked for, in the order of the report."""

from __future__ import annotations

import scale
import tails
from findings import Special
from scenarios import SCENARIOS, Scenario

ALL: list[Scenario | Special] = [*SCENARIOS, *tails.SPECIALS, *scale.SPECIALS]
