"""What is compared: an app, on its own or behind a proxy.

In commands and environments `{path}` is a Unix socket, `{port}` a port of this machine, `{link}` where the proxy waits
for backends that dial, and `{bin}`, `{own}`, `{apps}` are folders (`places.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class App:
    """A command that serves the app. `unix` or `tcp` is appended: where it listens, if it does; the environment's
    LISTEN says the same for apps that are told in this way."""

    name: str
    command: tuple[str, ...]
    unix: tuple[str, ...] = ()
    tcp: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    #: Processes. Each listens at an address of its own, or dials.
    copies: int = 1
    #: A file that it reads at its start: where, and the template in conf/.
    file: tuple[str, str] | None = None
    #: What it needs that is not installed by itself: a name in `optional.py`.
    needs: str = ""


@dataclass(frozen=True)
class Stack:
    name: str
    app: App
    #: swiftiply, haproxy, nginx, rhttp (an haproxy that is dialled by another one), or none: clients go to the app itself.
    proxy: str = ""
    #: How the proxy reaches its backend: unix or tcp.
    over: str = "unix"
    #: Threads of the proxy; more than one run on all processors that the bench uses.
    shards: int = 1
    #: Sites that the proxy has; backends serve the first one only.
    sites: int = 1

    @property
    def needs(self) -> str:
        """What its app or its proxy needs that is not installed by itself."""
        return "rhttp" if self.proxy == "rhttp" else self.app.needs


def ours(app: App, name: str = "", shards: int = 1, sites: int = 1) -> Stack:
    return Stack(name or f"swiftiply ← {app.name}", app, "swiftiply", shards=shards, sites=sites)


def alone(app: App) -> Stack:
    return Stack(f"{app.name} alone", app, over="tcp")


def behind(proxy: str, app: App, over: str = "unix") -> Stack:
    return Stack(f"{proxy} → {app.name}{' (TCP)' if over == 'tcp' else ''}", app, proxy, over)


# Backends that cost next to nothing.


#: More than any run has clients, so that no request ever waits for a slot.
SLOTS_ENOUGH = 4096


def native_link(reply_bytes: int = 13, slots: int = SLOTS_ENOUGH, backends: int = 1, copies: int = 1) -> App:
    """`backends` share a process, `copies` have each their own."""
    return App("native", ("{native}", "link", "{link}", str(reply_bytes), str(slots), str(backends)), copies=copies)


def native_http(reply_bytes: int = 13, copies: int = 1) -> App:
    # The address stands before the length, so the command is whole in either case.
    command = ("{native}", "http")
    unix, tcp = ("unix:{path}", str(reply_bytes)), ("127.0.0.1:{port}", str(reply_bytes))
    return App("native", command, unix, tcp, copies=copies)


# Ruby. One process, five threads each.

PRODUCTION = (("RACK_ENV", "production"),)


def rack(app: str, ruby_file: str) -> App:
    command = ("{bin}/swiftiply-rack", "-c", "{link}", "-t", "5", "--log-level", "warn", "{apps}/" + ruby_file)
    return App(f"swiftiply-rack {app}".strip(), command, environment=PRODUCTION)


def puma(app: str, ruby_file: str) -> App:
    command = ("{puma}", "--threads", "5:5", "--workers", "0", "--quiet", "--environment", "production", "{apps}/" + ruby_file)
    return App(f"puma {app}".strip(), command, ("--bind", "unix://{path}"), ("--bind", "tcp://127.0.0.1:{port}"), PRODUCTION)


def iodine(ruby_file: str) -> App:
    command = ("{iodine}/bin/iodine", "-t", "5", "-w", "1", "-b", "127.0.0.1", "-p", "{port}", "{apps}/" + ruby_file)
    return App("iodine", command, environment=(*PRODUCTION, ("GEM_HOME", "{iodine}")), needs="iodine")


# Python. One process; four threads each for WSGI, where nothing else is said; uvloop for every ASGI server.

SITE_PACKAGES = (("PYTHONPATH", "{site_packages}"),)


def wsgi(module: str, *options: str) -> App:
    command = ("{bin}/swiftiply-wsgi", "--connect", "{link}", "--app-dir", "{apps}", "--log-level", "warning", *options)
    return App(f"swiftiply-wsgi {of(module)}".strip(), (*command, f"{module}:app"), environment=SITE_PACKAGES)


def gunicorn(module: str, threads: int = 4) -> App:
    command = ("{python}/bin/gunicorn", "--chdir", "{apps}", "--worker-class", "gthread", "--workers", "1", "--threads", f"{threads}")
    options = ("--keep-alive", "75", "--log-level", "warning", f"{module}:app")
    return App(f"gunicorn {of(module)}".strip(), command + options, ("--bind", "unix:{path}"), ("--bind", "127.0.0.1:{port}"))


def granian(interface: str, module: str, blocking_threads: int = 4) -> App:
    command = ("{python}/bin/granian", "--interface", interface, "--working-dir", "{apps}", "--workers", "1", "--no-ws")
    threads = ("--blocking-threads", f"{blocking_threads}") if interface == "wsgi" else ("--loop", "uvloop")
    options = ("--http", "1", "--log-level", "warning", *threads, f"{module}:app")
    return App(f"granian {of(module)}".strip(), command + options, ("--uds", "{path}"), ("--host", "127.0.0.1", "--port", "{port}"))


def uvicorn(module: str) -> App:
    command = ("{python}/bin/uvicorn", "--app-dir", "{apps}", "--loop", "uvloop", "--http", "httptools", "--no-access-log")
    options = ("--log-level", "warning", f"{module}:app")
    return App(f"uvicorn {of(module)}".strip(), command + options, ("--uds", "{path}"), ("--host", "127.0.0.1", "--port", "{port}"))


def bjoern(module: str) -> App:
    command = ("{python}/bin/python", "{apps}/serve_bjoern.py", module)
    return App("bjoern", command, ("unix:{path}",), ("127.0.0.1:{port}",), needs="bjoern")


# NGINX Unit: its router and the app, over shared memory.


def unit(name: str) -> App:
    options = ("--no-daemon", "--user", "root", "--control", "unix:{folder}/control", "--pid", "{folder}/pid", "--log", "/dev/stderr")
    folders = ("--statedir", "{folder}/unit", "--tmpdir", "{folder}")
    return App(f"unit {name}", ("{unitd}", *options, *folders), file=("unit/conf.json", f"unit-{name}.json"), needs="unit")


def of(module: str) -> str:
    """The framework in the name of a module, if any: hello_flask."""
    name = module.removeprefix("hello_")
    return "" if name in ("wsgi", "asgi") else name


# Node. One process. An app that is adopted by Swiftiply never opens the place that it names.

EXPRESS = (("NODE_ENV", "production"), ("EXPRESS_FROM", "{node}"))


def node(app: str, script: str) -> App:
    return App(f"node {app}".strip(), ("node", "{apps}/" + script), environment=EXPRESS)


def swiftiply_node(app: str, script: str) -> App:
    command = ("{bin}/swiftiply-node", "--connect", "{link}", "--log-level", "warn", "{apps}/" + script)
    return App(f"swiftiply-node {app}".strip(), command, environment=EXPRESS)
