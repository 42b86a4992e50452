"""Starts an app under its own server, or behind Swiftiply, and says where it is to be found."""

import os
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apps import BIN, App, Way
from browser import Browser
from program import Program

PREPARE_S = 120.0
#: Nothing of the caller's own settings may steer the apps.
FOREIGN = ("BUNDLE_", "DJANGO_", "FLASK_", "GEM_", "NODE_", "RACK", "RAILS_", "SECRET_KEY", "SWIFTIPLY", "WEB_CONCURRENCY")
NEUTRAL = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
NEUTRAL |= {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


@dataclass
class Served:
    app: App
    address: tuple[str, int]
    host: str
    server: Program
    way: Way
    through_swiftiply: bool

    def visitor(self) -> Browser:
        return Browser(self.address, self.host)


@contextmanager
def under_its_own_server(app: App, data: Path):
    environment = prepared(app, app.own, data, {})
    server = Program(app.name, filled(app.own.command, data), app.folder, environment)
    try:
        said = server.wait_for(r"https?://(?:127\.0\.0\.1|localhost):(\d+)")
        yield Served(app, ("127.0.0.1", int(said[1])), f"{app.name}.localhost", server, app.own, False)
    finally:
        server.kill()


@contextmanager
def behind_swiftiply(app: App, way: Way, data: Path):
    connect = f"unix:{data}/link.sock"
    environment = prepared(app, way, data, {"connect": connect})
    host = f"{app.name}.localhost"
    port = free_port()
    config = data / "swiftiply.yml"
    config.write_text(CONFIG.format(port=port, host=host, connect=connect))
    proxy = Program("swiftiply", [built("swiftiply"), "-c", str(config)], data, NEUTRAL)
    backend = None
    try:
        proxy.wait_for("clients connect to")
        backend = Program(app.name, filled(way.command, data, connect), app.folder, environment)
        # The proxy would hold requests until then; but a backend that fails to start shows what it said.
        backend.wait_for("serving the proxy")
        yield Served(app, ("127.0.0.1", port), host, backend, way, True)
        status = backend.stop()
        assert status == 0, f"{backend} ended with status {status} after TERM\n{backend.output()}"
        status = proxy.stop()
        assert status == 0, f"{proxy} ended with status {status} after TERM\n{proxy.output()}"
    finally:
        for program in (backend, proxy):
            if program is not None:
                program.kill()


CONFIG = """\
cluster_address: 127.0.0.1
cluster_port: {port}
timeout: 60
map:
  - incoming: {host}
    outgoing: {connect}
"""


def built(name: str) -> str:
    path = BIN / name
    assert path.exists(), f"{path} is missing: `make build` makes it"
    return str(path)


def prepared(app: App, way: Way, data: Path, words: dict[str, str]) -> dict[str, str]:
    """The environment to start the app in, after whatever it wants done once."""
    program = way.command[0]
    assert not program.startswith("/") or Path(program).exists(), f"{program} is missing: `make build` makes it"
    environment = NEUTRAL | {"DATA_DIR": str(data)} | {name: value.format(**words) for name, value in way.environment.items()}
    if app.prepare:
        run = Program(f"preparing {app.name}", app.prepare, app.folder, environment)
        try:
            status = run.process.wait(PREPARE_S)
        except subprocess.TimeoutExpired:
            status = "none: it hangs"
        finally:
            run.kill()
        assert status == 0, f"{run}: exit status {status}\n{run.output()}"
    return environment


def filled(command: list[str], data: Path, connect: str = "") -> list[str]:
    return [word.format(data=data, connect=connect) for word in command]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
