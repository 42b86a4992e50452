"""``wsgi.file_wrapper``: a file as a reply's body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["FileWrapper"]

#: Bytes per block when the application names no size: the usual readahead, and a handful of frames.
BLOCK_BYTES = 65_536


class FileWrapper:
    """Yields a file's blocks from where it stands to its end; has ``close`` only if the file has."""

    def __init__(self, filelike: Any, blksize: int = BLOCK_BYTES) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block
