"""An ASGI application's reply on its way to the client, whatever the application sends."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Head, Request
from play_asgi import END, START, body, sending, serve, settle, start
from swiftiply.asgi.run import Exchange
from swiftiply.errors import ReplyError


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


# Trailers.

ANNOUNCED = {**START, "trailers": True}


def trailers(*headers: tuple[bytes, bytes], more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.trailers", "headers": headers, "more_trailers": more}


def test_announced_trailers_end_the_reply() -> None:
    for bodies in ([body(b"hello", more=False)], [body(b"hel"), body(b"lo"), END]):
        reply = serve(sending(ANNOUNCED, *bodies, trailers((b"a", b"1"), more=True), trailers((b"b", b"2"))))
        assert (reply.body, reply.trailers, reply.is_done) == (b"hello", [(b"a", b"1"), (b"b", b"2")], True)
        assert reply.calls.count("finish") == 1


def test_trailers_that_never_come_cut_the_reply_visibly(caplog: pytest.LogCaptureFixture) -> None:
    for rest in ([], [trailers((b"a", b"1"), more=True)]):
        caplog.clear()
        reply = serve(sending(ANNOUNCED, END, *rest))
        assert reply.aborted is not None
        assert "without ending its reply" in caplog.text


def test_trailers_have_their_place(caplog: pytest.LogCaptureFixture) -> None:
    for messages, explanation in (
        ([START, body(b"x"), trailers()], "no trailers: True"),
        ([ANNOUNCED, body(b"x"), trailers()], "before the last"),
        ([ANNOUNCED, trailers()], "before the last"),
    ):
        caplog.clear()
        serve(sending(*messages))
        assert explanation in str(caplog.records[0].exc_info)


def test_a_reply_to_head_has_no_trailers() -> None:
    reply = serve(sending(ANNOUNCED, END, trailers((b"a", b"1"))), Request(Head(method="HEAD")))
    assert (reply.trailers, reply.is_done, reply.aborted) == (None, True, None)


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
