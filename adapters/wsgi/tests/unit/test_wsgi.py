"""One request through a WSGI application, whatever the application does."""

from __future__ import annotations

import contextvars
import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from fakes import Head, Reply, Request, post
from swiftiply.errors import ClientDisconnected
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


# close().


@pytest.mark.parametrize("headers", [[], [("Content-Length", "2")]])
def test_close_is_called_once_after_a_good_reply(headers: Any) -> None:
    body = Body(b"a", b"b")
    reply = serve(replying(body, headers))
    assert (body.closed, reply.body) == (1, b"ab")


def test_the_slot_stays_taken_until_close_returns() -> None:
    request = Request()
    held = []

    class Closing(Body):
        def close(self) -> None:
            held.append(request.reply.slot_is_held or not request.reply.is_done)

    for headers in ([], [("Content-Length", "1")]):
        request = Request()
        serve(replying(Closing(b"x"), headers), request)
    assert held == [True, True]


def test_close_is_called_on_subclasses_of_list_too() -> None:
    class Closing(list):  # type: ignore[type-arg]
        closed = False

        def close(self) -> None:
            self.closed = True

    body = Closing([b"x"])
    assert serve(replying(body)).body == b"x"
    assert body.closed


def test_close_is_called_when_start_response_never_was() -> None:
    body = Body(b"x")
    serve(lambda _environ, _start: body)
    assert body.closed == 1


def test_close_is_called_on_head() -> None:
    body = Body(b"x")
    serve(replying(body), Request(Head(method="HEAD")))
    assert body.closed == 1


def test_an_exception_in_close_is_logged_and_spoils_nothing(caplog: pytest.LogCaptureFixture) -> None:
    reply = serve(replying(Body(b"whole", on_close=ValueError("closing"))))
    assert (reply.body, reply.is_done, reply.aborted) == (b"whole", True, None)
    assert "closing" in caplog.text


def test_when_the_client_leaves_the_iteration_stops_and_the_generator_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = []

    def app(_environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"more"
        except GeneratorExit:
            ended.append(True)
            raise

    request = Request()
    request.reply.leaves_after = 3
    reply = serve(app, request)
    assert (len(reply.pieces), ended) == (3, [True])
    assert reply.aborted is not None
    assert caplog.text == ""


def test_an_application_that_only_waits_learns_between_empty_blocks_that_its_client_left() -> None:
    body = Body(*[b""] * 100)
    serve(replying(body), Request(disconnected=True))
    assert (body.taken, body.closed) == (1, 1)


def test_a_disconnect_passed_on_as_another_exception_is_not_the_applications_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: Any, _start: Start) -> Any:
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            raise RuntimeError("unreadable post") from error

    reply = serve(app, post(ClientDisconnected("cut"), content_length=5))
    assert reply.aborted is not None
    assert caplog.text == ""


# The rest of the environment.


def test_a_file_is_sent_from_where_it_stands_and_closed() -> None:
    file = io.BytesIO(b"0123456789")
    file.read(4)

    def app(environ: Any, start_response: Start) -> Any:
        start_response("200 OK", [("Content-Length", "6")])
        return environ["wsgi.file_wrapper"](file, 4)

    reply = serve(app)
    assert reply.pieces == [b"4567", b"89"]
    assert file.closed


def test_a_wrapper_has_close_only_if_its_file_has() -> None:
    class Bare:
        def read(self, _size: int) -> bytes:
            return b""

    wrapper = base_environ(threads=1, processes=1)["wsgi.file_wrapper"]
    assert not hasattr(wrapper(Bare()), "close")
    assert hasattr(wrapper(io.BytesIO()), "close")


def test_only_the_wrapper_that_comes_back_counts() -> None:
    def app(environ: Any, start_response: Start) -> Any:
        environ["wsgi.file_wrapper"](io.BytesIO(b"not this"))
        start_response("200 OK", [])
        return [b"this"]

    assert serve(app).body == b"this"


def test_what_one_request_sets_in_its_context_the_next_does_not_find() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="fresh")
    found = []

    def app(_environ: Any, start_response: Start) -> Iterator[bytes]:
        found.append(variable.get())
        variable.set("stale")
        start_response("200 OK", [])
        yield b"x"
        found.append(variable.get())

    serve(app)
    serve(app)
    assert found == ["fresh", "stale", "fresh", "stale"]


def test_the_errors_stream_takes_any_text_and_finds_the_current_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def app(environ: Any, start_response: Start) -> Any:
        errors = environ["wsgi.errors"]
        errors.write("schlimm ☠\n")
        errors.writelines(["a", "b\n"])
        print("printed", file=errors)
        errors.flush()
        with pytest.raises(TypeError):
            errors.write(b"bytes")
        start_response("200 OK", [])
        return [b""]

    assert serve(app).status == 200
    assert capsys.readouterr().err == "schlimm ☠\nab\nprinted\n"


def test_the_errors_stream_survives_a_stderr_that_cannot_spell(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    errors = base_environ(threads=1, processes=1)["wsgi.errors"]
    errors.write("☠")
    errors.flush()
    assert raw.getvalue() == b"\\u2620"


def test_a_path_outside_the_mount_is_a_404_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        reply = serve(replying([b"x"]), Request(Head(path=b"/other")), mount="/shop")
    assert reply.status == 404
    assert "/shop" in caplog.text
