"""One reply's way from ``start_response`` to its end (PEP 3333).

    NEW ──start_response──► HEAD ──first non-empty block, write()──► SENT ──finish──► DONE
                           │    ▲                                     │
                           └────┘ start_response with exc_info        └─ with exc_info: re-raised

Nothing leaves before the first non-empty block or the end, so that an error page can still take the reply's place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Callable, Optional, Union

from ..exchange import Reply
from .head import ReplyHead, check

__all__ = ["Response"]

log = logging.getLogger("swiftiply.error")

_NEW, _HEAD, _SENT, _DONE = "new", "head", "sent", "done"

_BODILESS = frozenset([204, 304])

ExcInfo = Union[
    tuple[type[BaseException], BaseException, Optional[TracebackType]],
    tuple[None, None, None],
]


class Response:
    """The server's side of ``start_response``, for one request."""

    __slots__ = ("_bodiless", "_head", "_head_request", "_left", "_overrun", "_reply", "_state")

    _head: ReplyHead

    def __init__(self, reply: Reply, method: str) -> None:
        self._reply = reply
        self._state = _NEW
        self._head_request = method == "HEAD"
        self._bodiless = False  # the client gets no body, whatever the application gives
        self._left: int | None = None  # bytes until the Content-Length is reached, None without one
        self._overrun = 0

    # What the application calls.

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's ``start_response``; gives ``write``."""
        if exc_info:
            try:
                if self._state in (_SENT, _DONE) and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback refers to this frame: leave no circle behind
        elif self._state is not _NEW:
            raise AssertionError("start_response() was called again without exc_info (PEP 3333)")
        head = check(status, headers)
        if head.status == 204 and head.length is not None:  # RFC 9110 8.6: a 204 has none
            head = head._replace(headers=[h for h in head.headers if h[0].lower() != "content-length"], length=None)
        self._take(head)
        return self.write

    def write(self, data: bytes) -> None:
        """PEP 3333's ``write``: on its way to the client when this returns."""
        if self._state is _NEW:
            raise AssertionError("write() was called before start_response() (PEP 3333)")
        self._check_block(data)
        self._begin()
        self.block(data)

    def early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """``environ["wsgi.early_hints"]``: a 103 with these headers, ahead of the reply (RFC 8297)."""
        if self._state in (_SENT, _DONE):
            raise AssertionError("wsgi.early_hints was called after the reply had begun")
        self._reply.inform(103, check("200 ", list(headers)).headers)

    # What the server calls with the application's iterable.

    @property
    def is_delivered(self) -> bool:
        """Whether the client has all that its Content-Length promised, so that the end tells it nothing new."""
        return self._state is _SENT and self._left == 0

    def resume(self, status: str, headers: list[tuple[str, str]], length: int | None, is_sent: bool) -> None:
        """Go on where the native plain case leaves off: it has checked this head, and perhaps sent the whole reply."""
        self._take(ReplyHead(int(status[:3]), status[4:], headers, length))
        if is_sent:
            self._state = _DONE

    def whole(self, blocks: list[bytes] | tuple[bytes, ...]) -> None:
        """A body whose blocks are all there: one reply, one write, its length known."""
        for block in blocks:
            self._check_block(block)
        self._require_head()
        body = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        if self._state is _HEAD:
            self._send(body)
        else:
            self.block(body)

    def block(self, data: bytes) -> None:
        """One block of the iterable, sent at once, or within a millisecond if it completes the Content-Length.

        An empty one only keeps the client waiting.
        """
        self._check_block(data)
        self._require_head()
        if not data:
            return
        self._begin()
        data = self._within_length(data)
        if data and not self._bodiless:
            self._reply.write(data)

    def finish(self) -> None:
        """The iterable has ended."""
        self._require_head()
        if self._state is _HEAD:
            self._send(b"")
        elif self._state is _SENT:
            self._state = _DONE
            if self._left and not self._bodiless:
                self._cut_short()
            else:
                self._reply.finish()
            self._report_overrun()

    def fail(self) -> None:
        """The application raised: a 500 if nothing has been sent, else the reply is cut where it stands."""
        state, self._state = self._state, _DONE
        if state is _SENT:
            self._reply.abort("the application raised after its reply had begun")
        elif state is not _DONE:
            headers = [("Content-Type", "text/plain; charset=utf-8")]
            self._reply.send(500, "Internal Server Error", headers, b"Internal Server Error\n")

    def give_up(self) -> None:
        """Nobody reads any more."""
        if self._state is not _DONE:
            self._state = _DONE
            self._reply.abort("the client left")

    # Private parts.

    def _take(self, head: ReplyHead) -> None:
        self._head = head
        self._left = head.length
        self._bodiless = self._head_request or head.status in _BODILESS
        self._state = _HEAD

    @staticmethod
    def _check_block(data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI application's body must be of bytes, not {type(data).__name__}")

    def _require_head(self) -> None:
        if self._state is _NEW:
            raise AssertionError("the application gave a body without calling start_response() (PEP 3333)")

    def _begin(self) -> None:
        if self._state is _HEAD:
            self._state = _SENT
            self._reply.start(self._head.status, self._head.reason, self._head.headers)

    def _send(self, body: bytes) -> None:
        """Head and body in one call, when all of the body is known: so its length is, too."""
        head = self._head
        body = self._within_length(body)
        if self._left and not self._bodiless:
            self._begin()
            if body:
                self._reply.write(body)
            self._state = _DONE
            self._cut_short()
            return
        self._state = _DONE
        # HEAD keeps the body here: the native core takes its length and drops it.
        self._reply.send(head.status, head.reason, head.headers, b"" if head.status in _BODILESS else body)
        self._report_overrun()

    def _within_length(self, data: bytes) -> bytes:
        left = self._left
        if left is None:
            return data
        if len(data) > left:
            self._overrun += len(data) - left
            data = data[:left]
        self._left = left - len(data)
        return data

    def _cut_short(self) -> None:
        promised = self._head.length or 0
        given = promised - (self._left or 0)
        log.error("reply cut: its Content-Length is %d, but the application gave %d bytes", promised, given)
        self._reply.abort("the body is shorter than its Content-Length")

    def _report_overrun(self) -> None:
        if self._overrun and not self._bodiless:
            promised = self._head.length or 0
            log.error(
                "reply cut at its Content-Length of %d: the application gave %d bytes more",
                promised,
                self._overrun,
            )
