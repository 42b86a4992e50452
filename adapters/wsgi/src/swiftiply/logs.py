"""Log lines to standard error: ``swiftiply`` for the process, ``swiftiply.error`` for the application's failures."""

from __future__ import annotations

import logging
import sys

__all__ = ["LEVELS", "configure", "enable"]

LEVELS = ("debug", "info", "warning", "error", "critical")

_NAMES = ("swiftiply", "swiftiply.error")


def configure(level: str) -> None:
    """Send our lines to standard error, unless the embedding program has given us handlers of its own."""
    logger = logging.getLogger("swiftiply")
    logger.setLevel(level.upper())
    if not logger.handlers:
        lines = logging.StreamHandler(sys.stderr)
        lines.setFormatter(logging.Formatter("%(asctime)s [%(process)d] %(levelname)s: %(message)s"))
        logger.addHandler(lines)
        logger.propagate = False


def enable() -> None:
    """To be called once the application is loaded: `logging.config.dictConfig` disables every logger that it does not
    name (Django's settings do so), and an application's errors must not vanish for that."""
    for name in _NAMES:
        logging.getLogger(name).disabled = False
