"""What an ASGI application receives, and what it learns of a client that leaves."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import pytest

from fakes import Reply, Request, post
from play_asgi import END, START, body, sending, serve, settle
from swiftiply.asgi.run import Exchange, run
from swiftiply.asgi.scope import base_scope
from swiftiply.errors import ClientDisconnected


def receiving(count: int) -> tuple[Any, list[Any]]:
    messages: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        for _ in range(count):
            messages.append(await receive())
        await send(START)
        await send(END)

    return app, messages


def request_message(data: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def test_without_a_body_there_is_one_empty_message() -> None:
    app, messages = receiving(1)
    serve(app)
    assert messages == [request_message(b"", False)]


def test_a_body_of_known_length_ends_with_its_last_byte() -> None:
    app, messages = receiving(2)
    serve(app, post(b"abc", b"de"))
    assert messages == [request_message(b"abc", True), request_message(b"de", False)]


def test_a_body_of_unknown_length_ends_when_the_link_says_so() -> None:
    app, messages = receiving(2)
    serve(app, post(b"abc", content_length=None))
    assert messages == [request_message(b"abc", True), request_message(b"", False)]


def test_the_application_waits_for_what_has_not_come_yet() -> None:
    app, messages = receiving(2)

    async def play(exchange: Exchange, request: Request) -> None:
        assert messages == [request_message(b"a", True)]
        request.pieces[:] = [b"b"]
        exchange.readable()

    serve(app, post(b"a", None, content_length=2), play)
    assert messages[1] == request_message(b"b", False)


def test_every_read_is_flushed_so_that_the_proxy_learns_of_the_room() -> None:
    async def play(_exchange: Exchange, request: Request) -> None:
        assert request.reply.calls == ["flush"] * len(request.reads)
        _exchange.disconnect()

    app, _ = receiving(3)
    serve(app, post(b"a", None, content_length=None), play)


def test_bytes_are_taken_only_when_the_application_asks() -> None:
    request = post(b"abc")
    serve(sending(START, END), request)
    assert request.reads == []


def test_after_the_body_the_application_waits_for_its_client_to_leave() -> None:
    app, messages = receiving(3)

    async def play(exchange: Exchange, _request: Request) -> None:
        assert len(messages) == 1
        exchange.disconnect()

    reply = serve(app, Request(), play)
    assert [message["type"] for message in messages] == ["http.request", "http.disconnect", "http.disconnect"]
    assert reply.aborted is not None  # its send() raised: nobody reads


def test_several_tasks_may_wait_for_the_disconnect() -> None:
    found: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        found.extend(await asyncio.gather(receive(), receive(), receive()))

    async def play(exchange: Exchange, _request: Request) -> None:
        exchange.disconnect()

    serve(app, None, play)
    assert [message["type"] for message in found] == ["http.disconnect"] * 3


def test_an_application_that_returns_because_its_client_left_is_not_blamed(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def play(exchange: Exchange, _request: Request) -> None:
        exchange.disconnect()

    assert serve(app, None, play).aborted == "the client left"
    assert caplog.text == ""


def test_once_the_reply_is_whole_there_is_nothing_more_to_receive() -> None:
    found = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        waiting = asyncio.ensure_future(receive_after_body(receive))
        await asyncio.sleep(0)
        await send(START)
        await send(END)
        found.append(await waiting)

    async def receive_after_body(receive: Any) -> Any:
        await receive()
        return await receive()

    serve(app)
    assert found == [{"type": "http.disconnect"}]


def test_a_cut_upload_is_a_disconnect_and_never_a_whole_body() -> None:
    app, messages = receiving(2)
    serve(app, post(b"half", ClientDisconnected("cut"), content_length=8))
    assert messages == [request_message(b"half", True), {"type": "http.disconnect"}]


# Clients that leave, processes that stop.


@pytest.mark.parametrize("wrap", [False, True])
def test_sending_to_a_client_that_left_raises_an_oserror_that_is_not_logged(
    wrap: bool, caplog: pytest.LogCaptureFixture
) -> None:
    raised = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        try:
            await send(START)
        except OSError as error:
            raised.append(error)
            if wrap:  # as Starlette does
                raise RuntimeError("client disconnect") from None
            raise

    async def play(exchange: Exchange, _request: Request) -> None:
        exchange.disconnect()

    with caplog.at_level(logging.INFO):
        reply = serve(app, None, play)
    assert len(raised) == 1
    assert reply.aborted is not None
    assert caplog.text == ""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_a_group_of_nothing_but_disconnects_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
            group.create_task(send(START))

    async def play(exchange: Exchange, _request: Request) -> None:
        exchange.disconnect()

    assert serve(app, None, play).aborted is not None
    assert caplog.text == ""


def test_a_writer_that_waits_for_room_learns_that_its_client_left() -> None:
    async def play(exchange: Exchange, _request: Request) -> None:
        exchange.disconnect()

    request = Request()
    request.reply.window = 1
    reply = serve(sending(START, body(b"12345"), END), request, play)
    assert reply.aborted == "the client left"


def test_a_cancellation_reaches_the_application_and_passes_on() -> None:
    seen = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> Reply:
        request = Request()
        task = asyncio.ensure_future(run(app, request.scope(base_scope()), request.exchange(lambda: None)))
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return request.reply

    reply = asyncio.run(main())
    assert seen == ["cancelled"]
    assert reply.aborted == "the backend stopped"
