"""What a connector has to say, followed from the dial to the end."""

from __future__ import annotations

import logging
import os
from typing import Protocol

from .errors import RefusedError
from .report import Report

__all__ = ["Notice", "Service"]

log = logging.getLogger("swiftiply")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Notice(Protocol):
    """News from the connector: a line for the log, and what it is about."""

    @property
    def kind(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def is_fatal(self) -> bool: ...


class Service:
    """Whether this process is of use to any proxy yet, and whether anybody still wants it."""

    def __init__(self, report: Report, proxies: int) -> None:
        self._report = report
        self._proxies = proxies
        self._refusals = 0
        self._has_connected = False

    def take(self, notice: Notice) -> None:
        """Log a notice and follow it.

        `RefusedError` when no proxy would have this process from the start: that is a wrong key or address, and
        trying again does not mend it. Once it has been in service a refusal may pass, and the connector goes on.
        """
        if notice.kind == "connected" and not self._has_connected:
            self._has_connected = True
            self._report.connected()
        if notice.is_fatal and not self._has_connected:
            self._refusals += 1
            if self._refusals >= self._proxies:
                raise RefusedError(notice.text)
        log.log(_LEVELS[notice.level], "%s", notice.text)

    @property
    def is_orphaned(self) -> bool:
        """Whether the supervisor has died: nobody would stop or replace this process any more."""
        return self._report.parent is not None and os.getppid() != self._report.parent
