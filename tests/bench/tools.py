"""Installs what the bench needs and the machine has not: peers, the load, and the native backend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import places

#: Commands and the Debian package that has each. HAPROXY=/path names another HAProxy.
DEBIAN = {"wrk": "wrk", "haproxy": "haproxy", "nginx": "nginx-light", "puma": "puma", "taskset": "util-linux"}
PYTHON = {
    "gunicorn": "gunicorn", "granian": "granian", "uvicorn": "uvicorn[standard]",
    "flask": "flask", "fastapi": "fastapi", "django-admin": "django",
}
NODE = ("express@5",)


class MissingError(Exception):
    """Something that the bench cannot install by itself."""


def install() -> None:
    places.OWN.mkdir(parents=True, exist_ok=True)
    _debian()
    _python()
    _node()
    _native()
    for name in ("swiftiply", "swiftiply-rack", "swiftiply-wsgi", "swiftiply-node"):
        if not (places.BIN / name).exists():
            raise MissingError(f"{places.BIN / name} is missing: `make build` makes it")


def _debian() -> None:
    missing = sorted({package for command, package in DEBIAN.items() if not _has(command)})
    if not missing:
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise MissingError(f"these are missing: {' '.join(missing)}; install them as root, or their like on your system")
    _run("apt-get", "update", "-qq")
    # Packages of servers start them otherwise, on the machine's own ports.
    policy = places.OWN / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    environment = {"DEBIAN_FRONTEND": "noninteractive", "POLICYRCD": str(policy)}
    _run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing, environment=environment)


def _has(command: str) -> bool:
    try:
        places.program(command)
    except FileNotFoundError:
        return False
    return True


def _python() -> None:
    if not places.PYTHON.exists():
        _run(sys.executable, "-m", "venv", str(places.PYTHON))
    missing = [package for command, package in PYTHON.items() if not (places.PYTHON / "bin" / command).exists()]
    if missing:
        _run(str(places.PYTHON / "bin" / "pip"), "install", "--quiet", *missing)


def _node() -> None:
    if not (places.NODE / "node_modules" / "express").exists():
        places.NODE.mkdir(exist_ok=True)
        (places.NODE / "package.json").write_text('{ "private": true }\n')
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(places.NODE), *NODE)


def _native() -> None:
    manifest = places.BENCH / "backend" / "Cargo.toml"
    target = {"CARGO_TARGET_DIR": str(places.NATIVE.parents[1])}
    _run("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", str(manifest), environment=target)


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    ended = subprocess.run(command, env=os.environ | (environment or {}), stdout=sys.stderr, check=False)
    if ended.returncode != 0:
        raise MissingError(f"`{' '.join(command)}` failed")
