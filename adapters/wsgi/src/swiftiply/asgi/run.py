"""One request through an ASGI application, whatever the application does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Callable

from ..errors import is_disconnect
from ..exchange import Request, Scope
from .reply import Outgoing
from .request import Incoming

__all__ = ["Application", "Exchange"]

log = logging.getLogger("swiftiply.error")

Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class Exchange:
    """A request and its reply while the application works on them; the loop's events are passed in by key."""

    def __init__(self, app: Application, base: Scope, request: Request, flush_soon: Callable[[], None]) -> None:
        self._app = app
        self._scope = request.scope(base)
        self._incoming = Incoming(request, flush_soon)
        self._outgoing = Outgoing(request.reply, self._scope["method"], flush_soon)
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Call the application and see the reply to its end."""
        # The application's scope is its own to change: what the log needs is kept here.
        method, path = self._scope["method"], self._scope["path"]
        try:
            await self._app(self._scope, self._incoming.receive, self._send)
        except asyncio.CancelledError:
            self._outgoing.give_up("the backend stopped")
            raise
        except BaseException as error:
            # SystemExit too: sys.exit() in an application ends that request, not the process that serves others.
            if is_disconnect(error):
                log.debug("%s %s: the client left", method, path)
                self._outgoing.give_up("the client left")
            else:
                log.error("%s %s raised", method, path, exc_info=error)
                self._outgoing.fail()
            if isinstance(error, KeyboardInterrupt):
                raise
        else:
            if self._incoming.is_disconnected:
                self._outgoing.give_up("the client left")  # there was nobody to reply to
            elif not self._outgoing.is_done:
                what = "ended without ending its reply" if self._outgoing.has_begun else "gave no reply"
                log.error("%s %s: the application %s", method, path, what)
                self._outgoing.fail()
        finally:
            self._incoming.disconnect()

    def readable(self) -> None:
        self._incoming.wake()

    def writable(self) -> None:
        self._outgoing.wake()

    def disconnect(self) -> None:
        """The client left, or this process must: ``receive`` says so, ``send`` raises."""
        self._incoming.disconnect()
        self._outgoing.disconnect()

    async def _send(self, message: Any) -> None:
        await self._outgoing.send(message)
        if self._outgoing.is_done:
            self._incoming.disconnect()
