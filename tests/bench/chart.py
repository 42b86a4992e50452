"""One bar for each stack, drawn as SVG: processor time per request, the proxy's part and the backend's; or a tail."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

import ratios
from findings import Finding
from rounds import Runs
from stacks import Stack

WIDTH = 860
LABEL_WIDTH = 250
BAR_WIDTH = 380
ROW = 22
BAR = 14
TITLE = 34
MARGIN = 16
#: Proxy and backend; ours is the full colour, a peer's the pale one. Both read on white and on black.
COLOURS = {True: ("#d9480f", "#f08c00"), False: ("#868e96", "#adb5bd")}
STYLE = "text{font:12px system-ui,sans-serif;fill:#495057}.title{font-weight:600}@media(prefers-color-scheme:dark){text{fill:#ced4da}}"


@dataclass(frozen=True)
class Bar:
    name: str
    is_ours: bool
    #: Lengths: the proxy's and the backend's, or one.
    parts: tuple[float, ...]
    said: str


def svg(all_runs: list[Runs | Finding]) -> str:
    """The scenarios below each other, each with a scale of its own."""
    drawn, y = [], MARGIN
    for title, bars in filter(None, map(_charted, all_runs)):
        drawn.append(_scenario(title, bars, y))
        y += TITLE + ROW * len(bars)
    drawn.append(_legend(y + MARGIN))
    height = y + 2 * MARGIN + ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>Processor time per request and tails, ours and others</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *drawn, "</svg>", ""])


def _charted(runs: Runs | Finding) -> tuple[str, list[Bar]] | None:
    """Title and bars, ours first; None where a picture says nothing more."""
    if isinstance(runs, Finding):
        bars = [Bar(name, name == "swiftiply", (figure,), f"{figure:,.0f} ms") for name, figure in runs.bars.items()]
        return (f"{runs.name}: {runs.about}", bars) if bars else None
    if not runs.scenario.is_charted:
        return None
    stacks = [runs.scenario.ours, *(peer.stack for peer in runs.peers)]
    bars = [_bar_of(runs, stack) for stack in stacks if runs.is_complete(stack)]
    return (f"{runs.scenario.name}: {runs.scenario.about}", bars) if bars else None


def _bar_of(runs: Runs, stack: Stack) -> Bar:
    figures = ratios.medians(runs.samples[stack.name])
    said = f"{figures['total_us']:.1f} µs · {figures['requests_per_s']:,.0f}/s · p99 {figures['p99_ms']:.1f} ms"
    return Bar(stack.name, stack is runs.scenario.ours, (figures["proxy_us"], figures["backend_us"]), said)


def _scenario(title: str, bars: list[Bar], y: int) -> str:
    longest = max(sum(bar.parts) for bar in bars) or 1.0
    parts = [_text(MARGIN, y + 18, title, "title")]
    for number, bar in enumerate(bars):
        parts.append(_bar(bar, y + TITLE - 6 + number * ROW, BAR_WIDTH / longest))
    return "\n".join(parts)


def _bar(bar: Bar, y: float, scale: float) -> str:
    x = LABEL_WIDTH + MARGIN
    drawn = [_text(x - 8, y + BAR - 3, bar.name, anchor="end")]
    for part, colour in zip(bar.parts, COLOURS[bar.is_ours]):
        drawn.append(_rectangle(x, y, part * scale, colour))
        x += part * scale
    return "\n".join([*drawn, _text(x + 6, y + BAR - 3, bar.said)])


def _legend(y: float) -> str:
    dark, light = COLOURS[True]
    x = LABEL_WIDTH + MARGIN
    return "\n".join([
        _rectangle(x, y, BAR, dark), _text(x + 20, y + BAR - 3, "proxy"),
        _rectangle(x + 80, y, BAR, light), _text(x + 100, y + BAR - 3, "backend"),
        _text(x + 180, y + BAR - 3, "processor time per request (of tails: 99 % within), median of the runs"),
    ])


def _rectangle(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
