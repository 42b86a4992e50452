"""`ThreadConnector.serve` against `swiftiply.wsgi.run.run`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextvars import Context
from typing import Any, Callable

import pytest
from comparing import GET, HEAD, OLD, POST, VARIABLE, Failure, Seen, compare
from running import PATIENCE, Site

from swiftiply._native import ThreadConnector
from swiftiply.wsgi.environ import base_environ
from swiftiply.wsgi.run import run

TEXT = [("Content-Type", "text/plain")]


def plain(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    return [b"hello"]


def with_length(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("201 Made so", [*TEXT, ("content-length", " 5 "), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return (b"hello",)


def too_short(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", [("Content-Length", "9")])
    return [b"hello"]


def too_long(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", [("Content-Length", "2")])
    return [b"hello"]


def large(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    return [b"0123456789" * 100_000]


def without_body(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("204 No Content", [("Content-Length", "5")])
    return [b"hello"]


def not_modified(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("304 Not Modified", [("ETag", '"x"')])
    return [b""]


def several_blocks(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    return [b"one", b"two"]


def generated(_environ: Any, start_response: Any, seen: Seen) -> Iterator[bytes]:
    try:
        start_response("200 OK", TEXT)
        yield b"one"
        yield b""
        yield b"two"
    finally:
        seen.append("closed")


def written(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    write = start_response("200 OK", TEXT)
    write(b"written ")
    return [b"returned"]


def headers_changed_later(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    headers = list(TEXT)
    write = start_response("200 OK", headers)
    headers.append(("X-Late", "1"))
    write(b"x")
    return [b"y"]


def hinted(environ: Any, start_response: Any, _seen: Seen) -> Any:
    environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
    start_response("200 OK", TEXT)
    return [b"hello"]


def replaced(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    try:
        raise Failure
    except Failure:
        start_response("500 Sorry", [("X-Page", "error")], sys.exc_info())
    return [b"sorry"]


def started_twice(_environ: Any, start_response: Any, seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    try:
        start_response("404 Not Found", TEXT)
    except AssertionError as error:
        seen.append(str(error))
    return [b"hello"]


def never_started(_environ: Any, _start_response: Any, _seen: Seen) -> Any:
    return [b"hello"]


def failing(_environ: Any, _start_response: Any, _seen: Seen) -> Any:
    raise Failure("no")


def failing_after_start(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    raise SystemExit(3)


def text_block(_environ: Any, start_response: Any, _seen: Seen) -> Any:
    start_response("200 OK", TEXT)
    return ["hello"]


def reading(environ: Any, start_response: Any, seen: Seen) -> Any:
    stream = environ["wsgi.input"]
    seen.append((stream.read(2), stream.readline(), list(stream), stream.read()))
    start_response("200 OK", TEXT)
    return [b"hello"]


def looking(environ: Any, start_response: Any, seen: Seen) -> Any:
    strangers = ("wsgi.errors", "wsgi.input", "wsgi.early_hints", "REMOTE_PORT")
    seen.append({name: value for name, value in environ.items() if name not in strangers})
    seen.append(sorted(environ))
    start_response("200 OK", TEXT)
    return [b"hello"]


def leaving_context(_environ: Any, start_response: Any, seen: Seen) -> Iterator[bytes]:
    seen.append(VARIABLE.get())
    VARIABLE.set(1)
    start_response("200 OK", TEXT)
    yield b"%d" % VARIABLE.get()


def with_head(status: Any, headers: Any) -> Callable[..., Any]:
    def app(_environ: Any, start_response: Any, seen: Seen) -> Any:
        try:
            start_response(status, headers)
        except Exception as error:
            seen.append((type(error), str(error)))
            start_response("500 Bad head", TEXT)
        return [b"hello"]

    return app


class Text(str):
    __slots__ = ()


HEADS: list[tuple[Any, Any]] = [
    ("200", TEXT),
    ("200 ", TEXT),
    ("099 Low", TEXT),
    ("100 Continue", TEXT),
    ("600 High", TEXT),
    ("2000 Long", TEXT),
    ("\u0662\u0660\u0660 OK", TEXT),
    ("200 a\r\nb", TEXT),
    ("200 caf\xe9", TEXT),
    (b"200 OK", TEXT),
    (Text("200 OK"), [(Text("X-A"), Text("b"))]),
    ("200 OK", tuple(TEXT)),
    ("200 OK", [["X-A", "b"]]),
    ("200 OK", [("X-A",)]),
    ("200 OK", [("X-A", 1)]),
    ("200 OK", [(b"X-A", b"b")]),
    ("200 OK", [("X A", "b")]),
    ("200 OK", [("", "b")]),
    ("200 OK", [("X-A", "b\nc")]),
    ("200 OK", [("X-A", "b\x7f")]),
    ("200 OK", [("X-A", "\tb \xe9")]),
    ("200 OK", [("X-A", "\u03a9")]),
    ("200 OK", [("Content-Length", "five")]),
    ("200 OK", [("Content-Length", "+5")]),
    ("200 OK", [("Content-Length", "5"), ("content-length", "5")]),
    ("200 OK", [("Content-Length", "5"), ("content-length", "6")]),
    *(
        ("200 OK", [(name, "x")])
        for name in (
            "Connection",
            "keep-alive",
            "Proxy-Authenticate",
            "Proxy-Authorization",
            "Proxy-Connection",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
        )
    ),
]

WSGI_CASES = [
    (app, GET)
    for app in (
        plain,
        with_length,
        too_short,
        too_long,
        large,
        without_body,
        not_modified,
        several_blocks,
        generated,
        written,
        headers_changed_later,
        hinted,
        replaced,
        started_twice,
        never_started,
        failing,
        failing_after_start,
        text_block,
        reading,
        looking,
        leaving_context,
    )
]
WSGI_CASES += [(app, HEAD) for app in (plain, with_length, too_short, without_body, generated)]
WSGI_CASES += [(reading, POST), (looking, POST), (looking, OLD)]


def name_of(case: Any) -> str:
    return case.split()[0].decode() if isinstance(case, bytes) else getattr(case, "__name__", "")


@pytest.mark.parametrize(("app", "message"), WSGI_CASES, ids=name_of)
def test_wsgi(site: Site, caplog: pytest.LogCaptureFixture, app: Any, message: bytes) -> None:
    def serve(connector: ThreadConnector, wrapped: Any, base: Any) -> None:
        connector.serve(wrapped, base)

    compare(site, message, caplog, [wsgi(app, serve), wsgi(app, serve_readably)])


def test_wsgi_heads(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for head in HEADS:
        test_wsgi(site, caplog, with_head(*head), GET)


def serve_readably(connector: ThreadConnector, app: Any, base: Any) -> None:
    while (request := connector.take()) is not None:
        Context().run(run, app, base, request)
        del request


def wsgi(app: Any, serve: Any) -> Callable[..., None]:
    def work(site: Site, stop: threading.Event, seen: Seen) -> None:
        connector = ThreadConnector([site.address], slots=1)
        base = base_environ(threads=1, processes=1)
        arguments = (connector, lambda environ, start_response: app(environ, start_response, seen), base)
        thread = threading.Thread(target=serve, args=arguments, daemon=True)
        thread.start()
        stop.wait(PATIENCE)
        connector.drain()
        thread.join(PATIENCE)

    return work
