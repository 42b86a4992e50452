"""Who used the processors between two moments: those that the bench started, or somebody else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import proc

#: How often a disturbed run is repeated before it is given up.
TRIES_MAX = 5
#: Of one processor's time. A process that takes less than that cannot move a figure by more.
STRANGER_SHARE_MAX = 0.02
#: For time that the hypervisor gave to another machine. It is nobody's processor time, so it moves only throughput and
#: latency. On shared hosts a machine that is busy on all its processors loses 5 to 20 % as a rule, ours and peers alike; the
#: report shows the worst.
STOLEN_SHARE_MAX = 0.20
#: For busy time that no living process accounts for: what began and ended between two looks. The kernel samples busy
#: time by its tick, so a half busy processor is known only to some percent in a run of a second or two.
UNEXPLAINED_SHARE_MAX = 0.10
#: One look at whether the machine is calm.
CALM_LOOK_S = 0.25


@dataclass(frozen=True)
class Moment:
    at: float
    cpus: dict[int, proc.CpuTime]
    processes: dict[int, proc.Process]

    @classmethod
    def now(cls) -> Moment:
        return cls(time.monotonic(), proc.cpus(), {process.pid: process for process in proc.processes()})

    def seconds_of(self, group: int) -> float:
        """A child that has ended went over into its parent's account, so the sum only grows."""
        members = (process for process in self.processes.values() if process.group == group)
        return sum(process.seconds + process.children_seconds for process in members)

    def seconds_of_bench(self) -> float:
        """The bench itself, and the load that it has started and waited for."""
        own = self.processes[os.getpid()]
        return own.seconds + own.children_seconds


@dataclass(frozen=True)
class Span:
    """What happened from one moment to the next, on the processors that the bench uses."""

    seconds: float
    #: Processor seconds by process group.
    groups: dict[int, float]
    #: Shares of one processor, by name, of processes that are not the bench's.
    strangers: dict[str, float]
    busy_shares: dict[int, float]
    stolen_share: float
    unexplained_share: float

    def disturbance(self) -> str | None:
        """One sentence about what another used of the processors; None if the figures can be trusted."""
        worst = max(self.strangers, key=self.strangers.get, default=None)
        if worst is not None and self.strangers[worst] > STRANGER_SHARE_MAX:
            return f"{worst} used {self.strangers[worst]:.0%} of a processor (allowed {STRANGER_SHARE_MAX:.0%})"
        if self.stolen_share > STOLEN_SHARE_MAX:
            return f"the hypervisor took {self.stolen_share:.0%} of a processor (allowed {STOLEN_SHARE_MAX:.0%})"
        if self.unexplained_share > UNEXPLAINED_SHARE_MAX:
            allowed = f"allowed {UNEXPLAINED_SHARE_MAX:.0%}"
            return f"processes that did not stay used {self.unexplained_share:.0%} of a processor ({allowed})"
        return None


def between(begin: Moment, end: Moment, groups: set[int], used: set[int]) -> Span:
    """`groups`: the process groups that the bench has started; `used`: the processors that it uses."""
    seconds = end.at - begin.at
    own = {group: end.seconds_of(group) - begin.seconds_of(group) for group in groups}
    bench = end.seconds_of_bench() - begin.seconds_of_bench()
    others = [process for process in end.processes.values() if process.group not in groups and process.pid != os.getpid()]
    spent = {process: _spent(process, begin) for process in others if process.cpu in used}
    times = {cpu: end.cpus[cpu].since(begin.cpus[cpu]) for cpu in sorted(used)}
    busy = sum(time.busy for time in times.values())
    return Span(
        seconds=seconds,
        groups=own,
        # The kernel's own threads work for whoever asked, which is mostly the load; they are no strangers.
        strangers={f"{process.name} ({process.pid})": t / seconds for process, t in spent.items() if not process.is_kernel},
        busy_shares={cpu: time.busy / seconds for cpu, time in times.items()},
        stolen_share=sum(time.stolen for time in times.values()) / seconds,
        unexplained_share=(busy - sum(own.values()) - bench - sum(spent.values())) / seconds,
    )


def _spent(process: proc.Process, begin: Moment) -> float:
    before = begin.processes.get(process.pid)
    return process.seconds - (before.seconds if before else 0.0)


class Patience:
    """How long a whole bench may wait for others to leave the processors; when it is used up, its runs will tell."""

    def __init__(self, seconds: float, tell: Callable[[str], None]):
        self._left_s = seconds
        self.tell = tell

    def wait_for_calm(self, groups: set[int], used: set[int]) -> None:
        """Returns when nobody else uses the processors, or when there is no patience left."""
        is_told = False
        while (why := _look(groups, used)) is not None and self._left_s > 0:
            self._left_s -= CALM_LOOK_S
            if not is_told:
                self.tell(f"    waiting, at most {self._left_s:.0f} s: {why}")
                is_told = True


T = TypeVar("T")


class DisturbedError(Exception):
    """No run was without another's work; the last one's reason."""


def undisturbed(measure: Callable[[], T], groups: set[int], used: set[int], patience: Patience) -> tuple[T, Span]:
    """What a measurement gives, and what was used meanwhile. It is repeated when another disturbed it."""
    why = ""
    for _ in range(TRIES_MAX):
        patience.wait_for_calm(groups, used)
        begin = Moment.now()
        outcome = measure()
        span = between(begin, Moment.now(), groups, used)
        why = span.disturbance() or ""
        if not why:
            return outcome, span
        patience.tell(f"    disturbed: {why}")
    raise DisturbedError(f"disturbed in {TRIES_MAX} runs, at last because {why}")


def _look(groups: set[int], used: set[int]) -> str | None:
    begin = Moment.now()
    time.sleep(CALM_LOOK_S)
    return between(begin, Moment.now(), groups, used).disturbance()
