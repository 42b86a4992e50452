"""How much memory a process holds, and how much more it came to hold meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass
class Growth:
    pid: int
    bytes: int = 0


@contextmanager
def peak_growth(*pids: int) -> Iterator[list[Growth]]:
    """For each process: how far its memory rose at its peak in the block over what it held before."""
    before = {}
    for pid in pids:
        # Makes the kernel forget the highest value so far.
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        before[pid] = resident(pid)
    growths = [Growth(pid) for pid in pids]
    yield growths
    for growth in growths:
        growth.bytes = _status(growth.pid, "VmHWM") - before[growth.pid]


def resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no {name}: it has ended")
