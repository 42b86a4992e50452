"""The four ways in which an app becomes a backend, and how each is started."""

import os
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
APPS = TESTS / "apps"
BIN = ROOT / "build" / "bin"
PACKAGES = ROOT / "build" / "packages"


@dataclass(frozen=True)
class Adapter:
    name: str
    command: str
    #: The option for how many requests one process runs at once.
    slots: str
    app: tuple[str, ...]
    #: An app that fails when it is loaded.
    broken: tuple[str, ...]
    #: Whether its requests share one event loop, which one of them can block.
    is_loop: bool = False
    #: Makes its garbage collector let little lie: else that is what a test of memory sees. Ruby's own default is up to 100 MB.
    thrift: tuple[tuple[str, str], ...] = ()

    def line(self, connect: str, *options: str, app: tuple[str, ...] | None = None) -> list[str]:
        return [built(self.command), "--connect", connect, *options, *(app or self.app)]

    def __str__(self) -> str:
        return self.name


def python(module: str) -> tuple[str, ...]:
    return ("--app-dir", str(APPS), f"{module}:app")


RUBY_THRIFT = tuple((f"RUBY_GC_{name}MALLOC_LIMIT{most}", str(4 << 20)) for name in ("", "OLD") for most in ("", "_MAX"))
RACK = Adapter("rack", "swiftiply-rack", "-t", ("-e", "production", f"{APPS}/promises.ru"), (f"{APPS}/broken.ru",), thrift=RUBY_THRIFT)
WSGI = Adapter("wsgi", "swiftiply-wsgi", "-t", python("promises_wsgi"), python("broken_app"))
ASGI = Adapter("asgi", "swiftiply-wsgi", "--concurrency", python("promises_asgi"), python("broken_app"), is_loop=True)
NODE = Adapter("node", "swiftiply-node", "--concurrency", (f"{APPS}/promises.js",), (f"{APPS}/broken.js",), is_loop=True)
ADAPTERS = [RACK, WSGI, ASGI, NODE]


def built(name: str) -> str:
    """A command of `make build`; the proxy may be another one, named by SWIFTIPLY_BIN."""
    path = Path(os.environ.get("SWIFTIPLY_BIN") or BIN / name) if name == "swiftiply" else BIN / name
    assert path.exists(), f"{path} is missing: `make build` makes it"
    return str(path)
