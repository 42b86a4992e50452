"""What a process is told: the command's options, each with its environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import ConfigError

__all__ = [
    "ADDRESS_DEFAULT",
    "Settings",
    "WebSocketSettings",
    "addresses_from",
    "key_from",
    "number_from",
    "processors",
]

#: Where the proxy waits for backends unless its configuration says otherwise.
ADDRESS_DEFAULT = "127.0.0.1:30000"

#: Threads of a WSGI process. Few: more of them share one interpreter and each keeps its own database connection.
THREADS_DEFAULT = 4

#: Requests that one event loop takes at once. An ASGI application mostly waits, so it can hold many.
CONCURRENCY_DEFAULT = 100

#: WebSockets that one event loop keeps at once, beside its requests. An idle one costs 30 to 100 KB, most of it for
#: compression, so that this many may cost a gigabyte.
TUNNELS_DEFAULT = 10_000

#: More is a slip of the finger: one process would need a hundred gigabytes for them.
TUNNELS_MAX = 1_000_000

#: Seconds that requests in flight have to end after SIGTERM.
DRAIN_TIMEOUT_DEFAULT = 30.0

#: Slots are counted in 14 bits and a little by the link protocol.
SLOTS_MAX = 16_384


@dataclass(frozen=True)
class WebSocketSettings:
    """How WebSockets are spoken; the defaults are uvicorn's."""

    #: Bytes of a message from the client; a longer one closes the WebSocket with 1009.
    max_size: int = 16 * 1024 * 1024
    #: Seconds between pings; 0: none.
    ping_interval: float = 20.0
    #: Seconds for a sign of life after a ping, else the client counts as gone; 0: for ever.
    ping_timeout: float = 20.0
    #: Whether messages are compressed for clients that offer it (permessage-deflate).
    deflate: bool = True


@dataclass(frozen=True)
class Settings:
    """All options of ``swiftiply-wsgi``."""

    target: str
    interface: str = "auto"
    factory: bool = False
    app_dir: str = "."
    connect: tuple[str, ...] = (ADDRESS_DEFAULT,)
    #: None: one process, unsupervised.
    processes: int | None = None
    threads: int = THREADS_DEFAULT
    concurrency: int = CONCURRENCY_DEFAULT
    tunnels: int = TUNNELS_DEFAULT
    websocket: WebSocketSettings = field(default_factory=WebSocketSettings)
    mount: str = ""
    label: str = ""
    log_level: str = "info"
    drain_timeout: float = DRAIN_TIMEOUT_DEFAULT
    #: The site's key; never in a repr, so never in a log.
    key: bytes | None = field(default=None, repr=False)


def addresses_from(text: str) -> tuple[str, ...]:
    """The addresses in the variable SWIFTIPLY: one, or several with commas; ``1`` stands for the default."""
    addresses = tuple(ADDRESS_DEFAULT if part == "1" else part for part in map(str.strip, text.split(",")) if part)
    return addresses or (ADDRESS_DEFAULT,)


def key_from(path: str | None, environ: Mapping[str, str] = os.environ) -> bytes | None:
    """The site's key, from a file or from the variables SWIFTIPLY_KEY_FILE and SWIFTIPLY_KEY; None if there is none."""
    option = "--key-file"
    if path is None and not environ.get("SWIFTIPLY_KEY"):
        path, option = environ.get("SWIFTIPLY_KEY_FILE"), "SWIFTIPLY_KEY_FILE"
    if not path:
        return os.fsencode(environ.get("SWIFTIPLY_KEY", "")) or None
    try:
        key = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{option} {path}: {error.strerror}") from None
    key = key[:-1] if key.endswith(b"\n") else key
    key = key[:-1] if key.endswith(b"\r") else key
    if not key:
        raise ConfigError(f"{option} {path}: the file is empty; write the site's key into it")
    return key


def processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def number_from(text: str, *, least: int, most: int) -> int:
    """A whole number within bounds; `ValueError` says what is wrong, for the parser and for variables alike."""
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None
    if not least <= number <= most:
        raise ValueError(f"{number} is not between {least} and {most}")
    return number
