"""The application's own startup and shutdown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from swiftiply.asgi.lifespan import Lifespan, StartupFailed


def test_startup_and_shutdown_are_awaited_in_turn() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        seen.append((await receive())["type"])
        scope["state"]["database"] = "open"
        await send({"type": "lifespan.startup.complete"})
        seen.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        seen.append("returned")

    async def main() -> Lifespan:
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert seen == ["lifespan.startup"]
        await lifespan.shutdown()
        return lifespan

    assert asyncio.run(main()).state == {"database": "open"}
    assert seen == ["lifespan.startup", "lifespan.shutdown", "returned"]


def test_an_application_without_a_lifespan_is_ready_at_once() -> None:
    async def raising(scope: Any, _receive: Any, _send: Any) -> None:
        assert scope["type"] == "http"

    async def returning(_scope: Any, _receive: Any, _send: Any) -> None:
        return

    async def main(app: Any) -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert lifespan.state is None
        await lifespan.shutdown()

    for app in (raising, returning):
        asyncio.run(main(app))


def test_a_startup_that_fails_says_why() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartupFailed, match="no database"):
        asyncio.run(start(app))


def test_an_exception_during_shutdown_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise RuntimeError("while closing")

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(main())
    assert "while closing" in caplog.text


def test_a_shutdown_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "still open"})

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(main())
    assert "still open" in caplog.text


def test_messages_of_the_wrong_stage_raise_in_the_application() -> None:
    raised = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await send({"type": "lifespan.shutdown.complete"})
        except RuntimeError as error:
            raised.append(error)
        await send({"type": "lifespan.startup.complete"})

    asyncio.run(start(app))
    assert len(raised) == 1


async def start(app: Any) -> None:
    await Lifespan(app).startup()
