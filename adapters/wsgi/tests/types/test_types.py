"""The package is typed: `mypy --strict` finds nothing in it, in its tests, and in a program that uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ADAPTER = Path(__file__).resolve().parents[2]

USE = """
from typing import assert_type  # noqa
from swiftiply._native import Request, ThreadConnector
from swiftiply.errors import ClientDisconnected

connector = ThreadConnector(["127.0.0.1:1"], slots=1)
request = connector.take()
assert_type(request, "Request | None")
if request is not None:
    request.reply.send(200, None, [("A", "b")], b"body")
    request.reply.send(200, None, [(b"A", b"b")], b"body")
    request.reply.send("200", None, [], b"")  # type: ignore[arg-type]
"""


def mypy(*arguments: str, cwd: Path) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


def test_mypy_finds_nothing_in_the_package_and_its_tests() -> None:
    assert "Success: no issues found" in mypy(cwd=ADAPTER)


def test_a_program_sees_the_types_of_the_installed_package(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(USE)
    assert "Success: no issues found" in mypy("program.py", cwd=tmp_path)
