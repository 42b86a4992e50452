"""From a request's head to PEP 3333's environ.

`build` is the mapping in plain Python. In a running process the native module's ``Request.environ`` does the same in
one pass over the head, for speed; a test holds the two equal, so this file stays the place to read and to reason.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from .. import __version__
from ..exchange import Address, Environ, RequestHead
from ..mount import check_mount
from .errors import ErrorStream
from .file import FileWrapper

__all__ = ["base_environ", "build"]

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def base_environ(*, threads: int, processes: int, mount: str = "") -> Environ:
    """What is the same for every request of this process; `build` copies it."""
    return {
        "SCRIPT_NAME": mount,
        "SERVER_SOFTWARE": f"swiftiply/{__version__}",
        "wsgi.version": (1, 0),
        "wsgi.errors": ErrorStream(),
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": processes > 1,
        "wsgi.run_once": False,
        # The input ends by itself. Without this key Werkzeug takes a body of unknown length for none.
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }


def build(head: RequestHead, base: Environ) -> Environ:
    """A fresh environ: CGI variables as native strings of latin-1 code points, what is unknown left out."""
    environ = base.copy()
    environ["REQUEST_METHOD"] = head.method
    environ["SERVER_PROTOCOL"] = head.version
    environ["wsgi.url_scheme"] = head.scheme
    _put_target(environ, head)
    _put_server(environ, head)
    _put_client(environ, head.peer)
    _put_headers(environ, head)
    return environ


def _put_target(environ: Environ, head: RequestHead) -> None:
    path = head.path.decode("latin-1")
    query = None if head.query is None else head.query.decode("latin-1")
    environ["PATH_INFO"] = _path_info(head.path, environ["SCRIPT_NAME"])
    environ["QUERY_STRING"] = query or ""
    # The target as it was sent, under both names in use: Werkzeug needs one to tell %2F from a slash.
    environ["RAW_URI"] = environ["REQUEST_URI"] = path if query is None else f"{path}?{query}"


def _path_info(path: bytes, mount: str) -> str:
    if path == b"*":
        return ""  # OPTIONS *: PATH_INFO is empty or begins with a slash; RAW_URI has the asterisk.
    decoded = unquote_to_bytes(path).decode("latin-1")
    check_mount(decoded, mount)
    return decoded[len(mount) :]


def _put_server(environ: Environ, head: RequestHead) -> None:
    """The server as the client addressed it, so that the application's links lead back through the proxy."""
    if head.authority:
        name, port = _split_authority(head.authority.decode("latin-1"))
        environ["SERVER_NAME"] = name
        environ["SERVER_PORT"] = port or _DEFAULT_PORTS[head.scheme]
        return
    if head.local is not None:
        environ["SERVER_NAME"], environ["SERVER_PORT"] = head.local[0], str(head.local[1])
    else:  # HTTP/1.0 without Host over a Unix socket: the two must still be there
        environ["SERVER_NAME"], environ["SERVER_PORT"] = "localhost", _DEFAULT_PORTS[head.scheme]


def _split_authority(authority: str) -> tuple[str, str]:
    name, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):  # no port; the last colon of [::1] belongs to the address
        return authority, ""
    return name, port


def _put_client(environ: Environ, peer: Address | None) -> None:
    if peer is None:
        environ["REMOTE_ADDR"] = ""
        return
    environ["REMOTE_ADDR"] = peer[0]
    environ["REMOTE_PORT"] = str(peer[1])


def _put_headers(environ: Environ, head: RequestHead) -> None:
    for name, value in head.headers:
        key = _variable(name.lower())
        if key is None:
            continue
        text = value.decode("latin-1")
        if key in environ:
            # Cookie is a list with a separator of its own (RFC 6265 5.4); every other list has a comma.
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    if head.authority:
        environ["HTTP_HOST"] = head.authority.decode("latin-1")
    if head.content_length is not None:
        environ["CONTENT_LENGTH"] = str(head.content_length)


def _variable(name: bytes) -> str | None:
    """The variable of a header; None for one that must not become a variable."""
    if name == b"content-type":
        return "CONTENT_TYPE"
    # The length and the host are typed fields of the head: one reading, made by the proxy.
    # X_A would pass for X-A, and Proxy for the variable HTTP_PROXY that programs take their proxy from (httpoxy).
    if name in (b"content-length", b"host", b"proxy") or b"_" in name:
        return None
    return "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
