"""A WSGI process: a few threads that take requests and run the application, and the main thread that watches.

The threads read the link themselves; there is no dispatcher between the socket and the application. The main thread
handles signals, which Python gives to no other, and prints what the connector has to say.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from threading import Thread
from types import FrameType

from .. import ADAPTER
from .._native import ThreadConnector
from ..process import leave
from ..report import Report
from ..service import Service
from ..settings import Settings
from .environ import base_environ
from .run import Application

__all__ = ["serve"]

log = logging.getLogger("swiftiply")

#: Seconds that the main thread waits for news at a time. Signals interrupt no native wait, so this bounds how late
#: one is handled.
TICK = 0.1


def serve(app: Application, settings: Settings, report: Report) -> int:
    """Be a backend until told to stop; gives the exit status."""
    base = base_environ(threads=settings.threads, processes=settings.processes or 1, mount=settings.mount)
    connector = ThreadConnector(
        settings.connect, slots=settings.threads, key=settings.key, label=settings.label, adapter=ADAPTER
    )
    threads = [
        Thread(target=connector.serve, args=(app, base), name=f"swiftiply-{number}", daemon=True)
        for number in range(1, settings.threads + 1)
    ]
    watch = _Watch(connector, settings, report)
    try:
        for thread in threads:
            thread.start()
        watch.until_ended(threads)
    except KeyboardInterrupt:
        signal.signal(report.stop_signal, lambda _number, _frame: os._exit(0))  # asked twice: without a goodbye
        log.info("stopped")
    finally:
        connector.stop()
    return leave(0, threads)


class _Watch:
    """The main thread's part."""

    def __init__(self, connector: ThreadConnector, settings: Settings, report: Report) -> None:
        self._connector = connector
        self._settings = settings
        self._service = Service(report, len(settings.connect))
        self._stop_signal = report.stop_signal
        self._deadline: float | None = None
        signal.signal(signal.SIGTERM, self._on_terminate)

    def until_ended(self, threads: list[Thread]) -> None:
        """Returns when the drain is over; KeyboardInterrupt means at once."""
        while any(thread.is_alive() for thread in threads):
            notice = self._connector.notice(TICK)  # signal handlers run in here
            if notice is not None:
                self._service.take(notice)
            if self._service.is_orphaned and self._deadline is None:
                log.warning("the supervisor is gone; draining")
                self._drain()
            if self._deadline is not None and time.monotonic() > self._deadline:
                log.warning("requests were still running after %g s of draining; cut", self._settings.drain_timeout)
                return

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        if self._deadline is not None:
            signal.raise_signal(self._stop_signal)  # asked twice: at once
            return
        log.info("SIGTERM: draining")
        self._drain()

    def _drain(self) -> None:
        self._deadline = time.monotonic() + self._settings.drain_timeout
        self._connector.drain()
