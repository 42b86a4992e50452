"""A WSGI application's reply, whatever the application does."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from fakes import Head, Reply, Request, post
from play_wsgi import PLAIN, Body, Start, replying, serve

# The usual ways.


@pytest.mark.parametrize("body", [[b"hello"], (b"hello",), [b"he", b"", b"llo"]])
def test_a_list_is_one_reply_in_one_call(body: Any) -> None:
    reply = serve(replying(body))
    assert reply.calls == ["send"]
    assert (reply.status, reply.reason, reply.headers, reply.body) == (200, "OK", PLAIN, b"hello")


@pytest.mark.parametrize("body", [[], [b""], (), iter([]), Body(), Body(b"", b"")])
def test_an_empty_body_is_a_whole_reply_too(body: Any) -> None:
    reply = serve(replying(body))
    assert [call for call in reply.calls if not call.endswith("_slot")] == ["send"]
    assert reply.body == b""


def test_every_block_is_sent_before_the_next_is_asked_for() -> None:
    reply = Reply()
    seen = []

    def app(_environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        for block in (b"a", b"b", b"c"):
            seen.append(reply.body)
            yield block

    request = Request()
    request.reply = reply
    serve(app, request)
    assert seen == [b"", b"a", b"ab"]
    assert reply.is_done
    assert reply.aborted is None


def test_start_response_may_come_as_late_as_the_first_block() -> None:
    def app(_environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("201 Created", PLAIN)
        yield b"x"

    assert serve(app).status == 201


def test_written_bytes_come_before_the_iterables() -> None:
    def app(_environ: Any, start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", PLAIN)
        write(b"1")
        return Body(b"2", b"3")

    assert serve(app).body == b"123"


def test_an_application_may_be_an_iterator_class() -> None:
    class App:
        def __init__(self, _environ: Any, start_response: Start) -> None:
            start_response("200 OK", PLAIN)
            self.left = [b"x", b"y"]

        def __iter__(self) -> App:
            return self

        def __next__(self) -> bytes:
            if not self.left:
                raise StopIteration
            return self.left.pop(0)

    assert serve(App).body == b"xy"


def test_the_body_of_an_upload_reaches_the_application() -> None:
    def app(environ: Any, start_response: Start) -> Any:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [body[::-1]]

    assert serve(app, post(b"abc", b"def")).body == b"fedcba"


# Lengths.


def test_more_than_the_content_length_is_cut_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    for body in ([b"12345678"], Body(b"123", b"45678"), Body(b"12345", b"678")):
        caplog.clear()
        reply = serve(replying(body, [("Content-Length", "5")]))
        assert reply.body == b"12345"
        assert reply.aborted is None
        assert "3 bytes more" in caplog.text


def test_less_than_the_content_length_is_cut_visibly_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    for body in ([b"123"], Body(b"12", b"3"), [], Body()):
        caplog.clear()
        reply = serve(replying(body, [("Content-Length", "5")]))
        assert reply.aborted is not None
        assert "Content-Length is 5" in caplog.text


@pytest.mark.parametrize("body", [[b"12345"], Body(b"12345"), [], Body()])
def test_a_reply_to_head_keeps_its_length_and_has_no_body(body: Any, caplog: pytest.LogCaptureFixture) -> None:
    reply = serve(replying(body, [("Content-Length", "5")]), Request(Head(method="HEAD")))
    assert (reply.body, reply.header("content-length"), reply.aborted) == (b"", ["5"], None)
    assert reply.is_done
    assert caplog.text == ""


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", [[b"oops"], Body(b"oops"), []])
def test_a_status_without_a_body_gets_none(status: str, body: Any) -> None:
    reply = serve(replying(body, [("Content-Length", "4")], status))
    assert (reply.body, reply.aborted) == (b"", None)
    assert reply.header("content-length") == ([] if status.startswith("204") else ["4"])


# Failures.


def test_an_exception_before_anything_is_sent_is_a_500_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(_environ: Any, _start: Start) -> Any:
        raise RuntimeError("secret detail")

    reply = serve(app, Request(Head(path=b"/boom", query=b"x=1")))
    assert (reply.status, reply.aborted) == (500, None)
    assert b"secret" not in reply.body
    assert "GET /boom?x=1 raised" in caplog.text
    assert "secret detail" in caplog.text


def test_an_exception_in_the_first_block_is_a_500_even_after_start_response() -> None:
    body = Body(b"", ValueError("first"))
    reply = serve(replying(body))
    assert (reply.status, reply.aborted, body.closed) == (500, None, 1)


def test_an_exception_after_the_reply_has_begun_cuts_it() -> None:
    body = Body(b"part", ValueError("later"))
    reply = serve(replying(body))
    assert (reply.status, reply.body) == (200, b"part")
    assert reply.aborted is not None
    assert body.closed == 1
    assert "finish" not in reply.calls


@pytest.mark.parametrize("block", ["text", bytearray(b"x"), None, 7])
def test_a_block_that_is_not_bytes_is_a_500(block: Any, caplog: pytest.LogCaptureFixture) -> None:
    for body in ([block], Body(block)):
        caplog.clear()
        assert serve(replying(body)).status == 500
        assert "TypeError" in caplog.text


@pytest.mark.parametrize("body", [[b"x"], [], Body(b"x"), Body(), None, 5])
def test_an_application_that_never_calls_start_response_is_a_500(body: Any) -> None:
    assert serve(lambda _environ, _start: body).status == 500


def test_sys_exit_ends_the_request_and_not_the_process(caplog: pytest.LogCaptureFixture) -> None:
    def app(_environ: Any, _start: Start) -> Any:
        sys.exit(3)

    assert serve(app).status == 500
    assert "SystemExit" in caplog.text


def test_an_error_page_can_still_replace_the_reply_after_an_empty_block() -> None:
    def app(_environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", PLAIN)
        yield b""
        try:
            raise KeyError("late")
        except KeyError:
            start_response("503 Busy", PLAIN, sys.exc_info())
        yield b"busy"

    reply = serve(app)
    assert (reply.status, reply.body) == (503, b"busy")
