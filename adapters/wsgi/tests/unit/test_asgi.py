"""One request through an ASGI application, whatever the application does."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable
from typing import Any, Callable

import pytest

from fakes import Head, Reply, Request, post
from swiftiply.asgi.run import Exchange
from swiftiply.asgi.scope import base_scope
from swiftiply.errors import ClientDisconnected, ReplyError

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
    exchange = Exchange(app, base_scope(), request, lambda: request.reply.flush())
    task = asyncio.ensure_future(exchange.run())
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


# Replies.


def test_a_reply_of_one_message_is_one_call_and_a_flush() -> None:
    reply = serve(sending(START, body(b"hello", more=False)))
    assert reply.calls == ["send", "flush"]
    assert (reply.status, reply.headers, reply.body) == (200, START["headers"], b"hello")


def test_a_stream_goes_out_piece_by_piece() -> None:
    reply = serve(sending(START, body(b"a"), body(b""), body(b"b"), END))
    assert [call for call in reply.calls if call != "flush"] == ["start", "try_write", "try_write", "finish"]
    assert (reply.body, reply.is_done, reply.aborted) == (b"ab", True, None)


def test_headers_may_be_any_iterable_and_its_values_any_bytes() -> None:
    headers = ([bytearray(name), memoryview(b"v")] for name in (b"a", b"b"))
    reply = serve(sending({"type": "http.response.start", "status": 201, "headers": headers}, END))
    assert reply.headers == [(b"a", b"v"), (b"b", b"v")]
    assert serve(sending({"type": "http.response.start", "status": 204}, END)).status == 204


def test_hop_by_hop_headers_of_the_application_are_ignored() -> None:
    reply = serve(sending(start((b"Transfer-Encoding", b"chunked"), (b"Connection", b"close"), (b"a", b"b")), END))
    assert reply.headers == [(b"a", b"b")]


def test_a_second_last_message_is_ignored() -> None:
    reply = serve(sending(START, body(b"x", more=False), body(b"y", more=False)))
    assert (reply.body, reply.aborted) == (b"x", None)


def test_a_full_window_holds_the_application_back() -> None:
    sent = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"12345678"))
        sent.append(True)
        await send(END)

    async def play(exchange: Exchange, request: Request) -> None:
        assert (request.reply.body, sent) == (b"123", [])
        request.reply.window = 4
        exchange.writable()
        await settle()
        assert (request.reply.body, sent) == (b"1234567", [])
        request.reply.window = 100
        exchange.writable()

    request = Request()
    request.reply.window = 3
    reply = serve(app, request, play)
    assert (reply.body, reply.is_done, sent) == (b"12345678", True, [True])


def test_a_whole_reply_larger_than_the_window_waits_for_room_too() -> None:
    async def play(exchange: Exchange, request: Request) -> None:
        assert request.reply.body == b"123"
        request.reply.window = 100
        exchange.writable()

    request = Request()
    request.reply.window = 3
    reply = serve(sending(START, body(b"12345678", more=False)), request, play)
    assert (reply.body, reply.is_done, reply.aborted) == (b"12345678", True, None)


def test_early_hints_go_ahead_of_the_reply() -> None:
    reply = serve(sending({"type": "http.response.early_hint", "links": [b"</a.css>", b"</b.js>"]}, START, END))
    assert reply.informed == [(103, [(b"link", b"</a.css>"), (b"link", b"</b.js>")])]
    assert (reply.status, reply.is_done) == (200, True)


def test_a_reply_to_head_has_no_body() -> None:
    for messages in ([body(b"12345", more=False)], [body(b"123"), body(b"45"), END], [END]):
        reply = serve(sending(start((b"Content-Length", b"5")), *messages), Request(Head(method="HEAD")))
        assert (reply.body, reply.header("content-length"), reply.aborted) == (b"", ["5"], None)


# Lengths.


def test_more_than_the_content_length_is_cut_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    for messages in ([body(b"12345678", more=False)], [body(b"123"), body(b"456"), body(b"78", more=False)]):
        caplog.clear()
        reply = serve(sending(start((b"content-length", b"5")), *messages))
        assert (reply.body, reply.aborted) == (b"12345", None)
        assert "3 bytes more" in caplog.text


def test_less_than_the_content_length_is_cut_visibly_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    for messages in ([body(b"123", more=False)], [body(b"1"), body(b"23"), END], [END]):
        caplog.clear()
        reply = serve(sending(start((b"content-length", b"5")), *messages))
        assert reply.aborted is not None
        assert "Content-Length is 5" in caplog.text


# Wrong orders.


@pytest.mark.parametrize(
    "messages",
    [
        [END],
        [START, START],
        [{"type": "http.response.nonsense"}],
        [{"type": "websocket.accept"}],
        [start((b"content-length", b"ten"))],
        [{"type": "http.response.start", "status": 200, "headers": [("text", b"v")]}],
    ],
)
def test_messages_that_make_no_reply_raise_in_the_application(messages: Any) -> None:
    raised = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await sending(*messages)(scope, receive, send)
        except Exception as error:
            raised.append(error)
            raise

    reply = serve(app)
    assert len(raised) == 1
    assert isinstance(raised[0], (ReplyError, TypeError, ValueError))
    assert reply.status == 500


def test_no_reply_at_all_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    for messages in ([], [START]):
        caplog.clear()
        assert serve(sending(*messages)).status == 500
        assert "gave no reply" in caplog.text


def test_a_reply_without_an_end_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    reply = serve(sending(START, body(b"part")))
    assert (reply.status, reply.body) == (200, b"part")
    assert reply.aborted is not None
    assert "without ending" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), SystemExit(3)])
def test_an_exception_is_a_500_or_a_cut_with_its_traceback(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        raise error

    messages: list[Any] = []
    reply = serve(app)
    assert (reply.status, reply.aborted) == (500, None)
    assert b"secret" not in reply.body
    assert "Traceback" in caplog.text
    messages = [START, body(b"part")]
    assert serve(app).aborted is not None


def test_an_exception_after_the_whole_reply_is_logged_and_spoils_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x", more=False))
        raise RuntimeError("in a background task")

    reply = serve(app)
    assert (reply.body, reply.aborted) == (b"x", None)
    assert "background" in caplog.text


# Requests.


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
        task = asyncio.ensure_future(Exchange(app, base_scope(), request, lambda: None).run())
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return request.reply

    reply = asyncio.run(main())
    assert seen == ["cancelled"]
    assert reply.status == 500
