"""The application's own start and end (ASGI lifespan 2.0)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from .run import Application

__all__ = ["Lifespan", "StartupFailed"]

log = logging.getLogger("swiftiply.error")


class StartupFailed(Exception):
    """The application will not start, and says so."""


class Lifespan:
    """One task in the application, from before the first request until after the last."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._stage = ""
        self._takes_part = False
        self._answer: asyncio.Future[Mapping[str, Any]] | None = None
        self._task: asyncio.Task[None] | None = None
        #: What the application left for its requests; None if it does not take part.
        self.state: dict[str, Any] | None = {}

    async def startup(self) -> None:
        """Returns when the application is ready. One that does not know of lifespans is ready at once."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        message = await self._ask("lifespan.startup")
        if message is None:
            # It raised or returned instead of answering: the specification takes that for "unsupported".
            self.state = None
        elif message["type"] == "lifespan.startup.failed":
            raise StartupFailed(message.get("message", ""))

    async def shutdown(self) -> None:
        """Returns when the application has put its things away."""
        if self._task is None or self._task.done():
            return
        message = await self._ask("lifespan.shutdown")
        if message is not None and message["type"] == "lifespan.shutdown.failed":
            log.error("the application's shutdown failed: %s", message.get("message", ""))
        if message is not None:
            await asyncio.wait([self._task])

    async def _ask(self, kind: str) -> Mapping[str, Any] | None:
        """Send a message; the application's answer, or None if it ended without one."""
        assert self._task is not None
        self._stage = kind
        self._answer = asyncio.get_running_loop().create_future()
        self._to_app.put_nowait({"type": kind})
        waited: list[asyncio.Future[Any]] = [self._task, self._answer]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        return self._answer.result() if self._answer.done() else None

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._to_app.get, self._send)
        except Exception as error:
            if self._takes_part:
                log.error("the application's lifespan raised", exc_info=error)
            else:
                log.debug("the application has no lifespan: %r", error)

    async def _send(self, message: Mapping[str, Any]) -> None:
        stage = self._stage
        if message["type"] not in (f"{stage}.complete", f"{stage}.failed"):
            raise RuntimeError(f"the application sent {message['type']!r} while {stage} was waited for")
        assert self._answer is not None
        if not self._answer.done():
            self._takes_part = True
            self._answer.set_result(message)
