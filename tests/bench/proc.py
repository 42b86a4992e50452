"""What the kernel says of time and memory: /proc, read and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: The parent of all threads of the kernel.
KTHREADD = 2


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat. Seconds are user and system time."""

    pid: int
    name: str
    parent: int
    group: int
    seconds: float
    #: What its children had used that have ended and that it has waited for.
    children_seconds: float
    #: The processor that it ran on last.
    cpu: int

    @property
    def is_kernel(self) -> bool:
        return KTHREADD in (self.pid, self.parent)


def parse_process(line: str) -> Process:
    """The name stands in parentheses and may hold any character, so the fields are counted from its end."""
    pid, rest = line.split(" (", 1)
    name, rest = rest.rsplit(") ", 1)
    fields = rest.split()
    # From the fourth field of proc(5): parent is 4, group 5, utime to cstime 14 to 17, processor 39.
    user, system, children_user, children_system = (int(field) / TICKS_PER_S for field in fields[11:15])
    parent, group, cpu = int(fields[1]), int(fields[2]), int(fields[36])
    return Process(int(pid), name, parent, group, user + system, children_user + children_system, cpu)


def processes() -> list[Process]:
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            found.append(parse_process(Path(entry.path, "stat").read_text()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return found


@dataclass(frozen=True)
class CpuTime:
    """Seconds since the machine's start. `stolen`: the processor was another virtual machine's."""

    busy: float
    stolen: float

    def since(self, earlier: CpuTime) -> CpuTime:
        return CpuTime(self.busy - earlier.busy, self.stolen - earlier.stolen)


def parse_cpus(text: str) -> dict[int, CpuTime]:
    """By the number of the processor, from the text of /proc/stat."""
    cpus = {}
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
            cpus[int(name[3:])] = CpuTime((user + nice + system + irq + softirq) / TICKS_PER_S, steal / TICKS_PER_S)
    return cpus


def cpus() -> dict[int, CpuTime]:
    return parse_cpus(Path("/proc/stat").read_text())


def memory_bytes(group: int, kind: str = "Pss") -> int:
    """What the processes of a group hold, each page shared by N of them counted as an Nth. `Anonymous`: what they have
    allocated, not what they have mapped from files."""
    return sum(pss(process.pid, kind) for process in processes() if process.group == group)


def pss(pid: int, kind: str = "Pss") -> int:
    """The same of one process."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
