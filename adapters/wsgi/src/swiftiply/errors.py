"""What can go wrong between an application and its proxy.

The native module raises these too: it looks them up here by name, so that one place says what they mean.
"""

from __future__ import annotations

__all__ = [
    "ClientDisconnected",
    "ConfigError",
    "ForkError",
    "MountError",
    "RefusedError",
    "ReplyError",
    "ReplyHeadError",
    "ReplyLengthError",
    "SwiftiplyError",
    "is_disconnect",
]


class SwiftiplyError(Exception):
    """The root of every error of this package."""


class ConfigError(SwiftiplyError, ValueError):
    """An option, an address or a key is not usable; the sentence says which and what to write instead."""


class RefusedError(SwiftiplyError):
    """The proxy will not take this process as a backend (a wrong key, most often)."""


class ForkError(SwiftiplyError, RuntimeError):
    """A connector was used in a child of the process that started it. Start one after the fork."""


class MountError(SwiftiplyError, LookupError):
    """A request's path does not lie under the path that the application is mounted at."""


class ClientDisconnected(SwiftiplyError, ConnectionError):
    """The client left, or the link to the proxy broke: nobody will read this reply, or the upload was cut.

    It is an ``OSError``, as PEP 3333's servers and ASGI 2.4 promise, so frameworks treat it as they treat a reset
    connection.
    """


class ReplyError(SwiftiplyError, RuntimeError):
    """The parts of a reply were given in an impossible order: twice, or a body before its head."""


class ReplyHeadError(ReplyError, ValueError):
    """A status, header name or header value cannot be sent over HTTP."""


class ReplyLengthError(ReplyError):
    """A reply's body is longer or shorter than its own Content-Length."""


def is_disconnect(error: BaseException) -> bool:
    """Whether an application's exception only passes on that its client left: raised from, while handling, or in a
    group with nothing but `ClientDisconnected`. Such an exception is no fault and is not logged as one."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if isinstance(found, ClientDisconnected):
            return True
        members = getattr(found, "exceptions", None)  # an ExceptionGroup, which Python 3.9 does not know by name
        if isinstance(members, tuple) and members and all(is_disconnect(member) for member in members):
            return True
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return False
