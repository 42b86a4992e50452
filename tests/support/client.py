"""HTTP clients: one that keeps its connection, and a socket for what must be sent or seen byte by byte."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPResponse

from support.program import PATIENCE_S


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection, kept from request to request."""

    def __init__(self, port: int):
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S, blocksize=1 << 20)

    def request(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return read(self.send(method, target, body, headers))

    def get(self, target: str) -> Answer:
        return self.request("GET", target)

    def send(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> HTTPResponse:
        """The reply when its head is there; the body is for the caller to read."""
        self._connection.request(method, target, body=body, headers={"Host": "site.test", **(headers or {})})
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(response: HTTPResponse) -> Answer:
    return Answer(response.status, response.headers, response.read())


def request_head(method: str, target: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: site.test", *lines, "", ""]).encode()


def receive_until(peer: socket.socket, ending: bytes) -> bytes:
    """What comes up to and with `ending`, never more than that."""
    received = b""
    while not received.endswith(ending):
        byte = peer.recv(1)
        assert byte, f"the connection ended after {received!r}"
        received += byte
    return received


def receive_all(peer: socket.socket) -> bytes:
    received = b""
    while piece := peer.recv(65536):
        received += piece
    return received
