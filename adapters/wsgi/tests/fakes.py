"""A request and a reply without a link: what an adapter does to them is written down.

They keep the contract of `swiftiply.exchange` as strictly as the native ones: a wrong order raises, a body longer than
its Content-Length is an error, HEAD has no body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from swiftiply.asgi import scope
from swiftiply.asgi.run import Exchange
from swiftiply.errors import ClientDisconnected, ReplyError, ReplyLengthError
from swiftiply.exchange import Address, Environ, Headers, Scope
from swiftiply.wsgi import environ


@dataclass
class Head:
    method: str = "GET"
    scheme: str = "http"
    authority: bytes = b"example.com"
    path: bytes = b"/"
    query: bytes | None = None
    version: str = "HTTP/1.1"
    peer: Address | None = ("192.0.2.7", 50123)
    local: Address | None = ("127.0.0.1", 8080)
    headers: Sequence[tuple[bytes, bytes]] = ()
    content_length: int | None = None
    has_body: bool = False


class Reply:
    """Collects what the client would see."""

    def __init__(self, method: str = "GET") -> None:
        self.method = method
        self.calls: list[str] = []
        self.informed: list[tuple[int, list[tuple[Any, Any]]]] = []
        self.status = 0
        self.reason: str | None = None
        self.headers: list[tuple[Any, Any]] = []
        self.pieces: list[bytes] = []
        self.aborted: str | None = None
        self.trailers: Headers | None = None
        self.is_done = False
        self.slot_is_held = False
        #: After so many written pieces the client is gone.
        self.leaves_after: int | None = None
        #: Bytes that `try_write` takes before it says 0.
        self.window = 1 << 30

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def header(self, name: str) -> list[str]:
        texts = [tuple(x.decode("latin-1") if isinstance(x, bytes) else x for x in pair) for pair in self.headers]
        return [value for key, value in texts if key.lower() == name.lower()]

    def inform(self, status: int, headers: Headers) -> None:
        self.calls.append("inform")
        self.informed.append((status, list(headers)))

    def send(self, status: int, reason: str | None, headers: Headers, body: bytes) -> None:
        self._begin("send", status, reason, headers)
        if self.leaves_after == 0:
            raise ClientDisconnected("gone")
        declared = self.header("content-length")
        if self.method != "HEAD" and status not in (204, 304):
            if declared and int(declared[0]) != len(body):
                raise ReplyLengthError(f"{declared[0]} declared, {len(body)} given")
            self.pieces.append(body)
        self.is_done = True

    def try_send(self, status: int, reason: str | None, headers: Headers, body: bytes) -> int:
        if self.window >= len(body):
            self.send(status, reason, headers, body)
            return len(body)
        self.start(status, reason, headers)
        return self.try_write(body, 0)

    def start(self, status: int, reason: str | None, headers: Headers) -> None:
        self._begin("start", status, reason, headers)

    def write(self, data: bytes) -> None:
        self.calls.append("write")
        self._take(data)

    def try_write(self, data: bytes, start: int) -> int:
        self.calls.append("try_write")
        taken = min(len(data) - start, self.window)
        self.window -= taken
        if taken:
            self._take(data[start : start + taken])
        return taken

    def flush(self) -> None:
        self.calls.append("flush")

    def finish(self, trailers: Headers | None = None) -> None:
        self.calls.append("finish")
        self.trailers = trailers
        self._require_running()
        declared = self.header("content-length")
        if declared and self.method != "HEAD" and self.status != 304 and int(declared[0]) != len(self.body):
            raise ReplyLengthError(f"{declared[0]} declared, {len(self.body)} given")
        self.is_done = True

    def abort(self, reason: str) -> None:
        self.calls.append("abort")
        self.aborted = reason
        self.is_done = True

    def hold_slot(self) -> None:
        self.calls.append("hold_slot")
        self.slot_is_held = True

    def release_slot(self) -> None:
        self.calls.append("release_slot")
        self.slot_is_held = False

    def _begin(self, call: str, status: int, reason: str | None, headers: Headers) -> None:
        self.calls.append(call)
        if self.status:
            raise ReplyError("started twice")
        self.status, self.reason, self.headers = status, reason, list(headers)

    def _take(self, data: bytes) -> None:
        self._require_running()
        if self.leaves_after is not None and len(self.pieces) >= self.leaves_after:
            raise ClientDisconnected("gone")
        assert self.method != "HEAD", "a reply to HEAD has no body"
        self.pieces.append(data)

    def _require_running(self) -> None:
        if not self.status or self.is_done:
            raise ReplyError("not running")


@dataclass
class Request:
    """Body pieces as the link would bring them; `None` stands for "nothing there yet", an exception for a failure."""

    head: Head = field(default_factory=Head)
    pieces: list[bytes | Exception | None] = field(default_factory=list)
    disconnected: bool = False
    key: int = 1
    #: More pieces may come: a read that finds none gives nothing, and not the end.
    is_open: bool = False
    #: Tunnels that the process has left.
    tunnels: int = 1

    def __post_init__(self) -> None:
        self.reply = Reply(self.head.method)
        self.reads: list[int] = []

    def environ(self, base: Environ) -> Environ:
        return environ.build(self.head, base)

    def scope(self, base: Scope) -> Scope:
        return scope.build(self.head, base)

    def exchange(self, flush_soon: Callable[[], None]) -> Exchange:
        return Exchange(self, flush_soon)

    def claim_tunnel(self) -> bool:
        self.tunnels -= 1
        return self.tunnels >= 0

    def read(self, size: int) -> bytes:
        piece = self.try_read(size)
        assert piece is not None, "a blocking read would wait for ever"
        return piece

    def try_read(self, size: int) -> bytes | None:
        self.reads.append(size)
        if not self.pieces:
            return None if self.is_open else b""
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if piece is None or len(piece) <= size:
            return piece
        self.pieces.insert(0, piece[size:])
        return piece[:size]

    def trailers(self) -> None:
        return None


def post(*pieces: bytes | Exception | None, **head: Any) -> Request:
    """A POST with this body; its length is known unless the head says otherwise."""
    length = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
    fields = {"method": "POST", "content_length": length, "has_body": True, **head}
    return Request(Head(**fields), list(pieces))
