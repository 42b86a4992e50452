"""Starts a stack, waits until it serves, and ends it."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import places
from stacks import Stack

#: From the start to the first right reply; Ruby and Python on a slow disk need some seconds.
START_PATIENCE_S = 30.0
END_PATIENCE_S = 10.0
LOOK_S = 0.02
#: Nothing of the user's own settings may steer a server.
FOREIGN = ("SWIFTIPLY", "WEB_CONCURRENCY", "RAILS_", "RACK_", "PYTHONPATH", "GEM_", "NODE_OPTIONS", "PORT", "GRANIAN_", "UVICORN_", "GUNICORN_")


class ServerError(Exception):
    """A stack that does not serve, with what its programs said."""


@dataclass(frozen=True)
class Cpus:
    proxy: int
    backend: int
    load: int


@dataclass(frozen=True)
class Running:
    port: int
    #: Process groups; a stack without a proxy has none there.
    proxy: int | None
    backend: int

    @property
    def groups(self) -> set[int]:
        return {self.backend} if self.proxy is None else {self.proxy, self.backend}


@contextmanager
def running(stack: Stack, cpus: Cpus, reply: bytes) -> Iterator[Running]:
    """`reply`: what it must answer; a stack that says something else is not comparable."""
    folder = Path(tempfile.mkdtemp(prefix="swiftiply-bench-"))
    folder.chmod(0o755)
    programs: list[subprocess.Popen] = []
    try:
        port = free_port()
        proxy = None
        # Backends that dial find a proxy there, and proxies that dial find a backend: no start counts on a retry.
        if stack.proxy == "swiftiply":
            proxy = _start_proxy(stack, folder, port, cpus, programs)
            backend = _start_app(stack, folder, port, cpus, programs)
        else:
            backend = _start_app(stack, folder, port if not stack.proxy else free_port(), cpus, programs)
            if stack.proxy:
                proxy = _start_proxy(stack, folder, port, cpus, programs)
        _wait_until_it_serves(stack, port, reply, folder, programs)
        yield Running(port, proxy and proxy.pid, backend.pid)
    finally:
        _end(programs)
        shutil.rmtree(folder)


def _start_proxy(stack: Stack, folder: Path, port: int, cpus: Cpus, programs: list[subprocess.Popen]) -> subprocess.Popen:
    names = {"swiftiply": "swiftiply.yml", "haproxy": "haproxy.cfg", "nginx": "nginx.conf"}
    text = string.Template((places.CONF / names[stack.proxy]).read_text())
    config = folder / names[stack.proxy]
    config.write_text(text.substitute(port=port, folder=folder, backend=_backend_address(stack, folder)))
    command = {
        "swiftiply": [os.environ.get("SWIFTIPLY_BIN") or str(places.BIN / "swiftiply"), "-c", str(config), "--log-level", "warn"],
        "haproxy": ["haproxy", "-db", "-q", "-f", str(config)],
        "nginx": ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(config)],
    }[stack.proxy]
    if stack.proxy != "swiftiply":
        command[0] = places.program(stack.proxy)
    return _spawn(command, {}, cpus.proxy, folder, programs)


def _backend_address(stack: Stack, folder: Path) -> str:
    if stack.proxy == "swiftiply":
        return f"unix:{folder}/link.sock"
    if stack.over == "tcp":
        return f"127.0.0.1:{(folder / 'port').read_text()}"
    return f"unix@{folder}/app.sock" if stack.proxy == "haproxy" else f"unix:{folder}/app.sock"


def _start_app(stack: Stack, folder: Path, port: int, cpus: Cpus, programs: list[subprocess.Popen]) -> subprocess.Popen:
    app, path = stack.app, folder / "app.sock"
    (folder / "port").write_text(str(port))
    words = {
        "path": path, "port": port, "link": f"unix:{folder}/link.sock", "native": places.NATIVE, "puma": places.program("puma"),
        "bin": places.BIN, "apps": places.APPS, "python": places.PYTHON, "node": places.NODE, "site_packages": places.site_packages(),
    }
    over = app.unix if stack.over == "unix" else app.tcp
    environment = {name: value.format(**words) for name, value in app.environment}
    # Swiftiply adopts a server that asks for a port, which then stays closed; one that asks for a path it lets be.
    environment["LISTEN"] = str(path if stack.over == "unix" and stack.proxy != "swiftiply" else port)
    program = _spawn([word.format(**words) for word in app.command + over], environment, cpus.backend, folder, programs)
    if stack.proxy not in ("", "swiftiply"):
        _wait(lambda: _listens(stack, path, port), "it does not listen", folder, programs)
        if stack.over == "unix":
            path.chmod(0o777)
    return program


def _listens(stack: Stack, path: Path, port: int) -> bool:
    family, address = (socket.AF_UNIX, str(path)) if stack.over == "unix" else (socket.AF_INET, ("127.0.0.1", port))
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def _wait_until_it_serves(stack: Stack, port: int, reply: bytes, folder: Path, programs: list[subprocess.Popen]) -> None:
    said: list[bytes] = []

    def serves() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_PATIENCE_S)
        try:
            connection.request("GET", "/")
            said[:] = [connection.getresponse().read()]
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return said[0] == reply

    _wait(serves, "it does not give the reply of this scenario", folder, programs)


def _wait(is_ready: Callable[[], bool], complaint: str, folder: Path, programs: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while not is_ready():
        if time.monotonic() > deadline or any(program.poll() is not None for program in programs):
            raise ServerError(f"{complaint}\n{(folder / 'log').read_text()[-2000:]}")
        time.sleep(LOOK_S)


def _spawn(command: list[str], environment: dict[str, str], cpu: int, folder: Path, programs: list[subprocess.Popen]) -> subprocess.Popen:
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with (folder / "log").open("a") as log:
        # A session of its own: its process group is what is measured, and what is ended.
        program = subprocess.Popen(
            ["taskset", "-c", str(cpu), *command], cwd=folder, env=own | environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
    programs.append(program)
    return program


def _end(programs: list[subprocess.Popen]) -> None:
    """TERM first, so that nobody's sockets and children are left; then whatever is still there."""
    for program in reversed(programs):
        _signal(program, signal.SIGTERM)
    deadline = time.monotonic() + END_PATIENCE_S
    for program in programs:
        try:
            program.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        _signal(program, signal.SIGKILL)
        program.wait()


def _signal(program: subprocess.Popen, number: int) -> None:
    try:
        os.killpg(program.pid, number)
    except ProcessLookupError:
        pass  # it has ended


def free_port() -> int:
    """A port below the range that the machine gives to outgoing connections, which might else take it in between."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
