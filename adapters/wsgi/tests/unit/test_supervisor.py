"""The supervisor: N processes, kept alive, and all gone when it goes.

Each test runs a real one in a process of its own; its children are a few lines of Python instead of an application.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Callable

import pytest

#: Far beyond what any of these takes.
LIMIT_SECONDS = 30

PROLOGUE = """
import os, signal, sys, time
from swiftiply import logs
from swiftiply.supervisor import Supervisor
logs.configure("info")

def say(*words):
    sys.stdout.write(" ".join(map(str, (*words, os.getpid()))) + "\\n")
    sys.stdout.flush()

def wait():
    # Not signal.pause(): a signal just before that call would be noted, and its handler would never run.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    while True:
        os.read(woken, 1)
"""

SERVING = """
def serve(report):
    signal.signal(signal.SIGTERM, lambda *_: (say("drained"), sys.exit(0)))
    report.booted()
    report.connected()
    try:
        say("serving")
        wait()
    except KeyboardInterrupt:
        say("stopped")
        return 0
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    started = []

    def start_supervisor(serve: str, count: int = 2, drain_timeout: float = 20) -> subprocess.Popen[str]:
        code = f"{PROLOGUE}\n{serve}\nsys.exit(Supervisor({count}, serve, drain_timeout={drain_timeout}).run())"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        # Whatever hangs ends with this, and the test with the end of its output.
        limit = threading.Timer(LIMIT_SECONDS, kill, [process])
        limit.start()
        started.append((process, limit))
        return process

    yield start_supervisor
    for process, limit in started:
        limit.cancel()
        kill(process)
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def pids(process: subprocess.Popen[str], word: str, count: int) -> list[int]:
    """The processes that said this word, once so many have."""
    found: list[int] = []
    while len(found) < count:
        line = stdout(process).readline()
        assert line, f"ended early: {process.stderr and process.stderr.read()}"
        if line.startswith(word):
            found.append(int(line.split()[-1]))
    return found


def stdout(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_dead_process_is_replaced_at_once_and_the_others_stay(start: Start) -> None:
    supervisor = start(SERVING)
    first, second = pids(supervisor, "serving", 2)
    os.kill(first, signal.SIGKILL)
    (third,) = pids(supervisor, "serving", 1)
    assert third not in (first, second)
    assert is_alive(second)
    supervisor.terminate()
    _, errors = supervisor.communicate(timeout=20)
    assert f"process {first} ended by SIGKILL" in errors


def test_sigterm_drains_every_process_and_ends_with_status_0(start: Start) -> None:
    supervisor = start(SERVING, count=3)
    serving = pids(supervisor, "serving", 3)
    supervisor.terminate()
    assert sorted(pids(supervisor, "drained", 3)) == sorted(serving)
    assert supervisor.wait(timeout=20) == 0
    assert not any(is_alive(pid) for pid in serving)


def test_ctrl_c_in_a_terminal_stops_every_process_once(start: Start) -> None:
    supervisor = start(SERVING, count=3)
    serving = pids(supervisor, "serving", 3)
    os.killpg(supervisor.pid, signal.SIGINT)  # what a terminal does: the whole group at once
    assert sorted(pids(supervisor, "stopped", 3)) == sorted(serving)
    output, errors = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert "Traceback" not in errors
    assert output == ""


def test_sigint_to_the_supervisor_alone_stops_its_children_too(start: Start) -> None:
    supervisor = start(SERVING)
    serving = pids(supervisor, "serving", 2)
    supervisor.send_signal(signal.SIGINT)
    assert sorted(pids(supervisor, "stopped", 2)) == sorted(serving)
    assert supervisor.wait(timeout=20) == 0


def test_a_process_that_does_not_drain_in_time_is_stopped_by_a_second_sigterm(start: Start) -> None:
    deaf = SERVING.replace('(say("drained"), sys.exit(0))', 'say("deaf")')
    supervisor = start(deaf)
    pids(supervisor, "serving", 2)
    supervisor.terminate()
    pids(supervisor, "deaf", 2)
    supervisor.terminate()
    pids(supervisor, "stopped", 2)
    assert supervisor.wait(timeout=20) == 0


def test_a_process_that_hears_nothing_is_killed(start: Start) -> None:
    supervisor = start(SERVING.replace("wait()", "deafen()") + DEAFEN)
    serving = pids(supervisor, "deaf", 2)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=20) == 0
    assert not any(is_alive(pid) for pid in serving)


DEAFEN = """
def deafen():
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    say("deaf")
    wait()
"""


def test_a_failure_at_the_first_start_ends_all_and_is_told_once(start: Start) -> None:
    supervisor = start(
        """
def serve(report):
    report.booted()
    report.failed("the proxy refuses this key")
    return 1
""",
        count=4,
    )
    _, errors = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 1
    assert errors == "the proxy refuses this key\n"


def test_a_process_that_keeps_dying_is_started_later_each_time(start: Start) -> None:
    supervisor = start(
        """
def serve(report):
    report.booted()
    report.connected()
    say("dying")
    os._exit(9)
""",
        count=1,
    )
    pids(supervisor, "dying", 4)
    supervisor.terminate()
    _, errors = supervisor.communicate(timeout=20)
    delays = [line.rsplit("place ", 1)[1] for line in errors.splitlines() if "ended with status 9" in line]
    assert delays[:3] == ["now", "in 0.25 s", "in 0.5 s"]


def test_a_later_failure_to_start_does_not_take_the_others_down(start: Start, tmp_path: Path) -> None:
    mark = tmp_path / "broken"
    broken_later = f"""
    if os.path.exists({str(mark)!r}):
        say("failing")
        report.failed("the new release is broken")
        return 1
    report.booted()"""
    supervisor = start(SERVING.replace("    report.booted()", broken_later))
    first, second = pids(supervisor, "serving", 2)
    mark.touch()
    os.kill(first, signal.SIGKILL)
    pids(supervisor, "failing", 2)
    assert is_alive(second)
    mark.unlink()
    pids(supervisor, "serving", 1)
    supervisor.terminate()
    _, errors = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert "the new release is broken" in errors
