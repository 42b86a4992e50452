"""The clients: wrk with one thread, so many connections, for so many seconds."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import places

SCRIPT = Path(__file__).with_name("wrk.lua")
#: Longer than a request waits anywhere; what takes longer counts as an error.
TIMEOUT_S = 15
MARK = "BENCH "
QUIET = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}


@dataclass(frozen=True)
class Load:
    clients: int = 64
    #: Bytes of the body of a POST; none: GET.
    post_bytes: int = 0
    #: One connection for each request.
    is_closing: bool = False

    def __str__(self) -> str:
        what = f"POST of {self.post_bytes} bytes" if self.post_bytes else "GET"
        how = "a new connection per request" if self.is_closing else "keepalive"
        return f"{self.clients} client{'s' if self.clients > 1 else ''}, {what}, {how}"


@dataclass(frozen=True)
class Outcome:
    """Times are milliseconds from a request's first byte to its reply's last, as wrk sees them."""

    requests: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    errors: int


class LoadError(Exception):
    """The load did not run, with what wrk said."""


def warm_up(load: Load, port: int, seconds: float, cpu: int) -> None:
    """The same without figures."""
    with subprocess.Popen(_command(load, port, seconds + 1, cpu), env=_environment(load), **QUIET) as wrk:
        time.sleep(seconds)
        wrk.terminate()


def run(load: Load, port: int, seconds: float, cpu: int) -> Outcome:
    """Returns when it is over."""
    command = _command(load, port, seconds, cpu)
    ended = subprocess.run(command, env=_environment(load), text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return parse(ended.stdout, ended.stderr)


def _command(load: Load, port: int, seconds: float, cpu: int) -> list[str]:
    # wrk knows only whole seconds.
    how = ["-t1", f"-c{load.clients}", f"-d{math.ceil(seconds)}s", "--timeout", f"{TIMEOUT_S}s"]
    return ["taskset", "-c", str(cpu), places.program("wrk"), *how, "--script", str(SCRIPT), f"http://127.0.0.1:{port}/"]


def _environment(load: Load) -> dict[str, str]:
    return os.environ | {"BENCH_BODY_BYTES": str(load.post_bytes), "BENCH_CLOSE": str(int(load.is_closing))}


def parse(output: str, complaint: str = "") -> Outcome:
    for line in output.splitlines():
        if line.startswith(MARK):
            return Outcome(**json.loads(line[len(MARK):]))
    raise LoadError(f"wrk gave no figures: {(complaint or output).strip() or 'it said nothing'}")
