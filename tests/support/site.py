"""A proxy with one site in a folder of its own, and the backends that a test starts for it."""

import random
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from support.adapters import Adapter, built
from support.client import Answer, Client
from support.program import PATIENCE_S, Program

CAME = r"backend (\d+)@\S+ came with"


class Site:
    def __init__(self, folder: Path, top: Mapping[str, object] | None = None, **options: object):
        """`top`: keys of the whole configuration; `options`: keys of the site."""
        self.folder = folder
        self.port = free_port()
        self.outgoing = f"unix:{folder}/link.sock"
        self.counted = folder / "counted"
        self.counted.touch()
        self.programs: list[Program] = []
        self.top = {"log": "{access: off}"} | dict(top or {})
        # A hold outlasts whatever a busy machine needs to start an app.
        self.options = {"timeout": int(PATIENCE_S)} | options
        self.proxy: Program | None = None
        self.backends: list[int] = []

    def start_proxy(self, *before: str) -> Program:
        """`before`: words of a command that runs it."""
        lines = [f"{name}: {value}" for name, value in self.top.items()]
        lines += ["cluster_address: 127.0.0.1", f"cluster_port: {self.port}", "map:", "  - incoming: site.test"]
        lines += [f"    outgoing: {self.outgoing}", "    default: true"]
        lines += [f"    {name}: {value}" for name, value in self.options.items()]
        config = self.folder / "swiftiply.yml"
        config.write_text("\n".join(lines) + "\n")
        self.proxy = self.run([*before, built("swiftiply"), "-c", str(config)])
        self.proxy.wait_for("clients connect to")
        return self.proxy

    def start_at(self, outgoing: str) -> Program:
        """Starts the proxy with another address for its backends than the usual Unix socket."""
        self.outgoing = outgoing
        return self.start_proxy()

    def start(self, adapter: Adapter, *, processes: int = 0, slots: int = 4, environment: Mapping[str, str] | None = None,
              app: tuple[str, ...] | None = None, options: tuple[str, ...] = (), before: tuple[str, ...] = ()) -> Program:
        """Starts an app and leaves it to come. 0 processes: the command's default, one that nobody supervises. `before`: as of the proxy."""
        supervised = ("-n", str(processes)) if processes else ()
        line = adapter.line(self.outgoing, *supervised, adapter.slots, str(slots), *options, app=app)
        return self.run([*before, *line], {"COUNTED": str(self.counted)} | dict(environment or {}))

    def serve(self, adapter: Adapter, **how: object) -> Program:
        """Starts an app; returns when all its processes are in service, and leaves their ids in `backends`."""
        mark = self.proxy.mark()
        program = self.start(adapter, **how)
        processes = int(how.get("processes", 0)) or 1
        # The proxy tells of the first link; in service is a process that has brought one for each of the proxy's threads.
        program.wait_for("serving the proxy at", processes)
        self.backends = self.wait_for_backends(processes, since=mark)
        return program

    def wait_for_backends(self, number: int, since: int = 0) -> list[int]:
        """The process ids of backends that have come since a mark in the proxy's output."""
        return [int(found[1]) for found in self.proxy.wait_for(CAME, number, since)]

    def ask_until_served_by(self, pid: int) -> None:
        """Asks until it is that process which answers."""
        deadline = time.monotonic() + PATIENCE_S
        while int(self.get("/pid").text) != pid:
            assert time.monotonic() < deadline, f"{pid} serves nothing\n{self.proxy.output()}"

    def run(self, command: list[str], environment: Mapping[str, str] | None = None) -> Program:
        program = Program(command, self.folder, environment)
        self.programs.append(program)
        return program

    def close(self) -> None:
        for program in reversed(self.programs):
            program.kill()

    # The clients' side.

    def client(self) -> Client:
        return Client(self.port)

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, headers=headers)

    def request(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        with self.client() as client:
            return client.request(method, target, body, headers)

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def counts(self, word: str) -> list[str]:
        """The ids that the app's /count has noted after `begun` or `ended`."""
        return [line.split()[1] for line in self.counted.read_text().splitlines() if line.startswith(word)]


def free_port(host: str = "127.0.0.1") -> int:
    """A port below the range that the machine gives to outgoing connections, which might else take it in between."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
