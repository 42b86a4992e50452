"""Where everything lies that the bench runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
APPS = BENCH / "apps"
CONF = BENCH / "conf"
BUILD = ROOT / "build"
#: What the project's own build left.
BIN = BUILD / "bin"
#: What the bench installs and writes.
OWN = BUILD / "bench"
PYTHON = OWN / "python"
NODE = OWN / "node"
NATIVE = OWN / "backend" / "release" / "swiftiply-bench-backend"


def site_packages() -> Path:
    return next((PYTHON / "lib").glob("python3*/site-packages"))


def program(name: str) -> str:
    """A tool's path; HAPROXY in the environment names another one. Debian keeps servers out of a user's PATH."""
    named = os.environ.get(name.upper())
    path = named or shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path
