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
CONFIGS = {
    "swiftiply": "swiftiply.yml", "haproxy": "haproxy.cfg", "nginx": "nginx.conf",
    "rhttp-edge": "rhttp-edge.cfg", "rhttp-agent": "rhttp-agent.cfg",
}
SHARED_MEMORY = Path("/dev/shm")
#: Nothing of the user's own settings may steer a server.
FOREIGN = ("SWIFTIPLY", "WEB_CONCURRENCY", "RAILS_", "RACK_", "PYTHONPATH", "GEM_", "NODE_OPTIONS", "PORT", "GRANIAN_", "UVICORN_", "GUNICORN_")


class ServerError(Exception):
    """A stack that does not serve, with what its programs said."""


@dataclass(frozen=True)
class Cpus:
    proxy: int
    backend: int
    load: int

    @property
    def used(self) -> set[int]:
        return {self.proxy, self.backend, self.load}


@dataclass(frozen=True)
class Running:
    port: int
    #: Process groups; a stack without a proxy has none there.
    proxy: int | None
    backends: tuple[int, ...]
    #: What is started but not counted: it stands behind the backend.
    others: tuple[int, ...] = ()

    @property
    def groups(self) -> set[int]:
        return {group for group in (self.proxy, *self.backends, *self.others) if group is not None}


@contextmanager
def running(stack: Stack, cpus: Cpus, reply: bytes) -> Iterator[Running]:
    """`reply`: how its answer must begin; a stack that says something else is not comparable."""
    # Sockets are made in memory, as on systems that keep them under /run.
    folder = Path(tempfile.mkdtemp(prefix="swiftiply-bench-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
    folder.chmod(0o755)
    start = _Start(stack, cpus, folder, [])
    try:
        # Backends that dial find a proxy there, and proxies that dial find a backend: no start counts on a retry.
        if stack.proxy == "swiftiply":
            proxy, others = start.proxy("swiftiply"), ()
            backends = start.apps()
        elif stack.proxy == "rhttp":
            others = tuple(program.pid for program in start.apps())
            proxy = start.proxy("rhttp-edge")
            backends = [start.proxy("rhttp-agent", cpus.backend)]
        else:
            backends, others = start.apps(), ()
            proxy = start.proxy(stack.proxy) if stack.proxy else None
        start.wait_until_it_serves(reply)
        yield Running(start.port, proxy and proxy.pid, tuple(one.pid for one in backends), others)
    finally:
        _end(start.programs)
        shutil.rmtree(folder)


@dataclass
class _Start:
    """One start of a stack; what is started goes to `programs`."""

    stack: Stack
    cpus: Cpus
    folder: Path
    programs: list[subprocess.Popen]

    def __post_init__(self):
        self.port = free_port()
        self.link_port = free_port()
        self.app_ports = [free_port() if self.stack.proxy else self.port for _ in range(self.stack.app.copies)]

    def proxy(self, kind: str, cpu: int | None = None) -> subprocess.Popen:
        config = self.folder / CONFIGS[kind]
        config.write_text(self._config(kind))
        commands = {
            "swiftiply": [swiftiply(), "-c", str(config), "--log-level", "warn"],
            "nginx": ["nginx", "-e", "stderr", "-p", str(self.folder), "-c", str(config)],
        }
        command = commands.get(kind, ["haproxy", "-db", "-f", str(config)])
        if kind != "swiftiply":
            command[0] = places.program(command[0])
        where = str(self.cpus.proxy if cpu is None else cpu)
        if self.stack.shards > 1:
            where = ",".join(str(one) for one in sorted(self.cpus.used))
        return _spawn(command, {}, where, self.folder, self.programs)

    def _config(self, kind: str) -> str:
        text = string.Template((places.CONF / CONFIGS[kind]).read_text())
        copies = range(self.stack.app.copies)
        servers = {"nginx": "        server {0};", "swiftiply": ""}.get(kind, "    server app{1} {0}")
        return text.substitute(
            port=self.port, link_port=self.link_port, folder=self.folder, shards=self.stack.shards,
            servers="\n".join(servers.format(self._address(number, kind), number) for number in copies),
            sites="".join(f"  - {{incoming: site{one}.test, outgoing: unix:{self.folder}/{one}}}\n" for one in range(1, self.stack.sites)),
        )

    def _address(self, number: int, kind: str) -> str:
        """Where a copy of the app listens, in the words of that proxy's configuration."""
        if self.stack.over == "tcp":
            return f"127.0.0.1:{self.app_ports[number]}"
        return f"{'unix:' if kind == 'nginx' else 'unix@'}{self._path(number)}"

    def _path(self, number: int) -> Path:
        return self.folder / f"app{number}.sock"

    def apps(self) -> list[subprocess.Popen]:
        started = [self._app(number) for number in range(self.stack.app.copies)]
        if self.stack.proxy not in ("", "swiftiply"):
            for number in range(len(started)):
                _wait(lambda number=number: self._listens(number), "it does not listen", self.folder, self.programs)
                if self.stack.over == "unix":
                    self._path(number).chmod(0o777)
        return started

    def _app(self, number: int) -> subprocess.Popen:
        app, path, port = self.stack.app, self._path(number), self.app_ports[number]
        words = {
            "path": path, "port": port, "link": f"unix:{self.folder}/link.sock", "native": places.NATIVE, "puma": places.program("puma"),
            "bin": places.BIN, "apps": places.APPS, "python": places.PYTHON, "node": places.NODE, "site_packages": places.site_packages(),
            "folder": self.folder, "unitd": os.environ.get("UNITD", ""), "iodine": os.environ.get("IODINE", ""),
        }
        if app.file:
            where, template = self.folder / app.file[0], places.CONF / app.file[1]
            where.parent.mkdir(exist_ok=True)
            where.write_text(string.Template(template.read_text()).substitute(words))
        over = app.unix if self.stack.over == "unix" else app.tcp
        environment = {name: value.format(**words) for name, value in app.environment}
        # Swiftiply adopts a server that asks for a port, which then stays closed; one that asks for a path it lets be.
        environment["LISTEN"] = str(path if self.stack.over == "unix" and self.stack.proxy != "swiftiply" else port)
        command = [word.format(**words) for word in app.command + over]
        return _spawn(command, environment, str(self.cpus.backend), self.folder, self.programs)

    def _listens(self, number: int) -> bool:
        is_unix = self.stack.over == "unix"
        address = str(self._path(number)) if is_unix else ("127.0.0.1", self.app_ports[number])
        with socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET) as probe:
            return probe.connect_ex(address) == 0

    def wait_until_it_serves(self, reply: bytes) -> None:
        complaint = "it does not give the reply of this scenario"
        _wait(lambda: (answer(self.port) or b"").startswith(reply), complaint, self.folder, self.programs)


def swiftiply() -> str:
    return os.environ.get("SWIFTIPLY_BIN") or str(places.BIN / "swiftiply")


def answer(port: int) -> bytes | None:
    """The body of the reply to a first request; None if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_PATIENCE_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _wait(is_ready: Callable[[], bool], complaint: str, folder: Path, programs: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while not is_ready():
        if time.monotonic() > deadline or any(program.poll() is not None for program in programs):
            raise ServerError(f"{complaint}\n{(folder / 'log').read_text()[-2000:]}")
        time.sleep(LOOK_S)


def _spawn(command: list[str], environment: dict[str, str], cpus: str, folder: Path, programs: list[subprocess.Popen]) -> subprocess.Popen:
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with (folder / "log").open("a") as log:
        # A session of its own: its process group is what is measured, and what is ended.
        program = subprocess.Popen(
            ["taskset", "-c", cpus, *command], cwd=folder, env=own | environment, start_new_session=True,
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
