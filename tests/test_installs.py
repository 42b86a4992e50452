"""Each package installs by its own world's installer into an empty place, without the source tree and without a network, and
then serves a request from there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.adapters import APPS, PACKAGES, ROOT
from support.site import Site

#: Compiling takes 30 s on two idle cores.
INSTALL_S = 300.0
#: Neither gems, nor modules, nor packages, nor build results of this tree are in sight.
HIDDEN = ("GEM_", "BUNDLE", "RUBY", "PYTHONPATH", "PIP_", "VIRTUAL_ENV", "NODE_", "npm_", "CARGO_TARGET", "SWIFTIPLY")
#: For whatever compiles: the crates are there since the workspace was built.
OFFLINE = {"CARGO_NET_OFFLINE": "true"}


@pytest.fixture
def place(tmp_path):
    """An empty folder."""
    place = tmp_path / "place"
    place.mkdir()
    return place


def test_the_platform_gem_installs_without_a_compiler_and_serves(site, place, tmp_path):
    install_gem(package("swiftiply-rack-0.9.0-*.gem"), place, path=tools(tmp_path, "ruby", "gem"))
    serve_from_gem(site, place)


def test_the_source_gem_compiles_and_serves(site, place):
    install_gem(package("swiftiply-rack-0.9.0.gem"), place, **OFFLINE)
    serve_from_gem(site, place)
    left = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    assert left < 10 << 20, f"{left >> 20} MiB stay after compiling"


def test_the_wheel_installs_without_a_compiler_and_serves(site, place, tmp_path):
    python = empty_environment(place)
    run([python, "-m", "pip", "install", "--no-index", package("*.whl")], place, path=tools(tmp_path))
    serve_from_environment(site, place)


def test_the_sdist_compiles_and_serves(site, place):
    python = empty_environment(place)
    tool = ROOT / "build" / "tools"
    # maturin, which pip would else fetch, is lent for the build.
    lent = next(tool.glob("lib/python*/site-packages"))
    install = [python, "-m", "pip", "install", "--no-index", "--no-build-isolation", package("swiftiply_wsgi-*.tar.gz")]
    run(install, place, path=f"{tool}/bin:{os.environ['PATH']}", PYTHONPATH=str(lent), **OFFLINE)
    serve_from_environment(site, place)


def test_the_tarball_installs_without_a_compiler_and_serves(site, place, tmp_path):
    path = tools(tmp_path, "node", "npm", "sh")
    (place / "package.json").write_text('{"name": "empty", "private": true}\n')
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", package("swiftiply-node-*.tgz")], place, path=path)
    app = bring(place, "promises.js")
    serve(site, ["node_modules/.bin/swiftiply-node", "--connect", site.outgoing, app], place)
    # And an unmodified program, by one option of Node's own.
    serve(site, ["node", "--import", "swiftiply-node/register", app], place, SWIFTIPLY=site.outgoing)


def install_gem(gem: str, place: Path, path: str | None = None, **environment: str) -> None:
    run(["gem", "install", "--local", "--no-document", gem], place, path, GEM_HOME=str(place), **environment)


def serve_from_gem(site: Site, place: Path) -> None:
    app = bring(place, "promises.ru")
    command = [f"{place}/bin/swiftiply-rack", "--connect", site.outgoing, app]
    serve(site, command, place, GEM_HOME=str(place))


def empty_environment(place: Path) -> str:
    # Of the Python itself, not of the environment that the tests run in.
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    run([str(base), "-m", "venv", str(place / "venv")], place)
    return str(place / "venv" / "bin" / "python")


def serve_from_environment(site: Site, place: Path) -> None:
    for app in ("promises_wsgi", "promises_asgi"):
        bring(place, f"{app}.py")
        serve(site, [f"{place}/venv/bin/swiftiply-wsgi", "--connect", site.outgoing, f"{app}:app"], place)


def serve(site: Site, command: list[str], place: Path, **environment: str) -> None:
    """A page, from the installed command in its place; then it is asked to leave."""
    site.folder = place
    mark = site.proxy.mark()
    app = site.run(command, environment)
    app.wait_for("serving the proxy at")
    (pid,) = site.wait_for_backends(1, since=mark)
    assert site.get("/hello").text == "hello"
    assert int(site.get("/pid").text) == pid
    loaded = Path(f"/proc/{pid}/maps").read_text()
    assert str(place) in loaded and str(ROOT) not in loaded, "the native library is not the installed one"
    assert app.terminate() == 0


def bring(place: Path, app: str) -> str:
    shutil.copy(APPS / app, place)
    return app


def package(pattern: str) -> str:
    found = list(PACKAGES.glob(pattern))
    assert len(found) == 1, f"{PACKAGES} should have one {pattern}, and has {found}: `make build` makes it"
    return str(found[0])


def tools(tmp_path: Path, *names: str) -> str:
    """A PATH with these commands and no other: no compiler among them."""
    folder = tmp_path / "tools"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def run(command: list[str], place: Path, path: str | None = None, **environment: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
    if path is not None:
        clean["PATH"] = path
    done = subprocess.run(
        command, cwd=place, env=clean | environment, timeout=INSTALL_S, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, executable=shutil.which(command[0], path=clean["PATH"]),
    )
    assert done.returncode == 0, f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}"
