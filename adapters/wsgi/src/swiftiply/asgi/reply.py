"""``send``: an ASGI application's reply on its way to the client.

    NEW ──http.response.start──► HEAD ──first http.response.body──► SENT ──more_body false──► DONE
                                                                     │                          ▲
                                         trailers announced, more_body false                    │
                                                                     └──► BODY_SENT ──http.response.trailers

The head leaves with the first body message; a reply of one message leaves in one write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Callable

from ..errors import ClientDisconnected, ReplyError, ReplyHeadError
from ..exchange import Reply

__all__ = ["Outgoing"]

log = logging.getLogger("swiftiply.error")

_NEW, _HEAD, _SENT, _BODY_SENT, _DONE = "new", "head", "sent", "body sent", "done"

_BODILESS = frozenset([204, 304])

# The proxy's to set (RFC 9110 7.6.1); the specification has servers ignore an application's transfer-encoding.
_IGNORED = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"]
)


class Outgoing:
    """The reply's states, its Content-Length, and waiting while the client's window is full."""

    def __init__(self, reply: Reply, method: str, flush_soon: Callable[[], None]) -> None:
        self._reply = reply
        self._head_request = method == "HEAD"
        self._flush_soon = flush_soon
        self._state = _NEW
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._length: int | None = None
        self._given = 0
        self._announces_trailers = False
        self._trailers: list[tuple[bytes, bytes]] = []
        self._disconnected = False
        self._room = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._state in (_SENT, _BODY_SENT, _DONE)

    @property
    def is_done(self) -> bool:
        return self._state is _DONE

    async def send(self, message: Mapping[str, Any]) -> None:
        """One message of the application."""
        if self._disconnected:
            raise ClientDisconnected("the client left")
        kind = message["type"]
        if kind == "http.response.body":
            await self._body(message)
        elif kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.trailers":
            self._take_trailers(message)
        elif kind == "http.response.early_hint":
            self._early_hint(message)
        else:
            raise ReplyError(f"an ASGI application sent {kind!r}, which is no message of an http reply")

    async def send_rest(self, body: bytes, sent: int) -> None:
        """Of a reply of one message, what the window has not taken yet."""
        await self._piece(body, sent)
        self._reply.finish()
        self._state = _DONE
        self._flush_soon()

    def resume(self, start: Mapping[str, Any], has_begun: bool, is_done: bool) -> None:
        """Go on behind this first message, and perhaps the whole reply."""
        self._start(start)
        if has_begun:
            self._state = _DONE if is_done else _SENT

    def wake(self) -> None:
        """There is room in the client's window."""
        self._room.set()

    def disconnect(self) -> None:
        self._disconnected = True
        self._room.set()

    def fail(self) -> None:
        """The application raised or gave no reply: a 500 if nothing has been sent, else a visible cut."""
        state, self._state = self._state, _DONE
        try:
            if state in (_SENT, _BODY_SENT):
                self._reply.abort("the application ended before its reply did")
            elif state is not _DONE:
                headers = [(b"content-type", b"text/plain; charset=utf-8")]
                self._reply.send(500, None, headers, b"Internal Server Error\n")
        except ClientDisconnected:
            pass
        self._flush_soon()

    def give_up(self, reason: str) -> None:
        """There will be no reply, or no more of it, and the application is not to blame. Nothing after its end."""
        if self._state is not _DONE:
            self._state = _DONE
            self._reply.abort(reason)
            self._flush_soon()

    # The messages.

    def _start(self, message: Mapping[str, Any]) -> None:
        if self._state is not _NEW:
            raise ReplyError("http.response.start was sent twice")
        self._status = message["status"]
        # Any iterable of pairs will do, generators too (ASGI 2.x); it is walked once, here.
        for name, value in message.get("headers") or ():
            name, value = bytes(name), bytes(value)
            lower = name.lower()
            if lower == b"content-length":
                self._length = _length(value)
            if lower not in _IGNORED:
                self._headers.append((name, value))
        if self._status == 204:  # RFC 9110 8.6: a 204 has no length
            self._headers = [field for field in self._headers if field[0].lower() != b"content-length"]
        self._announces_trailers = bool(message.get("trailers", False))
        self._state = _HEAD

    async def _body(self, message: Mapping[str, Any]) -> None:
        if self._state is _NEW:
            raise ReplyError("http.response.body was sent before http.response.start")
        if self._state in (_BODY_SENT, _DONE):
            return  # a second last message is ignored, as elsewhere
        body = bytes(message.get("body", b""))
        more = message.get("more_body", False)
        self._given += len(body)
        over = 0 if self._length is None else self._given - self._length
        if over > 0:
            body = body[: max(0, len(body) - over)]
        if more or self._state is not _HEAD or self._is_short or self._announces_trailers:
            await self._piece(body, 0)
            if not more:
                self._finish()
        else:
            await self._whole(body)
        self._flush_soon()
        if not more and over > 0 and not self._is_bodiless:
            log.error(
                "reply cut at its Content-Length of %d: the application gave %d bytes more",
                self._length,
                over,
            )

    async def _whole(self, body: bytes) -> None:
        """A reply of one message: head and body in one call."""
        if self._status in _BODILESS:
            body = b""
        self._state = _SENT
        taken = self._reply.try_send(self._status, None, self._headers, body)
        if taken < len(body):
            await self.send_rest(body, taken)
        self._state = _DONE

    async def _piece(self, body: bytes, sent: int) -> None:
        if self._state is _HEAD:
            self._state = _SENT
            self._reply.start(self._status, None, self._headers)
        if self._is_bodiless:
            return
        while sent < len(body):
            # Cleared before the attempt, so that room made in between is not missed.
            self._room.clear()
            sent += self._reply.try_write(body, sent)
            if sent < len(body):
                self._flush_soon()
                await self._room.wait()
                if self._disconnected:
                    raise ClientDisconnected("the client left")

    def _finish(self) -> None:
        self._state = _DONE
        if self._is_short:
            log.error(
                "reply cut: its Content-Length is %d, but the application gave %d bytes",
                self._length,
                self._given,
            )
            self._reply.abort("the body is shorter than its Content-Length")
        elif self._announces_trailers:
            self._state = _BODY_SENT
        else:
            self._reply.finish()

    def _take_trailers(self, message: Mapping[str, Any]) -> None:
        if not self._announces_trailers:
            raise ReplyError("http.response.trailers was sent, but http.response.start had no trailers: True")
        if self._state is _DONE:
            return
        if self._state is not _BODY_SENT:
            raise ReplyError("http.response.trailers was sent before the last http.response.body")
        self._trailers += ((bytes(name), bytes(value)) for name, value in message.get("headers") or ())
        if not message.get("more_trailers", False):
            self._state = _DONE
            self._reply.finish(None if self._is_bodiless else self._trailers)
            self._flush_soon()

    def _early_hint(self, message: Mapping[str, Any]) -> None:
        if self.has_begun:
            raise ReplyError("http.response.early_hint was sent after the reply had begun")
        self._reply.inform(103, [(b"link", bytes(link)) for link in message["links"]])
        self._flush_soon()

    @property
    def _is_bodiless(self) -> bool:
        return self._head_request or self._status in _BODILESS

    @property
    def _is_short(self) -> bool:
        return self._length is not None and self._given < self._length and not self._is_bodiless


def _length(value: bytes) -> int:
    text = value.strip(b" \t")
    if not text.isdigit():
        raise ReplyHeadError(f"Content-Length must be digits, not {value!r}")
    return int(text)
