"""The command ``swiftiply-wsgi``: its options, each with a variable, and what it does with them."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from typing import Any, Callable, NoReturn

from . import __version__, logs
from .errors import ConfigError
from .mount import mount_from
from .process import serve
from .report import TerminalReport
from .settings import (
    ADDRESS_DEFAULT,
    CONCURRENCY_DEFAULT,
    DRAIN_TIMEOUT_DEFAULT,
    SLOTS_MAX,
    THREADS_DEFAULT,
    TUNNELS_DEFAULT,
    TUNNELS_MAX,
    Settings,
    WebSocketSettings,
    addresses_from,
    key_from,
    number_from,
    processors,
)
from .supervisor import Supervisor

__all__ = ["main", "settings_from"]

#: Exit status for a command line or a variable that cannot be meant.
USAGE = 2

#: Processes of one supervisor: far above any machine's cores, below any machine's process table.
PROCESSES_MAX = 1_024

DESCRIPTION = """\
Serve a WSGI or ASGI application as a backend of the Swiftiply proxy.

This process listens on no port. It dials the proxy, says how many requests it can run at once,
and is given requests over that connection until it leaves."""

EPILOG = """\
examples:
  swiftiply-wsgi app:app                        Flask, FastAPI, Starlette: module and variable
  swiftiply-wsgi mysite.wsgi                    Django (its variable is called application)
  swiftiply-wsgi mysite.asgi -n 2               the same over ASGI, in two processes
  swiftiply-wsgi 'app:create_app("production")' a factory
  swiftiply-wsgi app:app --connect unix:/run/swiftiply/app.sock

signals:  TERM drains and leaves with status 0;  INT (Ctrl-C) stops at once"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    try:
        settings = settings_from(sys.argv[1:] if arguments is None else arguments)
    except ConfigError as error:
        print(f"swiftiply-wsgi: {error}", file=sys.stderr)
        return USAGE
    if settings.processes is None:
        return serve(settings, TerminalReport())
    logs.configure(settings.log_level)
    return Supervisor(
        settings.processes, functools.partial(serve, settings), drain_timeout=settings.drain_timeout
    ).run()


def settings_from(arguments: Sequence[str]) -> Settings:
    """The settings of a command line and of the variables behind it; `ConfigError` for values that do not fit."""
    options = _parser().parse_args(arguments)
    if options.chdir is not None:
        try:
            os.chdir(options.chdir)
        except OSError as error:
            raise ConfigError(f"--chdir {options.chdir}: {error.strerror}") from None
    return Settings(
        target=options.target,
        interface=options.interface,
        factory=options.factory,
        app_dir=options.app_dir,
        connect=tuple(options.connect or addresses_from(os.environ.get("SWIFTIPLY", ""))),
        processes=options.processes or _variable(_processes, "SWIFTIPLY_WORKERS", "WEB_CONCURRENCY"),
        threads=options.threads or _variable(_slots, "SWIFTIPLY_THREADS") or THREADS_DEFAULT,
        concurrency=options.concurrency or _variable(_slots, "SWIFTIPLY_CONCURRENCY") or CONCURRENCY_DEFAULT,
        tunnels=_first(options.tunnels, _variable(_tunnels, "SWIFTIPLY_TUNNELS"), TUNNELS_DEFAULT),
        websocket=_websocket_from(options),
        mount=mount_from(options.mount if options.mount is not None else os.environ.get("SWIFTIPLY_MOUNT", "")),
        label=options.label if options.label is not None else os.environ.get("SWIFTIPLY_LABEL", ""),
        log_level=options.log_level or _variable(_level, "SWIFTIPLY_LOG_LEVEL") or "info",
        drain_timeout=_first(
            options.drain_timeout, _variable(_seconds, "SWIFTIPLY_DRAIN_TIMEOUT"), DRAIN_TIMEOUT_DEFAULT
        ),
        key=key_from(options.key_file),
    )


def _websocket_from(options: argparse.Namespace) -> WebSocketSettings:
    given = WebSocketSettings()
    return WebSocketSettings(
        max_size=_first(options.ws_max_size, _variable(_bytes, "SWIFTIPLY_WS_MAX_SIZE"), given.max_size),
        ping_interval=_first(
            options.ws_ping_interval, _variable(_seconds, "SWIFTIPLY_WS_PING_INTERVAL"), given.ping_interval
        ),
        ping_timeout=_first(
            options.ws_ping_timeout, _variable(_seconds, "SWIFTIPLY_WS_PING_TIMEOUT"), given.ping_timeout
        ),
        deflate=_first(
            options.ws_per_message_deflate, _variable(_truth, "SWIFTIPLY_WS_PER_MESSAGE_DEFLATE"), given.deflate
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="swiftiply-wsgi",
        usage="swiftiply-wsgi [options] MODULE[:APP]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "target",
        metavar="MODULE[:APP]",
        help="module:app, module:app.attr or module:factory(); without a name: app, then application",
    )
    add("--version", action="version", version=f"swiftiply-wsgi {__version__}")

    app = parser.add_argument_group("the application").add_argument
    app(
        "--interface",
        choices=["auto", "wsgi", "asgi"],
        default="auto",
        help="which interface it speaks (default: found out)",
    )
    app("--factory", action="store_true", help="APP makes the application: call it without arguments")
    app(
        "--app-dir",
        metavar="DIR",
        default=".",
        help="look for the module here first (default: the working directory)",
    )
    app("--chdir", metavar="DIR", help="work in this directory")
    app(
        "--mount",
        metavar="PATH",
        help="the path of its site that it lives below: SCRIPT_NAME, root_path (SWIFTIPLY_MOUNT)",
    )

    proxy = parser.add_argument_group("the proxy").add_argument
    proxy(
        "--connect",
        metavar="ADDR",
        action="append",
        help="where the proxy waits for backends: HOST:PORT or unix:/PATH; repeat it for several "
        f"(SWIFTIPLY, default {ADDRESS_DEFAULT})",
    )
    proxy(
        "--key-file",
        metavar="FILE",
        help="file with the site's key (SWIFTIPLY_KEY_FILE, or the key itself in SWIFTIPLY_KEY)",
    )
    proxy("--label", help="what the proxy shows for this release (SWIFTIPLY_LABEL)")
    proxy("-b", "--bind", action=_RefuseBind, help=argparse.SUPPRESS)

    work = parser.add_argument_group("the work").add_argument
    work(
        "-n",
        "--processes",
        metavar="N",
        type=_argument(_processes),
        help="processes, kept alive by a supervisor; auto: one for each processor "
        "(SWIFTIPLY_WORKERS, WEB_CONCURRENCY; default: one, on its own)",
    )
    work(
        "-t",
        "--threads",
        metavar="N",
        type=_argument(_slots),
        help=f"WSGI: requests at once in each process (SWIFTIPLY_THREADS, default {THREADS_DEFAULT})",
    )
    work(
        "--concurrency",
        metavar="N",
        type=_argument(_slots),
        help=f"ASGI: requests at once in each process (SWIFTIPLY_CONCURRENCY, default {CONCURRENCY_DEFAULT})",
    )
    work(
        "--tunnels",
        metavar="N",
        type=_argument(_tunnels),
        help="ASGI: WebSockets at once in each process, beside its requests; the next is answered 503 "
        f"(SWIFTIPLY_TUNNELS, default {TUNNELS_DEFAULT})",
    )
    work(
        "--drain-timeout",
        metavar="SECONDS",
        type=_argument(_seconds),
        help="how long requests may take to end after SIGTERM "
        f"(SWIFTIPLY_DRAIN_TIMEOUT, default {DRAIN_TIMEOUT_DEFAULT:g})",
    )
    work(
        "--log-level",
        choices=logs.LEVELS,
        help="least level of log lines on standard error (SWIFTIPLY_LOG_LEVEL, default info)",
    )
    _add_websockets(parser)
    return parser


def _add_websockets(parser: argparse.ArgumentParser) -> None:
    given = WebSocketSettings()
    sockets = parser.add_argument_group("WebSockets (ASGI)").add_argument
    sockets(
        "--ws-max-size",
        metavar="BYTES",
        type=_argument(_bytes),
        help=f"longest message from a client (SWIFTIPLY_WS_MAX_SIZE, default {given.max_size})",
    )
    sockets(
        "--ws-ping-interval",
        metavar="SECONDS",
        type=_argument(_seconds),
        help=f"time between pings; 0: none (SWIFTIPLY_WS_PING_INTERVAL, default {given.ping_interval:g})",
    )
    sockets(
        "--ws-ping-timeout",
        metavar="SECONDS",
        type=_argument(_seconds),
        help="time for a sign of life after a ping; 0: for ever "
        f"(SWIFTIPLY_WS_PING_TIMEOUT, default {given.ping_timeout:g})",
    )
    sockets(
        "--ws-per-message-deflate",
        metavar="BOOL",
        type=_argument(_truth),
        help="compress messages for clients that offer it (SWIFTIPLY_WS_PER_MESSAGE_DEFLATE, default true)",
    )


class _RefuseBind(argparse.Action):
    """Hands know ``-b`` from servers that listen; say what to write here."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> NoReturn:
        parser.error(
            f"{option_string} {values}: a backend does not listen, it dials its proxy. Name the proxy's address "
            "for backends with --connect; the port for clients is the proxy's own (cluster_port)"
        )


# Values, from the command line and from variables alike.


def _processes(text: str) -> int:
    if text == "auto":
        return processors()
    return number_from(text, least=1, most=PROCESSES_MAX)


def _slots(text: str) -> int:
    return number_from(text, least=1, most=SLOTS_MAX)


def _tunnels(text: str) -> int:
    return number_from(text, least=0, most=TUNNELS_MAX)


def _bytes(text: str) -> int:
    return number_from(text, least=1, most=1 << 40)


def _truth(text: str) -> bool:
    truth = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in truth:
        raise ValueError(f"{text!r} is neither true nor false")
    return truth[text.lower()]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number of seconds") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{text} is not a number of seconds from 0")
    return seconds


def _level(text: str) -> str:
    if text.lower() not in logs.LEVELS:
        raise ValueError(f"{text!r} is not one of {', '.join(logs.LEVELS)}")
    return text.lower()


def _argument(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same conversion with argparse's own kind of error, which keeps the sentence."""

    def convert_argument(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert_argument


def _variable(convert: Callable[[str], Any], *names: str) -> Any:
    """The value of the first of these environment variables that is set, or None."""
    for name in names:
        text = os.environ.get(name, "").strip()
        if text:
            try:
                return convert(text)
            except ValueError as error:
                raise ConfigError(f"{name}: {error}") from None
    return None


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
