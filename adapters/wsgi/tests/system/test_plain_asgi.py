"""The native `Request.exchange` against `swiftiply.asgi.run.Exchange`."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable

import pytest
from comparing import GET, HEAD, POST, VARIABLE, Failure, Seen, compare
from running import PATIENCE, Site

from swiftiply._native import LoopConnector
from swiftiply.asgi.driver import Driver
from swiftiply.asgi.run import Exchange
from swiftiply.asgi.scope import base_scope
from swiftiply.report import TerminalReport
from swiftiply.service import Service


def head(status: Any = 200, headers: Any = ((b"content-type", b"text/plain"),)) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: Any = b"hello", **more: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, **more}


def sending(*messages: Any) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any, seen: Seen) -> None:
        for message in messages:
            try:
                seen.append(await send(message))
            except Exception as error:
                seen.append((type(error), str(error)))

    return app


async def changing_headers(_scope: Any, _receive: Any, send: Any, _seen: Seen) -> None:
    headers = [(b"x-a", b"1")]
    await send(head(headers=headers))
    headers.append((b"x-b", b"2"))
    await send(body(more_body=True))
    await send(body())


async def in_tasks(_scope: Any, _receive: Any, send: Any, _seen: Seen) -> None:
    await asyncio.create_task(send(head()))
    await asyncio.wait_for(send(body()), 5)


async def listening(_scope: Any, receive: Any, send: Any, seen: Seen) -> None:
    seen.append(await receive())
    waiting = asyncio.create_task(receive())
    await send(head())
    await send(body())
    seen.append(await waiting)
    seen.append(await receive())


async def listening_late(_scope: Any, receive: Any, send: Any, seen: Seen) -> None:
    await send(head())
    await send(body())
    seen.append(await receive())


async def leaving_a_listener(_scope: Any, receive: Any, send: Any, seen: Seen) -> None:
    async def listen() -> None:
        seen.append(await receive())

    task = asyncio.create_task(listen())
    seen.append(task.get_name() != "")
    await send(head())
    await send(body())
    await task


async def looking_asgi(scope: Any, _receive: Any, send: Any, seen: Seen) -> None:
    seen.append({key: value for key, value in scope.items() if key != "client"})
    task = asyncio.current_task()
    seen.append((task is not None, VARIABLE.get()))
    VARIABLE.set(1)
    await send(head())
    await send(body())


async def failing_asgi(_scope: Any, _receive: Any, _send: Any, _seen: Seen) -> None:
    raise Failure("no")


async def failing_after_head(_scope: Any, _receive: Any, send: Any, _seen: Seen) -> None:
    await send(head())
    raise Failure("no")


async def failing_after_body(_scope: Any, _receive: Any, send: Any, _seen: Seen) -> None:
    await send(head())
    await send(body())
    raise Failure("late")


LONG = b"0123456789" * 100_000

ASGI_CASES = {
    "plain": sending(head(), body()),
    "no headers": sending({"type": "http.response.start", "status": 404}, body()),
    "headers in a list": sending(head(headers=[(b"X-A", b"b"), (b"x-a", b"c")]), body()),
    "headers in lists": sending(head(headers=[[b"x-a", b"b"]]), body()),
    "length": sending(head(headers=[(b"Content-Length", b" 5 ")]), body()),
    "too short": sending(head(headers=[(b"content-length", b"9")]), body()),
    "too long": sending(head(headers=[(b"content-length", b"2")]), body()),
    "length of two minds": sending(head(headers=[(b"content-length", b"5"), (b"content-length", b"6")]), body()),
    "no length": sending(head(headers=[(b"content-length", b"five")]), body()),
    "hop by hop": sending(head(headers=[(b"Connection", b"x-a"), (b"x-a", b"b"), (b"trailer", b"y")]), body()),
    "bad name": sending(head(headers=[(b"x a", b"b")]), body()),
    "bad value": sending(head(headers=[(b"x-a", b"b\r\nc")]), body()),
    "text": sending(head(headers=[("x-a", "b")]), body()),
    "bytearrays": sending(head(headers=[(bytearray(b"x-a"), b"b")]), body(bytearray(b"hello"))),
    "no content": sending(head(204, [(b"content-length", b"5")]), body()),
    "bad status": sending(head(99), body()),
    "status in text": sending(head("200"), body()),
    "large": sending(head(), body(LONG)),
    "pieces": sending(head(), body(b"a", more_body=True), body(b"b", more_body=False)),
    "nothing": sending(head(), {"type": "http.response.body"}),
    "only a head": sending(head()),
    "only a body": sending(body(), head(), body()),
    "two heads": sending(head(), head(404), body()),
    "behind the end": sending(head(), body(), body(b"more"), head()),
    "unknown": sending({"type": "http.response.unknown"}, head(), body()),
    "no type": sending({}, head(), body()),
    "hint": sending({"type": "http.response.early_hint", "links": [b"</a.css>"]}, head(), body()),
    "trailers": sending(
        {**head(), "trailers": True}, body(), {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    ),
    "no trailers": sending({**head(), "trailers": False}, body()),
    "missing trailers": sending({**head(), "trailers": True}, body()),
    "not a dict": sending(None, head(), body()),
    "silent": sending(),
    **{
        app.__name__: app
        for app in (
            changing_headers,
            in_tasks,
            listening,
            listening_late,
            leaving_a_listener,
            looking_asgi,
            failing_asgi,
            failing_after_head,
            failing_after_body,
        )
    },
}


@pytest.mark.parametrize("name", ASGI_CASES)
def test_asgi(site: Site, caplog: pytest.LogCaptureFixture, name: str) -> None:
    app = ASGI_CASES[name]
    for message in (GET, HEAD, POST):
        compare(site, message, caplog, [asgi(app, LoopConnector), asgi(app, ReadableConnector)])


class ReadableRequest:
    """A request whose exchange is the readable one from the start."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def exchange(self, flush_soon: Callable[[], None]) -> Exchange:
        return Exchange(self._request, flush_soon)


class ReadableConnector:
    def __init__(self, connect: list[str], *, slots: int) -> None:
        self._connector = LoopConnector(connect, slots=slots)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def turn(self) -> list[tuple[str, Any]]:
        return [
            (kind, ReadableRequest(value) if kind == "request" else value) for kind, value in self._connector.turn()
        ]


def asgi(app: Any, kind: Any) -> Callable[..., None]:
    def work(site: Site, stop: threading.Event, seen: Seen) -> None:
        async def serve() -> None:
            driver = Driver(
                kind([site.address], slots=1),
                lambda scope, receive, send: app(scope, receive, send, seen),
                base_scope(),
                Service(TerminalReport(), 1),
            )
            await asyncio.get_running_loop().run_in_executor(None, stop.wait, PATIENCE)
            driver.drain()
            await asyncio.wait_for(driver.ended, PATIENCE)
            driver.close()

        asyncio.run(serve())

    return work
