"""Runs a WSGI application against a request without a link."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from typing import Any

from fakes import Reply, Request
from swiftiply.wsgi.environ import base_environ
from swiftiply.wsgi.run import run

PLAIN = [("Content-Type", "text/plain")]

Start = Callable[..., Callable[[bytes], None]]


def serve(app: Any, request: Request | None = None, mount: str = "") -> Reply:
    request = request or Request()
    contextvars.Context().run(run, app, base_environ(threads=1, processes=1, mount=mount), request)
    assert not request.reply.slot_is_held
    return request.reply


class Body:
    """An iterable that remembers what was done to it."""

    def __init__(self, *blocks: Any, on_close: Exception | None = None) -> None:
        self.blocks = list(blocks)
        self.taken = 0
        self.closed = 0
        self.on_close = on_close

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks:
            self.taken += 1
            if isinstance(block, BaseException):
                raise block
            yield block

    def close(self) -> None:
        self.closed += 1
        if self.on_close is not None:
            raise self.on_close


def replying(body: Any, headers: Any = PLAIN, status: str = "200 OK") -> Any:
    def app(_environ: Any, start_response: Start) -> Any:
        start_response(status, list(headers))
        return body

    return app
