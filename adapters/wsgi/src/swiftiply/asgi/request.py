"""``receive``: an ASGI application's view of the request's body and of its client."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from ..errors import ClientDisconnected
from ..exchange import Request

__all__ = ["PIECE_BYTES", "Incoming"]

#: The most body that one ``http.request`` message carries, in bytes.
PIECE_BYTES = 65_536

_DISCONNECT = {"type": "http.disconnect"}


class Incoming:
    """Gives out the body, then waits for the client to leave. Any number of tasks may wait at once."""

    def __init__(self, request: Request, flush_soon: Callable[[], None]) -> None:
        self._request = request
        self._flush_soon = flush_soon
        self._left = request.head.content_length if request.head.has_body else 0
        self._ended = False
        self._disconnected = False
        self._news = asyncio.Event()

    @property
    def is_disconnected(self) -> bool:
        return self._disconnected

    async def receive(self) -> dict[str, Any]:
        """The next message. Only the body's consumer takes bytes from the link: that is the back-pressure."""
        while not self._disconnected:
            message = None if self._ended else self._next_piece()
            if message is not None:
                return message
            if not self._disconnected:
                await self._wait()
        return dict(_DISCONNECT)

    def wake(self) -> None:
        """There is more of the body, its end, or its failure."""
        self._news.set()

    def disconnect(self) -> None:
        """The client left, or the reply is complete: what may still be asked for is this."""
        self._disconnected = True
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _next_piece(self) -> dict[str, Any] | None:
        if self._left == 0:
            return self._last(b"")
        try:
            piece = self._request.try_read(PIECE_BYTES)
        except ClientDisconnected:
            self._disconnected = True  # a cut upload: never a body that looks whole
            return None
        self._flush_soon()  # reading makes room for more, or asks for the body (100-continue): the proxy must hear
        if piece is None:
            return None
        if not piece:
            return self._last(b"")
        if self._left is not None:
            self._left -= len(piece)
            if self._left == 0:
                return self._last(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    def _last(self, piece: bytes) -> dict[str, Any]:
        self._ended = True
        return {"type": "http.request", "body": piece, "more_body": False}
