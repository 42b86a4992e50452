"""The clients: wrk with one thread, so many connections, for so many seconds."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")
#: Longer than a request waits anywhere; what takes longer counts as an error.
TIMEOUT_S = 15
MARK = "BENCH "


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


def run(load: Load, port: int, seconds: float, cpu: int) -> Outcome:
    """Returns when it is over. wrk knows whole seconds only, so `seconds` is rounded up."""
    whole = max(1, -int(-seconds // 1))
    command = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{load.clients}", f"-d{whole}s", "--timeout", f"{TIMEOUT_S}s"]
    command += ["--script", str(SCRIPT), f"http://127.0.0.1:{port}/"]
    own = {"BENCH_BODY_BYTES": str(load.post_bytes), "BENCH_CLOSE": str(int(load.is_closing))}
    ended = subprocess.run(command, env=os.environ | own, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return parse(ended.stdout, ended.stderr)


def parse(output: str, complaint: str = "") -> Outcome:
    for line in output.splitlines():
        if line.startswith(MARK):
            return Outcome(**json.loads(line[len(MARK):]))
    raise LoadError(f"wrk gave no figures: {(complaint or output).strip() or 'it said nothing'}")
