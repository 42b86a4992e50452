"""``-n N``: a small parent that keeps N serving processes alive.

It forks before anything of the application is loaded and never starts a thread, so a child begins with nothing but
its options. A dead child is replaced, later and later if it keeps dying; SIGTERM drains all, Ctrl-C stops all.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Callable

from .report import PipeReport, ReportReader

__all__ = ["Supervisor"]

log = logging.getLogger("swiftiply")

#: Seconds before a process that died young is replaced: doubled for each such death in a row.
BACKOFF_FIRST = 0.25
BACKOFF_MAX = 30.0

#: A process that lived so many seconds was healthy: its successor starts at once.
HEALTHY_AFTER = 10.0

#: Seconds past the drain's own time limit before a child that does not end is killed.
KILL_AFTER_DRAIN = 5.0

#: Seconds between "stop at once" and SIGKILL: an event loop may give its application three for its goodbyes.
KILL_AFTER_STOP = 5.0

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


@dataclass
class _Seat:
    """A place for one process; its processes come and go."""

    pid: int = 0
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0
    report: ReportReader | None = None


class Supervisor:
    """Runs ``serve`` in ``count`` child processes until it is told to stop."""

    def __init__(self, count: int, serve: Callable[[PipeReport], int], *, drain_timeout: float) -> None:
        self._seats = [_Seat() for _ in range(count)]
        self._serve = serve
        self._drain_timeout = drain_timeout
        self._selector = selectors.DefaultSelector()
        self._wake = (-1, -1)
        self._asked: list[int] = []  # signals received and not yet acted upon
        self._stopping: float | None = None  # when patience ends and SIGKILL is sent
        self._ever_booted = False
        self._ever_connected = False
        self._status = 0

    def run(self) -> int:
        """The exit status. Returns in the parent, and once in each child, with the child's own."""
        self._catch_signals()
        while True:
            self._obey()
            report = self._spawn_due()
            if report is not None:
                return self._serve(report)  # this is the child
            if self._stopping is not None and not any(seat.pid for seat in self._seats):
                return self._status
            self._wait()
            self._reap()

    # Starting.

    def _spawn_due(self) -> PipeReport | None:
        """Start what is missing. In a child: its way to report."""
        if self._stopping is not None:
            return None
        now = time.monotonic()
        for seat in self._seats:
            if not seat.pid and seat.due <= now:
                report = self._spawn(seat)
                if report is not None:
                    return report
        return None

    def _spawn(self, seat: _Seat) -> PipeReport | None:
        ours, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between the fork and the child's own handlers would run the parent's, and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            self._become_child()
            return PipeReport(theirs)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(theirs)
        os.set_blocking(ours, False)
        seat.pid, seat.started, seat.report = pid, time.monotonic(), ReportReader(ours)
        self._selector.register(ours, selectors.EVENT_READ, seat.report)
        return None

    def _become_child(self) -> None:
        """Undo what belongs to the parent alone."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for descriptor in (*self._wake, *(seat.report.descriptor for seat in self._seats if seat.report)):
            os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A function and not SIG_IGN: programs that the application starts shall not inherit it.
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
        signal.signal(PipeReport.stop_signal, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    # Waiting.

    def _wait(self) -> None:
        """Until a signal, news from a child, or the next thing that is due."""
        for key, _ in self._selector.select(self._patience()):
            if key.data is None:
                os.read(self._wake[0], 4096)
            elif not key.data.read():
                self._selector.unregister(key.fd)
            else:
                self._ever_booted |= key.data.is_booted
                self._ever_connected |= key.data.is_connected
        if self._stopping is not None and time.monotonic() >= self._stopping:
            self._signal_all(signal.SIGKILL)

    def _patience(self) -> float | None:
        now = time.monotonic()
        if self._stopping is not None:
            return max(0.05, self._stopping - now)
        due = [seat.due for seat in self._seats if not seat.pid]
        return max(0.0, min(due) - now) if due else None

    # Ending.

    def _reap(self) -> None:
        for seat in self._seats:
            if seat.pid:
                pid, status = os.waitpid(seat.pid, os.WNOHANG)
                if pid:
                    self._bury(seat, os.waitstatus_to_exitcode(status))

    def _bury(self, seat: _Seat, code: int) -> None:
        pid, report = seat.pid, seat.report
        assert report is not None
        report.drain()
        self._forget(report)
        seat.pid, seat.report = 0, None
        self._ever_booted |= report.is_booted
        self._ever_connected |= report.is_connected
        if self._stopping is not None:
            return
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        failure = report.failure
        if failure is not None and not self._ever_connected:
            self._give_up(failure)
        elif not self._ever_booted:
            self._give_up(f"swiftiply-wsgi: process {pid} ended {how} before it had loaded the application")
        else:
            self._replace(seat, pid, how, failure)

    def _replace(self, seat: _Seat, pid: int, how: str, failure: str | None) -> None:
        if failure is not None:
            log.error("%s", failure.rstrip())
        now = time.monotonic()
        if now - seat.started >= HEALTHY_AFTER:
            seat.deaths = 0
        delay = min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** (seat.deaths - 1)) if seat.deaths else 0.0
        seat.deaths += 1
        seat.due = now + delay
        when = f"in {delay:g} s" if delay else "now"
        log.warning("process %d ended %s; another takes its place %s", pid, how, when)

    def _give_up(self, reason: str) -> None:
        """The first start failed: a release that cannot run says so and leaves, it does not loop."""
        print(reason.rstrip(), file=sys.stderr, flush=True)
        self._status = 1
        self._stop(PipeReport.stop_signal, KILL_AFTER_STOP)

    def _forget(self, report: ReportReader) -> None:
        try:
            self._selector.unregister(report.descriptor)
        except KeyError:
            pass  # its end was read before
        report.close()

    # Signals.

    def _catch_signals(self) -> None:
        self._wake = os.pipe()
        for descriptor in self._wake:
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake[0], selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # Only that: a handler may run between any two steps, a fork and its bookkeeping for example.
        self._asked.append(number)

    def _obey(self) -> None:
        while self._asked:
            if self._asked.pop(0) == signal.SIGTERM and self._stopping is None:
                log.info("SIGTERM: draining %d processes", sum(bool(seat.pid) for seat in self._seats))
                self._stop(signal.SIGTERM, self._drain_timeout + KILL_AFTER_DRAIN)
            else:  # Ctrl-C, or asked twice
                self._stop(PipeReport.stop_signal, KILL_AFTER_STOP)

    def _stop(self, number: signal.Signals, patience: float) -> None:
        self._stopping = time.monotonic() + patience
        self._signal_all(number)

    def _signal_all(self, number: signal.Signals) -> None:
        for seat in self._seats:
            if seat.pid:
                try:
                    os.kill(seat.pid, number)
                except ProcessLookupError:
                    pass  # it has just ended and is reaped next
