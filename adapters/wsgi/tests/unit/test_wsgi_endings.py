"""``close()``, clients that leave, and what else a WSGI application finds around it."""

from __future__ import annotations

import contextvars
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fakes import Head, Request, post
from play_wsgi import Body, Start, replying, serve
from swiftiply.errors import ClientDisconnected
from swiftiply.wsgi.environ import base_environ

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
