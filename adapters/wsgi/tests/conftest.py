"""Shared by the unit tests, which need nothing but Python, and by those that need the built proxy and the package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "system")]

from running import Site, SiteMaker  # noqa: E402


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[SiteMaker]:
    """Starts a proxy with one site that has these options."""
    sites: list[Site] = []

    def make(**options: Any) -> Site:
        sites.append(Site(tmp_path, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.stop()


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    return make_site()
