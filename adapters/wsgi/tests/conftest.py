"""Shared by the unit tests, which need nothing but Python, and the system tests, which need the built proxy."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
