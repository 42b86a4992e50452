"""What an application hands to ``start_response``, checked at the call.

PEP 3333 asks servers to raise in the application, where the mistake can be found, and not later, where the reply
would only be broken.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ReplyHeadError

__all__ = ["ReplyHead", "check"]

#: Different spellings of names and statuses remembered as checked. Applications use a few dozen; the bound is there
#: for those that put a counter into a name.
REMEMBERED_MAX = 512

# RFC 9110 7.6.1 and PEP 3333 "Other HTTP Features": these belong to the proxy's connection with its client.
_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)

_STATUS = re.compile(r"([2-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_FORBIDDEN_IN_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search

_names: dict[str, str] = {}  # spelling → lower case
_statuses: dict[str, tuple[int, str]] = {}


class ReplyHead(NamedTuple):
    """A checked head: no two readings, nothing that could split a message."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    #: From Content-Length, in bytes; None if the application gave none.
    length: int | None


def check(status: str, headers: list[tuple[str, str]]) -> ReplyHead:
    """The head of these arguments of ``start_response``, or the exception that the application shall see."""
    known = _statuses.get(status) if type(status) is str else None
    code, reason = known or _check_status(status)
    if not isinstance(headers, list):
        raise TypeError(f"response headers must be a list of tuples, not {type(headers).__name__}")
    length = None
    for field in headers:
        if not isinstance(field, tuple) or len(field) != 2:
            raise TypeError(f"a response header must be a tuple of name and value, not {field!r}")
        name, value = field
        lower = (_names.get(name) if type(name) is str else None) or _check_name(name)
        if not isinstance(value, str):
            raise TypeError(f"the value of response header {name!r} must be str, not {type(value).__name__}")
        if _FORBIDDEN_IN_VALUE(value):
            raise ReplyHeadError(
                f"the value of response header {name!r} has a control or non-latin-1 character: {value!r}"
            )
        if lower == "content-length":
            length = _check_length(value, length)
    return ReplyHead(code, reason, headers.copy(), length)


def _check_status(status: str) -> tuple[int, str]:
    if not isinstance(status, str):
        raise TypeError(f"the status must be str, like '200 OK', not {type(status).__name__}")
    match = _STATUS.fullmatch(status)
    if match is None:
        raise ReplyHeadError(
            f"the status must be a code from 200 to 599, a space and a reason, like '200 OK', not {status!r}"
        )
    checked = int(match[1]), match[2]
    if len(_statuses) < REMEMBERED_MAX:
        _statuses[status] = checked
    return checked


def _check_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a response header's name must be str, not {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise ReplyHeadError(f"{name!r} is no name for a response header")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise ReplyHeadError(
            f"response header {name!r} is hop-by-hop: the server's to set, not the application's (PEP 3333)"
        )
    if len(_names) < REMEMBERED_MAX:
        _names[name] = lower
    return lower


def _check_length(value: str, before: int | None) -> int:
    text = value.strip(" \t")
    if not (text.isascii() and text.isdigit()):
        raise ReplyHeadError(f"Content-Length must be digits, not {value!r}")
    length = int(text)
    if before not in (None, length):
        raise ReplyHeadError(f"Content-Length is given twice, as {before} and {length}")
    return length
