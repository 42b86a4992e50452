"""One bar for each stack: processor time per request, the proxy's part and the backend's, drawn as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

import ratios
from findings import Finding
from rounds import Runs

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


def svg(all_runs: list[Runs | Finding]) -> str:
    """The scenarios below each other, each with a scale of its own."""
    drawn, y = [], MARGIN
    for runs in all_runs:
        if isinstance(runs, Finding):
            continue  # no cost per request
        bars = _bars(runs)
        if bars:
            drawn.append(_scenario(runs.scenario.name, runs.scenario.about, bars, y))
            y += TITLE + ROW * len(bars)
    drawn.append(_legend(y + MARGIN))
    height = y + 2 * MARGIN + ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>Processor time per request, ours and others</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *drawn, "</svg>", ""])


def _bars(runs: Runs) -> list[tuple[str, bool, dict[str, float]]]:
    """Name, whether it is ours, and figures; ours first."""
    stacks = [runs.scenario.ours, *(peer.stack for peer in runs.peers)]
    return [
        (stack.name, stack is runs.scenario.ours, ratios.medians(runs.samples[stack.name]))
        for stack in stacks if runs.is_complete(stack)
    ]


def _scenario(name: str, about: str, bars: list[tuple[str, bool, dict[str, float]]], y: int) -> str:
    longest = max(figures["total_us"] for _, _, figures in bars) or 1.0
    parts = [_text(MARGIN, y + 18, f"{name}: {about}", "title")]
    for number, (stack, is_ours, figures) in enumerate(bars):
        parts.append(_bar(stack, is_ours, figures, y + TITLE - 6 + number * ROW, BAR_WIDTH / longest))
    return "\n".join(parts)


def _bar(stack: str, is_ours: bool, figures: dict[str, float], y: float, scale: float) -> str:
    proxy, backend = (figures[name] * scale for name in ("proxy_us", "backend_us"))
    dark, light = COLOURS[is_ours]
    x = LABEL_WIDTH + MARGIN
    said = f"{figures['total_us']:.1f} µs · {figures['requests_per_s']:,.0f}/s · p99 {figures['p99_ms']:.1f} ms"
    return "\n".join([
        _text(LABEL_WIDTH + MARGIN - 8, y + BAR - 3, stack, anchor="end"),
        _rectangle(x, y, proxy, dark),
        _rectangle(x + proxy, y, backend, light),
        _text(x + proxy + backend + 6, y + BAR - 3, said),
    ])


def _legend(y: float) -> str:
    dark, light = COLOURS[True]
    x = LABEL_WIDTH + MARGIN
    return "\n".join([
        _rectangle(x, y, BAR, dark), _text(x + 20, y + BAR - 3, "proxy"),
        _rectangle(x + 80, y, BAR, light), _text(x + 100, y + BAR - 3, "backend"),
        _text(x + 180, y + BAR - 3, "processor time per request, median of the runs"),
    ])


def _rectangle(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
