"""The plain case of an exchange, which native code runs, against the readable Python that runs every case: the client
reads the same, the application sees the same, and the log says the same."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Callable

import pytest
from running import PATIENCE, Site

GET = b"GET /x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
POST = b"POST / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
OLD = b"GET / HTTP/1.0\r\n\r\n"

#: Whatever applications want to tell the test.
Seen = list[Any]

#: What one request sets, the next one must not find.
VARIABLE: ContextVar[int] = ContextVar("VARIABLE", default=0)


class Failure(Exception):
    """Raised by applications."""


def compare(site: Site, message: bytes, caplog: pytest.LogCaptureFixture, ways: Iterable[Callable[..., None]]) -> None:
    outcomes = []
    for serve in ways:
        caplog.clear()
        seen: Seen = []
        with caplog.at_level(logging.DEBUG, "swiftiply"):
            stop = threading.Event()
            thread = threading.Thread(target=serve, args=(site, stop, seen), daemon=True)
            thread.start()
            reply = ask(site, message)
            stop.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()
        said = [(record.levelname, record.getMessage()) for record in caplog.records if "swiftiply" in record.name]
        outcomes.append((reply, seen, said))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0], "the client was answered"


def ask(site: Site, message: bytes) -> bytes:
    reply = b""
    with site.open() as client:
        client.sendall(message)
        try:
            while piece := client.recv(65_536):
                reply += piece
        except ConnectionResetError:
            return b"a reply that was cut"  # how much of it comes through is chance
    return re.sub(rb"(?i)\r\ndate: [^\r]*", b"", reply)
