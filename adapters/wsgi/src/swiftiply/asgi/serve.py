"""An ASGI process, from the application's startup to its shutdown, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from .. import ADAPTER
from .._native import LoopConnector
from ..report import Report
from ..service import Service
from ..settings import Settings
from .driver import Driver
from .lifespan import Lifespan, StartupFailed
from .run import Application
from .scope import base_scope

__all__ = ["serve"]

log = logging.getLogger("swiftiply")

#: Seconds that an application has to react to a disconnect, a cancellation or a hurried shutdown.
GRACE = 1.0

#: Seconds between looks whether the supervisor is still there.
ORPHAN_TICK = 1.0


def serve(app: Application, settings: Settings, report: Report) -> int:
    """Be a backend until told to stop; gives the exit status."""
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_Process(app, settings, report).run())
    finally:
        _close(loop)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Tasks that the application has left running are cancelled and given a moment to notice."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=GRACE))
    loop.run_until_complete(loop.shutdown_asyncgens())
    asyncio.set_event_loop(None)
    loop.close()


class _Process:
    """startup ─► in service ─SIGTERM─► drain ─► shutdown; the stop signal cancels whichever it is at."""

    def __init__(self, app: Application, settings: Settings, report: Report) -> None:
        self._app = app
        self._settings = settings
        self._report = report
        self._service = Service(report, len(settings.connect))
        self._lifespan = Lifespan(app)
        self._task: asyncio.Task[int] | None = None
        self._draining: asyncio.Future[None] | None = None  # exists once in service

    async def run(self) -> int:
        """The exit status."""
        self._task = asyncio.current_task()
        self._catch_signals()
        try:
            await self._lifespan.startup()
        except StartupFailed as error:
            # Not in service yet, and never will be: no proxy has heard of this process.
            self._report.failed(f"swiftiply-wsgi: the application's startup failed: {error}")
            return 1
        except asyncio.CancelledError:
            return 0
        try:
            await self._serve()
            await self._lifespan.shutdown()
        except asyncio.CancelledError:
            await self._hurry()
        return 0

    async def _serve(self) -> None:
        """Be in service until told to leave, and until what has begun has ended."""
        base = base_scope(mount=self._settings.mount, state=self._lifespan.state)
        connector = LoopConnector(
            self._settings.connect,
            slots=self._settings.concurrency,
            tunnels=self._settings.tunnels,
            key=self._settings.key,
            label=self._settings.label,
            adapter=ADAPTER,
        )
        self._draining = asyncio.get_running_loop().create_future()
        self._watch_supervisor()
        driver = Driver(connector, self._app, base, self._service, self._settings.websocket)
        try:
            await asyncio.wait([driver.ended, self._draining], return_when=asyncio.FIRST_COMPLETED)
            if self._draining.done():
                await self._drain(driver)
            if driver.ended.done():
                driver.ended.result()
        finally:
            driver.cancel_all()
            if driver.tasks:
                await asyncio.wait(driver.tasks, timeout=GRACE)
            driver.close()

    async def _drain(self, driver: Driver) -> None:
        """Nothing new; what runs may end. A stream without an end gets a disconnect, then it is cancelled."""
        driver.drain()
        limit = self._settings.drain_timeout
        over = asyncio.get_running_loop().time() + limit
        await asyncio.wait([driver.ended], timeout=limit)
        while driver.tasks and (left := over - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(driver.tasks, timeout=left)
        if driver.tasks:
            log.warning("requests or WebSockets were still there after %g s of draining; cut", limit)
            driver.leave_all()
            await asyncio.wait(driver.tasks, timeout=GRACE)

    async def _hurry(self) -> None:
        """Stopped at once: the application's shutdown gets a moment, no more."""
        log.info("stopped")
        try:
            await asyncio.wait_for(self._lifespan.shutdown(), GRACE)
        except asyncio.TimeoutError:
            log.warning("the application's shutdown took longer than %g s; left", GRACE)

    # Signals.

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_terminate)
        loop.add_signal_handler(self._report.stop_signal, self._on_stop)

    def _on_terminate(self) -> None:
        if self._draining is None or self._draining.done():
            self._on_stop()  # nothing in service yet, or asked twice
        else:
            log.info("SIGTERM: draining")
            self._draining.set_result(None)

    def _on_stop(self) -> None:
        signal.signal(self._report.stop_signal, lambda _number, _frame: os._exit(0))  # asked twice: without a goodbye
        if self._task is not None:
            self._task.cancel()

    def _watch_supervisor(self) -> None:
        if self._service.is_orphaned and self._draining is not None and not self._draining.done():
            log.warning("the supervisor is gone; draining")
            self._draining.set_result(None)
        asyncio.get_running_loop().call_later(ORPHAN_TICK, self._watch_supervisor)
