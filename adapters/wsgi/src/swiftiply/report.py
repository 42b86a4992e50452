"""What a serving process tells whoever started it: a supervisor over a pipe, or the terminal."""

from __future__ import annotations

import os
import signal
import sys
from typing import Protocol

__all__ = ["PipeReport", "Report", "ReportReader", "TerminalReport"]

_BOOTED, _CONNECTED, _FAILED = b"B", b"C", b"F"

#: Bytes of a failure's text that travel; a longer traceback keeps its end, where the error stands.
TEXT_BYTES_MAX = 60_000


class Report(Protocol):
    """The way up for a serving process's news."""

    #: The signal that means: stop at once.
    stop_signal: signal.Signals
    #: The supervisor's process id, None without one.
    parent: int | None

    def booted(self) -> None:
        """The application is loaded."""

    def connected(self) -> None:
        """A proxy has taken this process into service."""

    def failed(self, text: str) -> None:
        """It ends before it was of any use, and this is why."""


class TerminalReport:
    """Of a process on its own: only a failure is worth a word."""

    stop_signal = signal.SIGINT
    parent: int | None = None

    def booted(self) -> None:
        pass

    def connected(self) -> None:
        pass

    def failed(self, text: str) -> None:
        print(text.rstrip(), file=sys.stderr, flush=True)


class PipeReport:
    """Of a supervised process. Letters for the stages; after the last one comes the text, up to the pipe's end."""

    # Ctrl-C in a terminal reaches every process of the group. The supervisor answers it for all of them, with this.
    stop_signal = signal.SIGQUIT

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.parent: int | None = os.getppid()

    def booted(self) -> None:
        self._write(_BOOTED)

    def connected(self) -> None:
        self._write(_CONNECTED)

    def failed(self, text: str) -> None:
        self._write(_FAILED + text.encode("utf-8", "backslashreplace")[-TEXT_BYTES_MAX:])

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._descriptor, data)
        except OSError:
            pass  # the supervisor is gone; the process notices by its parent's id and drains


class ReportReader:
    """The supervisor's end of one pipe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_booted = False
        self.is_connected = False
        self._received = b""

    def read(self) -> bool:
        """Take what is there; False at the end."""
        try:
            data = os.read(self.descriptor, 65_536)
        except BlockingIOError:
            return True
        self._take(data)
        return bool(data)

    def drain(self) -> None:
        """Take all that a dead process has left in the pipe. A grandchild may still hold it open: never wait."""
        try:
            while data := os.read(self.descriptor, 65_536):
                self._take(data)
        except BlockingIOError:
            pass

    @property
    def failure(self) -> str | None:
        _, failed, text = self._received.partition(_FAILED)
        return text.decode("utf-8", "replace") if failed else None

    def close(self) -> None:
        os.close(self.descriptor)

    def _take(self, data: bytes) -> None:
        self._received += data
        stages = self._received.partition(_FAILED)[0]
        self.is_booted = _BOOTED in stages
        self.is_connected = _CONNECTED in stages
