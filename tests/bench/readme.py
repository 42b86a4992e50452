"""Puts the summary and the chart of the last run into the README: `python3 tests/bench/readme.py`."""

from __future__ import annotations

import shutil

import places

BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->\n"


def main() -> None:
    results = places.OWN / "results"
    readme = places.ROOT / "README.md"
    readme.write_text(replaced(readme.read_text(), (results / "summary.md").read_text()))
    shutil.copy(results / "bench.svg", places.BENCH / "chart.svg")


def replaced(text: str, summary: str) -> str:
    """The text with the summary between its two marks."""
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}{summary}{END}{after}"


if __name__ == "__main__":
    main()
