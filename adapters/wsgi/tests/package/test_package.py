"""Wheel and sdist, installed into empty environments outside the source tree, serve a request there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from running import ROOT, Site

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served from an empty place"]
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A new environment with nothing in it at all; pip works on it from outside."""
    venv.create(tmp_path / "venv", with_pip=False)
    return tmp_path / "venv"


def packed(pattern: str) -> Path:
    """What `package` has made. It fails, and does not skip, when there is nothing."""
    folder = Path(os.environ.get("SWIFTIPLY_PACKAGES") or ROOT / "build/packages")
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, f"{folder} has {len(found)} of {pattern}: run `package {folder}` (or `make build`)"
    return found[0]


def install(empty: Path, package: Path, *options: str, env: dict[str, str] | None = None) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(empty / "bin/python")]
    command = [*pip, "install", "--quiet", "--no-index", *options, str(package)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        command, env={**clean, **(env or {})}, cwd=empty, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def serves(empty: Path, site: Site) -> None:
    (empty / "hello.py").write_text(APP)
    for command in ([str(empty / "bin/swiftiply-wsgi")], [str(empty / "bin/python"), "-m", "swiftiply"]):
        backend = site.run(*command, "--connect", site.address, "hello", cwd=empty)
        backend.wait_for("serving the proxy")
        assert site.get("/").text == "served from an empty place"
        backend.stop()


def test_the_wheel_installs_alone_and_serves(empty: Path, site: Site) -> None:
    install(empty, packed("swiftiply_wsgi-*.whl"))
    serves(empty, site)


def test_the_sdist_compiles_offline_from_what_it_carries_and_serves(empty: Path, site: Site) -> None:
    # Its build backend is lent for the build alone: pip would fetch it from an index, which this test must not need.
    lent = {
        "PYTHONPATH": backend_folder(),
        "PATH": f"{Path(maturin()).parent}{os.pathsep}{os.environ['PATH']}",
        "CARGO_NET_OFFLINE": "true",
        # Crates of the registry are compiled once, and little is optimized: this proves, it does not race.
        "CARGO_TARGET_DIR": str(ROOT / "target/wsgi-sdist"),
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    }
    # Of the project's own crates cargo would go by the files' times, which an archive has from elsewhere.
    for fingerprint in (ROOT / "target/wsgi-sdist").glob("**/.fingerprint/swiftiply-*"):
        shutil.rmtree(fingerprint)
    install(empty, packed("swiftiply_wsgi-*.tar.gz"), "--no-build-isolation", env=lent)
    serves(empty, site)


def test_one_wheel_is_for_every_python_from_3_9_on() -> None:
    assert "-cp39-abi3-" in packed("swiftiply_wsgi-*.whl").name


def test_the_packages_carry_what_belongs_to_them_and_nothing_else() -> None:
    with zipfile.ZipFile(packed("swiftiply_wsgi-*.whl")) as wheel:
        names = set(wheel.namelist())
        record = next(name for name in names if name.endswith("/METADATA"))
        assert "License-Expression: MIT" in wheel.read(record).decode()
    assert {"swiftiply/py.typed", "swiftiply/_native.pyi", "swiftiply/_native.abi3.so"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert all(name.startswith(("swiftiply/", "swiftiply_wsgi-")) for name in names)
    with tarfile.open(packed("swiftiply_wsgi-*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"Cargo.lock", "LICENSE", "README.md", "src/swiftiply/py.typed"} <= names
    assert {f"{crate}/Cargo.toml" for crate in ("proxy/wire", "bindings/core", "bindings/python")} <= names
    assert not any("ruby" in name or "/target/" in name or name.endswith((".so", ".pyc")) for name in names)


def maturin() -> str:
    path = os.environ.get("MATURIN") or shutil.which("maturin")
    assert path, "there is no maturin: name it in MATURIN (`make build` puts one into build/tools)"
    return path


def backend_folder() -> str:
    """Where maturin's Python part lies."""
    for python in (Path(maturin()).parent / "python", Path(sys.executable)):
        where = "import maturin, os; print(os.path.dirname(os.path.dirname(maturin.__file__)))"
        ended = subprocess.run([str(python), "-c", where], capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            return ended.stdout.strip()
    raise AssertionError(f"no Python beside {maturin()} has the module maturin")
