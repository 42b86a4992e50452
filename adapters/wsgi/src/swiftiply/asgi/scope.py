"""From a request's head to an ASGI scope.

`build` is the mapping in plain Python. In a running process the native module's ``Request.scope`` does the same in
one pass over the head, for speed; a test holds the two equal, so this file stays the place to read and to reason.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from ..exchange import RequestHead, Scope
from ..mount import check_mount

__all__ = ["base_scope", "build"]

#: The parts of the base that each request gets a copy of its own of: applications write into them.
COPIED = ("asgi", "extensions", "state")

#: Announced to a request whose client takes trailers (`TE: trailers`, which the proxy leaves to nobody else).
TRAILERS = "http.response.trailers"

#: What every request has of its own.
REQUEST_KEYS = (
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "headers",
    "client",
    "server",
)


def base_scope(*, mount: str = "", state: dict[str, Any] | None = None) -> Scope:
    """What is the same for every request of this process. ``state`` is the lifespan's, if there is a lifespan."""
    base: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "root_path": mount,
        "extensions": {"http.response.early_hint": {}},
    }
    if state is not None:
        base["state"] = state
    # With a place for what every request sets, a copy has the right size from the start.
    return base | dict.fromkeys(REQUEST_KEYS)


def build(head: RequestHead, base: Scope) -> Scope:
    """A fresh scope: the path decoded, everything else as the bytes that came."""
    scope = base.copy()
    for name in COPIED:
        if name in scope:
            scope[name] = scope[name].copy()
    scope["http_version"] = head.version.removeprefix("HTTP/")
    scope["method"] = head.method
    scope["scheme"] = head.scheme
    # The path includes the root_path (ASGI 2.3); it is text, and what is not UTF-8 is shown as such.
    scope["path"] = path = unquote_to_bytes(head.path).decode("utf-8", "replace")
    check_mount(path, scope["root_path"])
    scope["raw_path"] = head.path
    scope["query_string"] = head.query or b""
    scope["headers"] = _headers(head)
    if any(name == b"te" for name, _ in scope["headers"]):
        scope["extensions"][TRAILERS] = {}
    scope["client"] = head.peer
    scope["server"] = head.local
    return scope


def _headers(head: RequestHead) -> list[tuple[bytes, bytes]]:
    """Names in lower case; order and duplicates as they came. Host and length are the proxy's one reading of them."""
    host = head.authority
    length = None if head.content_length is None else b"%d" % head.content_length
    headers = []
    for name, value in head.headers:
        name = name.lower()
        if name not in (b"host", b"content-length"):
            headers.append((name, value))
    if length is not None:
        headers.append((b"content-length", length))
    if host:
        headers.insert(0, (b"host", host))
    return headers
