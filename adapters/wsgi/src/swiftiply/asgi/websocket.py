"""One WebSocket, as an ASGI application has it: a tunnel on the link's side, messages on the application's.

    CONNECTING ──websocket.accept──► OPEN ──websocket.close, or the client's──► CLOSED
        ├──websocket.close──► CLOSED (403)
        └──websocket.http.response.start──► DENYING ──more_body false──► CLOSED

Back-pressure runs both ways: nothing is read from the link while the application does not keep up with what it has, or
while the client does not take what it is sent; and ``send`` waits for such a client.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Callable

from ..errors import ClientDisconnected, ReplyError
from ..exchange import Request
from ..settings import WebSocketSettings
from .frames import Closed, Frames, Message
from .handshake import Handshake
from .keepalive import Keepalive
from .reply import Outgoing

__all__ = ["WebSocket"]

log = logging.getLogger("swiftiply.error")

_CONNECTING, _OPEN, _DENYING, _CLOSED = "connecting", "open", "denying", "closed"

#: Bytes read from the link in one call: many small messages, or a good piece of a large one.
PIECE_BYTES = 16_384

#: What the application may leave lying: so many messages, or so many characters and bytes of them. Then nothing more is
#: read, until it takes some.
MESSAGES_MAX = 32
WAITING_MAX = 65_536

#: Bytes that may wait for the client before ``send`` does.
UNSENT_MAX = 65_536

#: Seconds for the client's half of the closing handshake, as elsewhere.
CLOSE_SECONDS = 10.0

_NORMAL, _NO_CLOSE, _FAILED, _RESTARTING = 1000, 1006, 1011, 1012


class WebSocket:
    """The messages of one connection; the loop's events are passed in by key."""

    def __init__(
        self,
        request: Request,
        handshake: Handshake,
        settings: WebSocketSettings,
        flush_soon: Callable[[], None],
    ) -> None:
        self._request = request
        self._reply = request.reply
        self._handshake = handshake
        self._settings = settings
        self._flush_soon = flush_soon
        self._state = _CONNECTING
        self._frames: Frames | None = None
        self._keepalive: Keepalive | None = None
        self._denial: Outgoing | None = None
        self._messages: deque[dict[str, Any]] = deque([{"type": "websocket.connect"}])
        self._waiting = 0
        #: What ``receive`` gives behind the last message, and for ever after.
        self._farewell: dict[str, Any] | None = None
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._sent_of_first = 0
        #: Whoever spoke through the tunnel on the other side is not there any more.
        self._is_lost = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = asyncio.Event()

    # What the driver tells.

    def general(self) -> WebSocket:
        return self

    def readable(self) -> None:
        self._read()

    def writable(self) -> None:
        if self._denial is not None:
            self._denial.wake()
        self._write()
        self._read()

    def disconnect(self) -> None:
        """The client is gone, or the link."""
        self._is_lost = True
        if self._denial is not None:
            self._denial.disconnect()
        self._room.set()
        if self._frames is None:
            self._part(_NO_CLOSE, "")
        self._read()
        self._end()

    def leave(self) -> None:
        """This process must go: the client is told that it may come again."""
        if self._state is _OPEN:
            self._close(_RESTARTING, "")
        elif self._state is _CONNECTING:
            self._refuse(503)
            self._part(_RESTARTING, "")

    # What the application says.

    async def receive(self) -> dict[str, Any]:
        while not self._messages:
            if self._farewell is not None:
                return dict(self._farewell)
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._waiting -= _size(message)
        self._read()
        return message

    async def send(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        # Who closes twice, or goes on after it, makes a mistake; who has not heard of the client's end makes none.
        if self._is_lost or (self._farewell is not None and self._state is not _CLOSED):
            raise ClientDisconnected("the WebSocket is closed")
        if kind == "websocket.send" and self._state is _OPEN:
            await self._send(message)
        elif kind == "websocket.accept" and self._state is _CONNECTING:
            self._accept(message)
        elif kind == "websocket.close" and self._state is _OPEN:
            self._close(message.get("code", _NORMAL), message.get("reason") or "")
        elif kind == "websocket.close" and self._state is _CONNECTING:
            self._refuse(403)
            self._part(_NO_CLOSE, "")
        elif kind.startswith("websocket.http.response.") and self._state in (_CONNECTING, _DENYING):
            await self._deny(message)
        else:
            raise ReplyError(f"an ASGI application sent {kind!r} on a WebSocket that is {self._state}")

    # What becomes of the application.

    def fail(self) -> None:
        """It raised."""
        if self._state is _OPEN:
            self._close(_FAILED, "")
        elif self._state is _CONNECTING:
            self._refuse(500)
        elif self._state is _DENYING and self._denial is not None:
            self._denial.fail()
        self._state = _CLOSED

    def end_unfinished(self, path: str) -> None:
        """It returned; what it has left open is closed in order."""
        if self._state is _OPEN:
            self._close(_NORMAL, "")
        elif self._state is not _CLOSED and not self._is_lost:
            what = "did not end its reply" if self._state is _DENYING else "neither accepted nor closed it"
            log.error("WebSocket %s: the application %s", path, what)
            self.fail()

    async def closing(self) -> None:
        """Wait for the client's half of the closing handshake, but not for ever."""
        try:
            if self._frames is not None:
                await asyncio.wait_for(self._ended.wait(), CLOSE_SECONDS)
        except asyncio.TimeoutError:
            pass
        finally:
            self._end()

    # The handshake.

    def _accept(self, message: Mapping[str, Any]) -> None:
        settings = self._settings
        frames = Frames(self._handshake.extensions, max_size=settings.max_size, deflate=settings.deflate)
        answer = self._handshake.answer(message.get("subprotocol"), frames.extensions, message.get("headers") or ())
        self._reply.start(101, None, answer)
        self._reply.flush()
        self._flush_soon()
        self._frames = frames
        self._state = _OPEN
        self._keepalive = Keepalive(
            settings.ping_interval,
            settings.ping_timeout,
            ping=self._ping,
            is_listening=self._may_read,
            give_up=self._vanished,
        )
        self._keepalive.start()
        self._read()

    def _refuse(self, status: int) -> None:
        self._state = _CLOSED
        try:
            self._reply.send(status, None, [(b"content-length", b"0")], b"")
        except ClientDisconnected:
            pass
        self._flush_soon()

    async def _deny(self, message: Mapping[str, Any]) -> None:
        """The reply of an application that tells why there is no WebSocket: plain HTTP, under other names."""
        self._state = _DENYING
        if self._denial is None:
            self._denial = Outgoing(self._reply, "GET", self._flush_soon)
        await self._denial.send({**message, "type": message["type"][len("websocket.") :]})
        if self._denial.is_done:
            self._state = _CLOSED
            self._part(_NO_CLOSE, "")

    # From the client.

    def _may_read(self) -> bool:
        if self._frames is None or self._frames.is_over or self._unsent_bytes > UNSENT_MAX:
            return False
        # Behind our own close only the client's is awaited; its messages are nobody's.
        return self._state is _CLOSED or (len(self._messages) < MESSAGES_MAX and self._waiting < WAITING_MAX)

    def _read(self) -> None:
        while self._frames is not None and self._may_read():
            try:
                piece = self._request.try_read(PIECE_BYTES)
            except ClientDisconnected:
                self._vanished()
                break
            if piece is None:
                break
            if self._keepalive is not None:
                self._keepalive.heard()
            for event in self._frames.feed(piece):
                self._take(event)
            self._flush_soon()  # reading makes room for more: the proxy must hear of it
            self._write()
            if not piece:
                self._vanished()

    def _take(self, event: Message | Closed) -> None:
        if isinstance(event, Closed):
            self._part(event.code, event.reason)
        elif self._farewell is None:
            key = "text" if isinstance(event.data, str) else "bytes"
            self._messages.append({"type": "websocket.receive", key: event.data})
            self._waiting += len(event.data)
            self._news.set()

    def _vanished(self) -> None:
        """The client has left without a word, or does not answer any more."""
        self._is_lost = True
        self._room.set()
        self._part(_NO_CLOSE, "")
        self._end()

    def _part(self, code: int, reason: str) -> None:
        """What the application has not read yet it still gets; then it learns of the end."""
        if self._farewell is None:
            self._farewell = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._news.set()

    # To the client.

    async def _send(self, message: Mapping[str, Any]) -> None:
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise ReplyError("websocket.send has exactly one of text and bytes")
        assert self._frames is not None
        self._frames.message(bytes(data) if text is None else text)  # type: ignore[arg-type]
        self._write()
        while self._unsent_bytes > UNSENT_MAX:
            self._room.clear()
            await self._room.wait()
            if self._is_lost:
                raise ClientDisconnected("the client left")

    def _ping(self) -> None:
        assert self._frames is not None
        self._frames.ping()
        self._write()

    def _close(self, code: int, reason: str) -> None:
        if self._frames is not None and self._keepalive is not None and self._farewell is None:
            self._frames.close(code, reason)
            self._keepalive.stop()
        self._state = _CLOSED
        self._part(code, reason)
        self._write()
        self._read()

    def _write(self) -> None:
        """Send what the window takes."""
        if self._frames is None or self._ended.is_set():
            return
        for data in self._frames.take_output():
            self._unsent.append(data)
            self._unsent_bytes += len(data)
        try:
            self._write_unsent()
        except ClientDisconnected:
            self._vanished()
            return
        self._flush_soon()
        if self._unsent_bytes <= UNSENT_MAX:
            self._room.set()
        if self._frames.is_over and not self._unsent:
            self._end()

    def _write_unsent(self) -> None:
        while self._unsent:
            first = self._unsent[0]
            taken = self._reply.try_write(first, self._sent_of_first)
            self._unsent_bytes -= taken
            self._sent_of_first += taken
            if self._sent_of_first < len(first):
                return
            self._unsent.popleft()
            self._sent_of_first = 0

    def _end(self) -> None:
        """The tunnel is over on our side."""
        if self._frames is None or self._ended.is_set():
            return
        self._ended.set()
        if self._keepalive is not None:
            self._keepalive.stop()
        try:
            if self._unsent:
                self._reply.abort("the client took nothing more")
            else:
                self._reply.finish()
        except ClientDisconnected:
            pass
        self._unsent.clear()
        self._unsent_bytes = 0
        self._flush_soon()


def _size(message: Mapping[str, Any]) -> int:
    return len(message.get("text") or message.get("bytes") or b"")
