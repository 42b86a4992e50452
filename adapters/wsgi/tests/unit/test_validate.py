"""`wsgiref.validate`, the standard library's own reading of PEP 3333, around applications in both directions."""

from __future__ import annotations

import contextvars
import warnings
from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

import pytest

from fakes import Head, Reply, Request, post
from swiftiply.wsgi.environ import base_environ
from swiftiply.wsgi.run import run

PLAIN = [("Content-Type", "text/plain")]
Start = Callable[..., Callable[[bytes], None]]


def whole(_environ: Any, start_response: Start) -> Any:
    start_response("200 OK", PLAIN)
    return [b"hello"]


def generator(_environ: Any, start_response: Start) -> Any:
    start_response("200 OK", PLAIN)
    yield b"hel"
    yield b"lo"


def writing(_environ: Any, start_response: Start) -> Any:
    start_response("200 OK", PLAIN)(b"hello")
    return []


def reading(environ: Any, start_response: Start) -> Any:
    body = environ["wsgi.input"]
    lines = [body.readline(), *body.readlines(), body.read(10), *body]
    environ["wsgi.errors"].write("read\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", PLAIN)
    return [b"hello"] if lines else []


def file(environ: Any, start_response: Start) -> Any:
    import io

    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"hello"))


REQUESTS = [
    Head(),
    Head(path=b"/a%20b", query=b"x=1&y", headers=[(b"Accept", b"*/*"), (b"Cookie", b"a=b")]),
    Head(method="HEAD"),
    Head(method="OPTIONS", path=b"*"),
    Head(version="HTTP/1.0", authority=b"", peer=None, local=None),
    Head(scheme="https", authority=b"[::1]:8443"),
]


@pytest.mark.parametrize("app", [whole, generator, writing, reading, file])
@pytest.mark.parametrize("head", REQUESTS, ids=lambda head: f"{head.method} {head.path.decode()} {head.version}")
def test_the_validator_finds_nothing(app: Any, head: Head, caplog: pytest.LogCaptureFixture) -> None:
    reply = serve(app, Request(head))
    assert caplog.text == ""
    assert (reply.status, reply.body) == (200, b"" if head.method == "HEAD" else b"hello")


def test_the_validator_finds_nothing_in_an_upload(caplog: pytest.LogCaptureFixture) -> None:
    request = post(b"one\ntwo\n", b"three", headers=[(b"Content-Type", b"text/plain")])
    assert serve(reading, request).body == b"hello"
    assert caplog.text == ""


def serve(app: Any, request: Request) -> Reply:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        contextvars.Context().run(run, validator(app), base_environ(threads=1, processes=1), request)
    return request.reply
