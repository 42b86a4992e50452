"""The opening handshake of a WebSocket (RFC 6455 section 4): what the client asks for, and what it is answered."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable

from ..errors import ReplyHeadError

__all__ = ["BadHandshake", "Handshake", "wants_websocket"]

Fields = Iterable[tuple[bytes, bytes]]

#: RFC 6455 section 1.3: proves that the server has read this very handshake.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_KEY_BYTES = 16

#: What the handshake itself answers; an application that sets these would contradict it.
_OURS = frozenset([b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-version"])


class BadHandshake(Exception):
    """A client asks for a WebSocket in a way that cannot be answered with one."""

    def __init__(self, status: int, sentence: str, headers: Fields = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = [(b"content-type", b"text/plain; charset=utf-8"), *headers]


def wants_websocket(method: str, headers: Fields) -> bool:
    """Whether a request that offers an upgrade offers this one. Any other is served as plain HTTP, as RFC 9110 7.8 has
    it for what a server does not know."""
    return method == "GET" and b"websocket" in (token.lower() for token in _tokens(headers, b"upgrade"))


class Handshake:
    """A client's offer, from headers whose names are in lower case."""

    def __init__(self, headers: Fields) -> None:
        headers = list(headers)
        if _tokens(headers, b"sec-websocket-version") != [b"13"]:
            raise BadHandshake(
                426, "This server speaks version 13 of the WebSocket protocol.\n", [(b"sec-websocket-version", b"13")]
            )
        keys = [value for name, value in headers if name == b"sec-websocket-key"]
        if len(keys) != 1 or not _is_key(keys[0]):
            raise BadHandshake(400, "The WebSocket handshake has no key of 16 bytes in base64.\n")
        self._key = keys[0]
        #: What the client could speak inside the WebSocket, in the order in which it likes it.
        self.subprotocols = [token.decode("latin-1") for token in _tokens(headers, b"sec-websocket-protocol")]
        #: Values of its header `Sec-WebSocket-Extensions`.
        self.extensions = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-extensions"]

    def answer(self, subprotocol: str | None, extensions: str | None, own: Fields) -> list[tuple[bytes, bytes]]:
        """The headers of the 101, with the application's own behind."""
        answer = [
            (b"Upgrade", b"websocket"),
            (b"Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(self._key + _GUID).digest())),
        ]
        if subprotocol is not None:
            answer.append((b"Sec-WebSocket-Protocol", subprotocol.encode("latin-1")))
        if extensions is not None:
            answer.append((b"Sec-WebSocket-Extensions", extensions.encode("latin-1")))
        for name, value in own:
            name, value = bytes(name), bytes(value)
            lower = name.lower()
            if lower in _OURS or (lower == b"sec-websocket-protocol" and subprotocol is not None):
                raise ReplyHeadError(f"the header {name.decode('latin-1')} is the WebSocket handshake's own to set")
            answer.append((name, value))
        return answer


def _tokens(headers: Fields, name: bytes) -> list[bytes]:
    values = [value for field, value in headers if field == name]
    return [token for token in (part.strip() for value in values for part in value.split(b",")) if token]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
