"""Runs an ASGI application against a request without a link, while the test acts the proxy's part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable

from fakes import Reply, Request
from swiftiply.asgi.run import Exchange, run
from swiftiply.asgi.scope import base_scope

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
END = {"type": "http.response.body"}


def body(data: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


Play = Callable[[Exchange, Request], Awaitable[None]]


def serve(app: Any, request: Request | None = None, play: Play | None = None) -> Reply:
    """Run an application to its end; ``play`` acts the proxy's part meanwhile."""
    request = request or Request()
    asyncio.run(_serve(app, request, play))
    return request.reply


async def _serve(app: Any, request: Request, play: Play | None) -> None:
    exchange = request.exchange(request.reply.flush)
    task = asyncio.ensure_future(run(app, request.scope(base_scope()), exchange))
    if play is not None:
        await settle()
        await play(exchange, request)
    await asyncio.wait_for(task, 5)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def sending(*messages: Any) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app
