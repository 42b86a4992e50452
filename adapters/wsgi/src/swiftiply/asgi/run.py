"""One request through an ASGI application, whatever the application does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Callable

from ..errors import is_disconnect
from ..exchange import LoopExchange, Request, Scope
from .reply import Outgoing
from .request import Incoming

__all__ = ["Application", "Exchange", "run"]

log = logging.getLogger("swiftiply.error")

Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


async def run(app: Application, scope: Scope, exchange: LoopExchange) -> None:
    """Call the application and see the reply to its end."""
    # The application's scope is its own to change: what the log needs is kept here.
    method, path = scope["method"], scope["path"]
    try:
        await app(scope, exchange.receive, exchange.send)
    except asyncio.CancelledError:
        exchange.general().give_up("the backend stopped")
        raise
    except BaseException as error:
        # SystemExit too: sys.exit() in an application ends that request, not the process that serves others.
        if is_disconnect(error):
            log.debug("%s %s: the client left", method, path)
            exchange.general().give_up("the client left")
        else:
            log.error("%s %s raised", method, path, exc_info=error)
            exchange.general().fail()
        if isinstance(error, KeyboardInterrupt):
            raise
    else:
        if not exchange.is_done:
            exchange.general().end_unfinished(method, path)
    finally:
        exchange.close()


class Exchange:
    """A request and its reply while the application works on them; the loop's events are passed in by key.

    In a running process the native `Request.exchange` stands in its place for the plain case, a reply of two messages
    to a request of which only the scope is looked at; at the first sign of anything else it makes one of these, and
    `resume` tells it what has been.
    """

    def __init__(self, request: Request, flush_soon: Callable[[], None]) -> None:
        self._incoming = Incoming(request, flush_soon)
        self._outgoing = Outgoing(request.reply, request.head.method, flush_soon)
        self.receive = self._incoming.receive

    def general(self) -> Exchange:
        return self

    @property
    def is_done(self) -> bool:
        """Whether the reply has ended."""
        return self._outgoing.is_done

    async def send(self, message: Any) -> None:
        await self._outgoing.send(message)
        self._close_if_done()

    async def send_rest(self, body: bytes, sent: int) -> None:
        """Of a reply of one message, what the client's window has not taken yet."""
        await self._outgoing.send_rest(body, sent)
        self._close_if_done()

    def resume(self, start: Mapping[str, Any], has_begun: bool, is_done: bool) -> None:
        """Go on behind this first message, and perhaps the whole reply."""
        self._outgoing.resume(start, has_begun, is_done)
        self._close_if_done()

    def readable(self) -> None:
        self._incoming.wake()

    def writable(self) -> None:
        self._outgoing.wake()

    def disconnect(self) -> None:
        """The client left: ``receive`` says so, ``send`` raises."""
        self._incoming.disconnect()
        self._outgoing.disconnect()

    def leave(self) -> None:
        """This process must go: to an exchange that has not ended it is as if the client left."""
        self.disconnect()

    def give_up(self, reason: str) -> None:
        """There will be no reply, or no more of it, and the application is not to blame."""
        self._outgoing.give_up(reason)

    def fail(self) -> None:
        """The application raised."""
        self._outgoing.fail()

    def end_unfinished(self, method: str, path: str) -> None:
        """The application returned before its reply ended."""
        if self._incoming.is_disconnected:
            self._outgoing.give_up("the client left")  # there was nobody to reply to
            return
        what = "ended without ending its reply" if self._outgoing.has_begun else "gave no reply"
        log.error("%s %s: the application %s", method, path, what)
        self._outgoing.fail()

    def close(self) -> None:
        """The application has returned: to what it may have left behind, ``receive`` says that the client is gone."""
        self._incoming.disconnect()

    def _close_if_done(self) -> None:
        if self._outgoing.is_done:
            self._incoming.disconnect()
