"""``wsgi.input``: a request's body as a file, streamed from the link."""

from __future__ import annotations

from collections.abc import Iterator

from ..exchange import Request

__all__ = ["Input"]

#: The most that one call asks of the link, in bytes: a large body arrives in pieces of this size.
PIECE_BYTES = 262_144


class Input:
    """Reads as PEP 3333 wants of files: whole sizes until the end, then ``b""`` for ever.

    A body that its client did not finish raises `ClientDisconnected`; a part is never passed off as the whole.
    """

    __slots__ = ("_buffer", "_ended", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._buffer = b""  # read from the link, not yet by the application
        self._ended = False

    def read(self, size: int | None = -1) -> bytes:
        """``size`` bytes, fewer only at the end; all of them when ``size`` is negative or None."""
        if size is None or size < 0:
            return self._read_all()
        parts = []
        wanted = size
        while wanted > 0:
            piece = self._take(wanted)
            if not piece:
                break
            parts.append(piece)
            wanted -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read1(self, size: int | None = -1) -> bytes:
        """What is there, at most ``size`` bytes, waiting only for the first: for bodies that trickle in."""
        return self._take(PIECE_BYTES if size is None or size < 0 else size)

    def readline(self, size: int | None = -1) -> bytes:
        limit = -1 if size is None else size
        parts = []
        while limit != 0:
            piece = self._take(PIECE_BYTES)
            if not piece:
                break
            end = piece.find(b"\n") + 1 or len(piece)
            if 0 <= limit < end:
                end = limit
            parts.append(piece[:end])
            self._buffer = piece[end:] + self._buffer
            if piece[end - 1] == 0x0A:
                break
            if limit > 0:
                limit -= end
        return b"".join(parts)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """All lines, or as many as reach ``hint`` bytes."""
        lines = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _read_all(self) -> bytes:
        parts = []
        while piece := self._take(PIECE_BYTES):
            parts.append(piece)
        return b"".join(parts)

    def _take(self, most: int) -> bytes:
        """At most ``most`` bytes from the buffer or the link, ``b""`` only at the end."""
        buffer = self._buffer
        if buffer:
            self._buffer = buffer[most:]
            return buffer[:most]
        if self._ended or most == 0:
            return b""
        piece = self._request.read(min(most, PIECE_BYTES))
        if not piece:
            self._ended = True
        return piece
