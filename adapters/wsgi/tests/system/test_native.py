"""The native module against the readable Python: the same mapping, the same errors, safe across a fork."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from running import PATIENCE, Site

from swiftiply import errors
from swiftiply._native import LoopConnector, ThreadConnector
from swiftiply.asgi import scope
from swiftiply.wsgi import environ

HEADS = [
    b"GET / HTTP/1.1\r\nHost: site.test\r\n",
    b"GET /a%20b/%C3%A9%ff%2F%41?x=%20&y HTTP/1.1\r\nHost: Site.Test:8080\r\n",
    b"GET /? HTTP/1.1\r\nHost: [::1]:80\r\n",
    b"GET /caf%E9 HTTP/1.0\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: site.test\r\n",
    b"PROPFIND /x HTTP/1.1\r\nHost: site.test\r\nDepth: 1\r\n",
    b"GET http://other.test/absolute?q HTTP/1.1\r\nHost: site.test\r\n",
    b"HEAD / HTTP/1.1\r\nHOST: site.test\r\naccept: a\r\nAccept: b\r\nCookie: x=1\r\ncookie: y=2\r\n",
    b"GET / HTTP/1.1\r\nHost: site.test\r\nX-Thing: caf\xe9\r\nx-thing: \xc3\xa9\r\nX-THING: c\r\nProxy: evil\r\n",
    b"POST / HTTP/1.1\r\nHost: site.test\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\n",
    b"POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n0\r\n",
    b"GET / HTTP/1.1\r\nHost: site.test\r\n"
    + b"".join(
        b"%s: %s\r\n" % pair
        for pair in [
            (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
            (b"sec-ch-ua", b'"Chromium";v="130"'),
            (b"Sec-Fetch-Site", b"none"),
            (b"Upgrade-Insecure-Requests", b"1"),
            (b"Accept-Encoding", b"gzip, deflate, br"),
            (b"X-Forwarded-For", b"198.51.100.9"),
            (b"If-None-Match", b'"x"'),
            (b"aCCept-laNGuage", b"de"),
        ]
    ),
]


class Backend:
    """A connector in the test's own process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.connector = ThreadConnector([site.address], slots=4, adapter="tests")
        while (notice := self.connector.notice(PATIENCE)) is not None and notice.kind != "connected":
            pass
        assert notice is not None

    def exchange(self, message: bytes) -> Any:
        """Send a request, but for its last empty line, and take it; the caller replies."""
        self.client = self.site.open()
        self.client.sendall(message + b"\r\n")
        taken: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=lambda: taken.put(self.connector.take()), daemon=True).start()
        try:
            return taken.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"the proxy answered by itself: {self.client.recv(65536)!r}") from None


@pytest.fixture
def backend(site: Site) -> Iterator[Backend]:
    backend = Backend(site)
    yield backend
    backend.connector.stop()


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.split(b" HTTP")[0].decode("latin-1"))
def test_the_native_mappings_equal_the_readable_ones(backend: Backend, head: bytes) -> None:
    request = backend.exchange(head)
    environ_base = environ.base_environ(threads=1, processes=1)
    scope_base = scope.base_scope(state={"a": 1})
    native, readable = request.environ(environ_base), environ.build(request.head, environ_base)
    assert native == readable
    assert {key: type(value) for key, value in native.items()} == {key: type(value) for key, value in readable.items()}
    assert request.scope(scope_base) == scope.build(request.head, scope_base)
    assert request.scope(scope_base)["state"] is not scope_base["state"]
    request.reply.send(204, None, [], b"")


def test_mounts_are_split_alike(backend: Backend) -> None:
    request = backend.exchange(b"GET /sh%6Fp/c%C3%A9 HTTP/1.1\r\nHost: site.test\r\n")
    for mount in ("", "/shop"):
        base = environ.base_environ(threads=1, processes=1, mount=mount)
        assert request.environ(base) == environ.build(request.head, base)
        scope_base = scope.base_scope(mount=mount)
        assert request.scope(scope_base) == scope.build(request.head, scope_base)
    for mount in ("/sho", "/shop/c", "/other"):
        with pytest.raises(errors.MountError):
            request.environ(environ.base_environ(threads=1, processes=1, mount=mount))
        with pytest.raises(errors.MountError):
            request.scope(scope.base_scope(mount=mount))
    request.reply.send(204, None, [], b"")


def test_mistakes_in_a_reply_are_the_exceptions_of_swiftiply_errors(backend: Backend) -> None:
    reply = backend.exchange(b"GET / HTTP/1.1\r\nHost: site.test\r\n").reply
    with pytest.raises(errors.ReplyError, match="not begun"):
        reply.write(b"x")
    for status, reason, headers in (
        (99, None, []),
        (200, "a\r\nb", []),
        (200, None, [("A", "b\r\nc")]),
        (200, None, [("A b", "c")]),
        (200, None, [(b"A", b"b\0")]),
        (200, None, [("A", "Ω")]),
    ):
        with pytest.raises(errors.ReplyHeadError):
            reply.start(status, reason, headers)
    with pytest.raises(TypeError):
        reply.start(200, None, [("A", 1)])
    reply.start(200, "Fine", [("A", "caf\xe9"), (b"B", b"\xff"), ("Content-Length", "2")])
    with pytest.raises(errors.ReplyError, match="begun already"):
        reply.start(200, None, [])
    with pytest.raises(errors.ReplyLengthError):
        reply.write(b"123")
    reply.finish()
    assert b"HTTP/1.1 200 Fine\r\n" in (seen := backend.client.recv(65536))
    assert b"caf\xe9" in seen
    assert seen.endswith(b"12")


def test_a_connector_does_not_survive_a_fork_and_says_so(backend: Backend) -> None:
    request = backend.exchange(b"POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n")
    assert raised_in_a_child(backend.connector.take) == "ForkError"
    assert raised_in_a_child(lambda: request.read(1)) == "ForkError"
    assert raised_in_a_child(lambda: request.reply.send(200, None, [], b"from the child")) == "ForkError"
    request.reply.send(200, None, [], b"from the parent")
    assert backend.client.recv(65536).endswith(b"from the parent")


def raised_in_a_child(use: Callable[[], Any]) -> str:
    """The name of the exception that this raises in a forked process."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            use()
        except BaseException as error:
            os.write(theirs, type(error).__name__.encode())
        os._exit(0)
    os.close(theirs)
    with open(ours) as told:
        name = told.read()
    os.waitpid(pid, 0)
    return name


def test_other_threads_run_while_one_waits(backend: Backend) -> None:
    request = backend.exchange(b"POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(request.read(10)))
    reader.start()
    # Were the interpreter held by the reader, this line would never be reached.
    backend.client.sendall(b"body")
    reader.join(30)
    assert read == [b"body"]
    request.reply.send(204, None, [], b"")


def test_wrong_options_are_config_errors() -> None:
    for kind in (ThreadConnector, LoopConnector):
        for connect, key in ((["nonsense:"], None), ([], None), (["127.0.0.1:1"], b"")):
            with pytest.raises(errors.ConfigError):
                kind(connect, slots=1, key=key)
        with pytest.raises(errors.ConfigError):
            kind(["127.0.0.1:1"], slots=0)
