"""A program that a test starts: its output is kept, what it says can be waited for, and it always ends."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

#: To start and to say so. Rails takes 3 s here; a busy machine is allowed ten times that.
START_S = 60.0
#: From TERM to the end, with nothing in flight.
STOP_S = 20.0
SHOWN_LINES = 60


class Program:
    def __init__(self, name: str, command: list[str], folder: Path, environment: dict[str, str]):
        self.name = name
        self.command = command
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._silent = False
        # A session of its own, so that nothing it starts can be left behind.
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> re.Match:
        """The first line that matches. A program that ends before it says so has failed."""
        deadline = time.monotonic() + START_S
        looked_at = 0
        with self._said:
            while True:
                for line in self.lines[looked_at:]:
                    if match := re.search(pattern, line):
                        return match
                looked_at = len(self.lines)
                if self._silent:
                    raise AssertionError(f"{self} ended without saying {pattern!r}\n{self.output()}")
                if not self._said.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{self} did not say {pattern!r} in {START_S:.0f} s\n{self.output()}")

    def stop(self) -> int:
        """TERM, as a service manager would, and the exit status. One that does not end is killed, and that is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {STOP_S:.0f} s of TERM\n{self.output()}") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """Whatever is left of it, children included."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._reader.join(STOP_S)

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def output(self) -> str:
        return "\n".join(self.lines[-SHOWN_LINES:])

    def __str__(self) -> str:
        return f"{self.name} ({' '.join(self.command)})"

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()
        with self._said:
            self._silent = True
            self._said.notify_all()
