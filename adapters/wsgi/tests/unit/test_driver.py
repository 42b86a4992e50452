"""The event loop's side of the connector, with events written down by hand."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable
from typing import Any, Callable

import pytest

from fakes import Head, Request, post
from swiftiply.asgi.driver import Driver
from swiftiply.asgi.scope import base_scope
from swiftiply.errors import RefusedError
from swiftiply.report import TerminalReport
from swiftiply.service import Service

START = {"type": "http.response.start", "status": 200}


class Connector:
    """Gives the events that the test puts in; its descriptor is one end of a socket pair."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.events: list[tuple[str, Any]] = []
        self.calls: list[str] = []

    def happen(self, *events: tuple[str, Any]) -> None:
        self.events.extend(events)
        self.theirs.send(b"x")

    def fileno(self) -> int:
        return self.ours.fileno()

    def turn(self) -> list[tuple[str, Any]]:
        self.ours.setblocking(False)
        try:
            self.ours.recv(100)
        except BlockingIOError:
            pass
        events, self.events = self.events, []
        return events

    def flush(self) -> None:
        self.calls.append("flush")

    def drain(self) -> None:
        self.calls.append("drain")

    def stop(self) -> None:
        self.calls.append("stop")


class Notice:
    kind, level, text, is_fatal = "refused", "error", "wrong key", True


def play(app: Any, scene: Callable[[Connector, Driver], Awaitable[None]], mount: str = "") -> Connector:
    connector = Connector()

    async def main() -> None:
        driver = Driver(connector, app, base_scope(mount=mount), Service(TerminalReport(), 1))
        try:
            await asyncio.wait_for(scene(connector, driver), 10)
        finally:
            driver.close()

    asyncio.run(main())
    connector.ours.close()
    connector.theirs.close()
    return connector


async def answering(_scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send(START)
    await send({"type": "http.response.body", "body": body[::-1]})


async def idle(driver: Driver) -> None:
    while driver.tasks:
        await asyncio.wait(driver.tasks)
    await asyncio.sleep(0)


async def until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_requests_of_one_turn_are_answered_and_leave_in_one_flush() -> None:
    requests = [Request(key=key) for key in range(1, 6)]

    async def scene(connector: Connector, driver: Driver) -> None:
        connector.happen(*(("request", request) for request in requests))
        await until(lambda: all(request.reply.is_done for request in requests))
        await idle(driver)
        assert connector.calls == ["flush"]

    play(answering, scene)


def test_events_reach_the_exchange_that_they_name() -> None:
    first, second = post(None, content_length=2, path=b"/1"), post(None, content_length=2, path=b"/2")
    first.key, second.key = 1, 2

    async def scene(connector: Connector, driver: Driver) -> None:
        connector.happen(("request", first), ("request", second))
        await until(lambda: len(driver.tasks) == 2)
        await until(lambda: not (first.pieces or second.pieces))
        second.pieces = [b"ab"]
        connector.happen(("readable", 2))
        await until(lambda: second.reply.is_done)
        assert not first.reply.is_done
        connector.happen(("disconnected", 1), ("readable", 99))
        await idle(driver)

    play(answering, scene)
    assert second.reply.body == b"ba"
    assert first.reply.aborted is not None


UPGRADE = [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ==")]


def test_an_offered_websocket_becomes_one_and_any_other_upgrade_plain_http() -> None:
    pytest.importorskip("websockets")
    types = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        types.append(scope["type"])
        if scope["type"] == "http":
            await answering(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    requests = [
        Request(Head(headers=[*UPGRADE, (b"Sec-WebSocket-Version", b"13")]), key=1),
        Request(Head(headers=UPGRADE), key=2),
        Request(Head(headers=[(b"Upgrade", b"something-else")]), key=3),
    ]

    async def scene(connector: Connector, driver: Driver) -> None:
        connector.happen(*(("upgrade", request) for request in requests))
        await until(lambda: all(request.reply.is_done for request in requests))
        await idle(driver)

    play(app, scene)
    assert [request.reply.status for request in requests] == [403, 426, 200]
    assert types == ["websocket", "http"]


def test_without_the_library_a_websocket_is_answered_501_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("swiftiply.asgi.sockets", "swiftiply.asgi.websocket", "swiftiply.asgi.frames"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in [name for name in sys.modules if name.startswith("websockets")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.delattr("swiftiply.asgi.sockets", raising=False)
    request = Request(Head(headers=[*UPGRADE, (b"Sec-WebSocket-Version", b"13")]))

    async def scene(connector: Connector, _driver: Driver) -> None:
        connector.happen(("upgrade", request))
        await until(lambda: request.reply.is_done)

    play(answering, scene)
    assert request.reply.status == 501
    assert "pip install 'swiftiply-wsgi[standard]'" in caplog.text


def test_a_path_outside_the_mount_is_a_404(caplog: pytest.LogCaptureFixture) -> None:
    request = Request(Head(path=b"/other"))

    async def scene(connector: Connector, _driver: Driver) -> None:
        connector.happen(("request", request))
        await until(lambda: request.reply.is_done)

    with caplog.at_level(logging.WARNING):
        play(answering, scene, mount="/shop")
    assert request.reply.status == 404
    assert "/shop" in caplog.text


def test_the_end_and_a_refusal_are_told() -> None:
    async def ended(connector: Connector, driver: Driver) -> None:
        driver.drain()
        connector.happen(("ended", None))
        await driver.ended

    async def refused(connector: Connector, driver: Driver) -> None:
        connector.happen(("notice", Notice()))
        with pytest.raises(RefusedError, match="wrong key"):
            await driver.ended

    assert play(answering, ended).calls == ["drain", "flush", "stop"]
    assert play(answering, refused).calls == ["flush", "stop"]


def test_each_request_starts_with_a_fresh_context() -> None:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="fresh")
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(variable.get())
        variable.set("stale")
        await answering(scope, receive, send)

    async def scene(connector: Connector, driver: Driver) -> None:
        for key in (1, 2):
            request = Request(key=key)
            connector.happen(("request", request))
            await until(lambda request=request: request.reply.is_done)  # type: ignore[misc]

    play(app, scene)
    assert found == ["fresh", "fresh"]
