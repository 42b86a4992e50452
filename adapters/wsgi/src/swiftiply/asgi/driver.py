"""The event loop's side of the connector: its descriptor watched, its events given to the exchanges they belong to.

All happens on the loop's own thread. What became ready in one turn of the loop leaves in one write per link.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Callable, Protocol

from ..errors import MountError, RefusedError
from ..exchange import LoopExchange, Request, Scope
from ..service import Service
from ..settings import WebSocketSettings
from .handshake import wants_websocket
from .run import Application, run

if TYPE_CHECKING:
    from .websocket import WebSocket

__all__ = ["Connector", "Driver"]

log = logging.getLogger("swiftiply.error")

#: Brings the application through one exchange: `run`, or what does so for WebSockets.
Runs = Callable[[Application, Scope, Any], Awaitable[None]]

_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class Connector(Protocol):
    """What the driver needs of `swiftiply._native.LoopConnector`."""

    def fileno(self) -> int: ...
    def turn(self) -> Iterable[tuple[str, Any]]: ...
    def flush(self) -> None: ...
    def drain(self) -> None: ...
    def stop(self) -> None: ...


class Driver:
    """Starts an exchange for each request that comes, until the connector has ended."""

    def __init__(
        self,
        connector: Connector,
        app: Application,
        base: Scope,
        service: Service,
        websocket: WebSocketSettings = WebSocketSettings(),  # noqa: B008 -- it is frozen
    ) -> None:
        self._connector = connector
        self._app = app
        self._base = base
        self._service = service
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._exchanges: dict[int, tuple[LoopExchange | WebSocket, asyncio.Task[None]]] = {}
        self._flush_is_due = False
        #: Done when no request can come any more; raises `RefusedError` if none ever could.
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(connector.fileno(), self._turn)

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """Those of the exchanges that are under way."""
        return {task for _, task in self._exchanges.values()}

    def drain(self) -> None:
        self._connector.drain()
        self._turn()

    def leave_all(self) -> None:
        """Tell every exchange that this process must go."""
        for exchange, _ in list(self._exchanges.values()):
            exchange.general().leave()

    def cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()

    def close(self) -> None:
        """Send what is left and part with the proxies."""
        if self._loop.remove_reader(self._connector.fileno()):
            self._flush()
            self._connector.stop()

    def _turn(self) -> None:
        for kind, value in self._connector.turn():
            if kind == "request":
                self._begin(value)
            elif kind == "upgrade":
                self._begin(value, offers_upgrade=True)
            elif kind == "notice":
                self._take_notice(value)
            elif kind == "ended":
                if not self.ended.done():
                    self.ended.set_result(None)
            elif value in self._exchanges:
                exchange = self._exchanges[value][0].general()
                if kind == "readable":
                    exchange.readable()
                elif kind == "writable":
                    exchange.writable()
                elif kind == "disconnected":
                    exchange.disconnect()

    def _begin(self, request: Request, offers_upgrade: bool = False) -> None:
        try:
            scope = request.scope(self._base)
        except MountError as error:
            log.warning("%s; answered 404", error)
            request.reply.send(404, None, _TEXT, b"Not Found\n")
            self._flush_soon()
            return
        if offers_upgrade and wants_websocket(scope["method"], scope["headers"]):
            self._begin_websocket(request, scope)
            return
        exchange = request.exchange(self._flush_soon)
        self._start(request.key, run, scope, exchange)

    def _begin_websocket(self, request: Request, scope: Scope) -> None:
        # With the library that does the frames: no use to an application without WebSockets, and perhaps not there.
        try:
            from . import sockets
        except ImportError as error:
            log.error("WebSocket %s: answered 501 (%s); pip install 'swiftiply-wsgi[standard]'", scope["path"], error)
            request.reply.send(501, None, _TEXT, b"WebSockets are not installed here.\n")
            self._flush_soon()
            return
        socket = sockets.begin(request, scope, self._websocket, self._flush_soon)
        if socket is None:
            self._flush_soon()
        else:
            self._start(request.key, sockets.run, scope, socket)

    def _start(self, key: int, runs: Runs, scope: Scope, exchange: LoopExchange | WebSocket) -> None:
        # The task copies the context of this callback, which nobody writes to: each request begins with a fresh one.
        self._exchanges[key] = exchange, self._loop.create_task(self._run(key, runs, scope, exchange))

    async def _run(self, key: int, runs: Runs, scope: Scope, exchange: LoopExchange | WebSocket) -> None:
        try:
            await runs(self._app, scope, exchange)
        finally:
            del self._exchanges[key]

    def _take_notice(self, notice: Any) -> None:
        try:
            self._service.take(notice)
        except RefusedError as error:
            if not self.ended.done():
                self.ended.set_exception(error)

    def _flush_soon(self) -> None:
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        self._connector.flush()
