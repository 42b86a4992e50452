"""The event loop's side of the connector: its descriptor watched, its events given to the exchanges they belong to.

All happens on the loop's own thread. What became ready in one turn of the loop leaves in one write per link.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from ..errors import MountError, RefusedError
from ..exchange import LoopExchange, Request, Scope
from ..service import Service
from .run import Application, run

__all__ = ["Connector", "Driver"]

log = logging.getLogger("swiftiply.error")


class Connector(Protocol):
    """What the driver needs of `swiftiply._native.LoopConnector`."""

    def fileno(self) -> int: ...
    def turn(self) -> Iterable[tuple[str, Any]]: ...
    def flush(self) -> None: ...
    def drain(self) -> None: ...
    def stop(self) -> None: ...


class Driver:
    """Starts an exchange for each request that comes, until the connector has ended."""

    def __init__(self, connector: Connector, app: Application, base: Scope, service: Service) -> None:
        self._connector = connector
        self._app = app
        self._base = base
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._exchanges: dict[int, tuple[LoopExchange, asyncio.Task[None]]] = {}
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

    def disconnect_all(self) -> None:
        """Tell every exchange that its client is gone."""
        for exchange, _ in self._exchanges.values():
            exchange.general().disconnect()

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

    def _begin(self, request: Request) -> None:
        try:
            scope = request.scope(self._base)
        except MountError as error:
            log.warning("%s; answered 404", error)
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            request.reply.send(404, None, headers, b"Not Found\n")
            self._flush_soon()
            return
        key = request.key
        exchange = request.exchange(self._flush_soon)
        # The task copies the context of this callback, which nobody writes to: each request begins with a fresh one.
        self._exchanges[key] = exchange, self._loop.create_task(self._run(key, scope, exchange))

    async def _run(self, key: int, scope: Scope, exchange: LoopExchange) -> None:
        try:
            await run(self._app, scope, exchange)
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
