"""``wsgi.errors``: text of any kind, to the process's standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = ["ErrorStream"]


class ErrorStream:
    """One for all requests. It looks `sys.stderr` up at each call, since applications and tests replace it."""

    __slots__ = ()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes text, not {type(text).__name__}")
        stream = sys.stderr
        if stream is None:  # pythonw and some daemons have none
            return len(text)
        try:
            stream.write(text)
        except UnicodeEncodeError:
            # A stderr that was replaced may be strict about its encoding; a log line must never fail for that.
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if sys.stderr is not None:
            sys.stderr.flush()
