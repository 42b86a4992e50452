"""The two halves of an exchange, as the adapters see them.

These are protocols, not classes: ``swiftiply._native`` has the real ones, and the tests bring their own, so that
everything above this line is tested without a compiler and without a proxy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Callable, Protocol, Union

if TYPE_CHECKING:
    from .asgi.run import Exchange

__all__ = ["Address", "Environ", "Headers", "LoopExchange", "Reply", "Request", "RequestHead", "Scope"]

#: A host and its port.
Address = tuple[str, int]
Environ = dict[str, Any]
Scope = dict[str, Any]
#: Reply headers: text from WSGI applications, bytes from ASGI ones.
Headers = Union[Sequence[tuple[str, str]], Sequence[tuple[bytes, bytes]]]


class RequestHead(Protocol):
    """A request's head as the proxy has parsed it: exact bytes, hop-by-hop headers already gone."""

    @property
    def method(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def authority(self) -> bytes:
        """The Host header or the target's authority, ``b""`` when HTTP/1.0 gave none."""

    @property
    def path(self) -> bytes:
        """The target's path, still percent-encoded; ``b"*"`` for ``OPTIONS *``."""

    @property
    def query(self) -> bytes | None: ...
    @property
    def version(self) -> str:
        """``"HTTP/1.1"``, ``"HTTP/1.0"`` or ``"HTTP/2"``."""

    @property
    def peer(self) -> Address | None:
        """The client; None when it came over a Unix socket."""

    @property
    def local(self) -> Address | None: ...
    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Names as the client spelled them and values, in their order, duplicates kept."""

    @property
    def content_length(self) -> int | None:
        """The body's length in bytes; None if it is not known beforehand or if there is no body."""

    @property
    def has_body(self) -> bool: ...


class Reply(Protocol):
    """The answer to one request. Every blocking call lets other threads run."""

    def inform(self, status: int, headers: Headers) -> None:
        """Send an informational reply (103), ahead of the real one."""

    def send(self, status: int, reason: str | None, headers: Headers, body: bytes) -> None:
        """The whole reply at once: the usual case, one call and one write. Blocks while the client's window is full."""

    def try_send(self, status: int, reason: str | None, headers: Headers, body: bytes) -> int:
        """As `send`, for event loops: gives the bytes of ``body`` that the window took. If these are all, the reply
        has ended; if not, `try_write` the rest and `finish`."""

    def start(self, status: int, reason: str | None, headers: Headers) -> None:
        """Begin a reply whose body follows; it leaves together with the first piece, or at ``flush``."""

    def write(self, data: bytes) -> None:
        """Send a piece of the body; blocks while the client's window is full."""

    def try_write(self, data: bytes, start: int) -> int:
        """Send of ``data[start:]`` what the window takes now, and say how much that was; for event loops."""

    def flush(self) -> None: ...

    def finish(self, trailers: Headers | None = None) -> None: ...

    def abort(self, reason: str) -> None:
        """Cut the reply so that the client sees it is not whole; a 502 if nothing had been sent."""

    def hold_slot(self) -> None:
        """The reply's end shall not free the slot: this thread still works for the request."""

    def release_slot(self) -> None: ...


class Request(Protocol):
    """One request that this process was given."""

    @property
    def key(self) -> int: ...
    @property
    def head(self) -> RequestHead: ...
    @property
    def reply(self) -> Reply: ...
    @property
    def disconnected(self) -> bool: ...

    def environ(self, base: Environ) -> Environ:
        """`swiftiply.wsgi.environ.build` of this request's head, in one native pass."""

    def scope(self, base: Scope) -> Scope:
        """`swiftiply.asgi.scope.build` of this request's head, in one native pass."""

    def exchange(self, flush_soon: Callable[[], None]) -> LoopExchange:
        """This request with its reply, for an event loop. ``flush_soon`` is called when something was written."""

    def claim_tunnel(self) -> bool:
        """Have one of the process's tunnels until the reply has ended, so that a 101 gives the slot back at once; False
        if none is left."""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes of the body, waiting for the first; ``b""`` at its end."""

    def try_read(self, size: int) -> bytes | None:
        """As `read`, but None when nothing is there yet."""

    def trailers(self) -> Iterable[tuple[bytes, bytes]] | None: ...


class LoopExchange(Protocol):
    """A request and its reply as an ASGI application has them."""

    def receive(self) -> Awaitable[dict[str, Any]]: ...
    def send(self, message: Any) -> Awaitable[None]: ...
    @property
    def is_done(self) -> bool:
        """Whether the reply has ended."""

    def general(self) -> Exchange:
        """What knows all that can happen to it; from now on everything goes this way."""

    def close(self) -> None:
        """The application has returned."""
