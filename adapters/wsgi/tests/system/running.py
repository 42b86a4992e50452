"""Programs under test: the proxy and its backends, their output line by line, and their end."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Callable

import pytest

#: For whatever a test waits for, in seconds; a run that takes longer has failed.
PATIENCE = 15.0

ROOT = Path(__file__).resolve().parents[4]
APPS = Path(__file__).parent / "apps"


def proxy_binary() -> str:
    """The proxy to test against. Without one these tests fail; they have nothing to say."""
    path = Path(os.environ.get("SWIFTIPLY_BIN") or ROOT / "target/debug/swiftiply")
    if not path.is_file():
        pytest.fail(f"{path} is not there: build the proxy (cargo build -p swiftiply) or name it in SWIFTIPLY_BIN")
    return str(path)


def command() -> str:
    """The installed ``swiftiply-wsgi`` of the Python that runs the tests."""
    path = shutil.which("swiftiply-wsgi", path=str(Path(sys.executable).parent))
    if path is None:
        pytest.fail("swiftiply-wsgi is not installed in this environment: tests/run installs the packed wheel")
    return path


class Program:
    """One process, in a group of its own: so a signal can reach it as a terminal's Ctrl-C would, and nothing else."""

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("SWIFTIPLY", "WEB_CONCURRENCY", "PYTHONPATH"))
        }
        self.process = subprocess.Popen(
            arguments,
            env={**clean, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.output = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for(self, pattern: str) -> str:
        """The first line from now on that matches; its first group if there is one."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"{pattern!r} did not come:\n{self.output}") from None
            assert line is not None, f"{pattern!r} did not come before the end:\n{self.output}"
            if found := re.search(pattern, line):
                return found[1] if found.re.groups else line

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        os.killpg(self.pid, number)

    def wait(self) -> int:
        """The exit status, once it has ended by itself and all it has printed was read."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.output}") from None
        self._pump.join(PATIENCE)
        return status

    def is_group_left(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        if self.is_group_left():
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            self._lines.put(line)
        self._lines.put(None)


class Site:
    """A proxy with one site, and the backends that the test starts for it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.address = f"unix:{folder}/backends.sock"
        self.port = _free_port()
        self.programs: list[Program] = []
        self.options = options
        self.start_proxy()

    def start_proxy(self) -> None:
        lines = [
            "cluster_address: 127.0.0.1",
            f"cluster_port: {self.port}",
            "map:",
            "  - incoming: site.test",
            f"    outgoing: {self.address}",
            "    default: true",
            *(f"    {name}: {value}" for name, value in self.options.items()),
        ]
        config = self.folder / "swiftiply.yml"
        config.write_text("\n".join(lines) + "\n")
        self.proxy = self.run(proxy_binary(), "-c", str(config))
        self.proxy.wait_for("clients connect to")

    def run(self, *arguments: str, **options: Any) -> Program:
        program = Program(*arguments, **options)
        self.programs.append(program)
        return program

    def backend(self, target: str, *options: str, in_service: bool = True, **more: Any) -> Program:
        """Start ``swiftiply-wsgi`` with an application of `APPS`; returns once the proxy has taken it into service."""
        arguments = ["--connect", self.address, "--app-dir", str(APPS), *options, target]
        program = self.run(command(), *arguments, **more)
        if in_service:
            for _ in range(_processes(options)):
                program.wait_for("serving the proxy")
        return program

    def stop(self) -> None:
        for program in reversed(self.programs):
            program.stop()

    # The client's side.

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


class Answer:
    """A response, read to its end."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()


SiteMaker = Callable[..., Site]


def _processes(options: Sequence[str]) -> int:
    return int(options[options.index("-n") + 1]) if "-n" in options else 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
