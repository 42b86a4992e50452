"""A program that a test starts: what it says can be waited for, and it always ends."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

#: For anything that a test waits for, in seconds. Whatever takes longer on a busy machine has failed.
PATIENCE_S = 30.0
#: Nothing of the machine's own settings may steer a program under test.
FOREIGN = ("SWIFTIPLY", "WEB_CONCURRENCY", "RAILS_", "RACK_", "PYTHONPATH", "GEM_", "NODE_OPTIONS", "PORT")
SHOWN_LINES = 60


class Program:
    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str] | None = None):
        self.command = command
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._silent = False
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        # A session of its own: a signal to its group reaches it and its children as a terminal's Ctrl-C does, and nothing else.
        self.process = subprocess.Popen(
            command, cwd=folder, env=own | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}), text=True, errors="replace",
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def mark(self) -> int:
        """Where its output stands now; `said` and `wait_for` look only at what comes after a mark."""
        return len(self.lines)

    def wait_for(self, pattern: str, times: int = 1, since: int = 0) -> list[re.Match]:
        """The first lines that match, as many as asked for. A program that ends before it says so has failed."""
        deadline = time.monotonic() + PATIENCE_S
        with self._said:
            while True:
                found = self.said(pattern, since)
                if len(found) >= times:
                    return found
                assert not self._silent, f"{self} ended without saying {pattern!r}\n{self.output()}"
                left = deadline - time.monotonic()
                assert left > 0, f"{self} did not say {pattern!r} {times} times in {PATIENCE_S:.0f} s\n{self.output()}"
                self._said.wait(left)

    def said(self, pattern: str, since: int = 0) -> list[re.Match]:
        return [match for line in self.lines[since:] if (match := re.search(pattern, line))]

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def interrupt(self) -> None:
        """Ctrl-C in its terminal: the whole group gets it."""
        os.killpg(self.pid, signal.SIGINT)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Its exit status, once it has ended by itself and all that it said was read."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {seconds:.0f} s\n{self.output()}") from None
        self._reader.join(PATIENCE_S)
        return status

    def terminate(self) -> int:
        """TERM, as a service manager would, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def has_left_children(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """Whatever is left of it, children included."""
        if self.has_left_children():
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(PATIENCE_S)

    def output(self) -> str:
        return "\n".join(self.lines[-SHOWN_LINES:])

    def __str__(self) -> str:
        return " ".join(self.command)

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()
        with self._said:
            self._silent = True
            self._said.notify_all()
