"""A WebSocket of an ASGI application without a link: the test is the client, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable

import pytest

pytest.importorskip("websockets", reason="the package's extra `websockets` is not installed")

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from fakes import Head, Request
from swiftiply.asgi import sockets
from swiftiply.asgi.scope import base_scope
from swiftiply.asgi.websocket import WebSocket
from swiftiply.settings import WebSocketSettings

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (
    (b"Connection", b"Upgrade"),
    (b"Upgrade", b"websocket"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
)
ACCEPT = {"type": "websocket.accept"}


class Peer:
    """The client of one WebSocket, and what it has heard."""

    def __init__(self, request: Request, settings: WebSocketSettings) -> None:
        self.request = request
        self.reply = request.reply
        self.settings = settings
        self.protocol = ClientProtocol(parse_uri("ws://example.com/"), state=OPEN, max_size=None)
        self._heard = 0
        self.frames: list[Frame] = []

    def begin(self, **scope: Any) -> tuple[dict[str, Any], WebSocket | None]:
        built = {**self.request.scope(base_scope()), **scope}
        socket = sockets.begin(self.request, built, self.settings, self.reply.flush)
        if socket is not None:
            self.socket = socket
        return built, socket

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(message, str):
                self.protocol.send_text(message.encode())
            else:
                self.protocol.send_binary(message)
        await self.send()

    async def close(self, code: int | None = None, reason: str = "") -> None:
        self.protocol.send_close(code, reason)
        await self.send()

    async def send(self) -> None:
        """What the protocol has to say."""
        await self.raw(b"".join(self.protocol.data_to_send()))

    async def raw(self, data: bytes) -> None:
        """These bytes, whatever they are."""
        self.request.pieces.append(data)
        self.socket.readable()
        await settle()

    async def vanish(self, error: Exception | None = None) -> None:
        """The end of what it sends; or the link's word that it is gone."""
        if error is None:
            self.request.is_open = False
            self.socket.readable()
        else:
            self.request.pieces.append(error)
            self.socket.disconnect()
        await settle()

    def hear(self) -> list[Frame]:
        """All frames that it has been sent."""
        data = self.reply.body[self._heard :]
        self._heard += len(data)
        if data:
            self.protocol.receive_data(data)
        self.frames += [frame for frame in self.protocol.events_received() if isinstance(frame, Frame)]
        return self.frames

    def heard(self) -> list[str | bytes]:
        """All whole messages."""
        kinds = (Opcode.TEXT, Opcode.BINARY)
        frames = [frame for frame in self.hear() if frame.opcode in kinds]
        return [str(frame.data, "utf-8") if frame.opcode is Opcode.TEXT else bytes(frame.data) for frame in frames]

    def close_frame(self) -> tuple[int, str] | None:
        """What it was told at the end, unless that was nothing."""
        self.hear()
        close = self.protocol.close_rcvd
        return None if close is None else (close.code, close.reason)


__all__ = [
    "ACCEPT",
    "HANDSHAKE",
    "KEY",
    "Frame",
    "Opcode",
    "Peer",
    "answering_close",
    "echo",
    "listening",
    "play",
    "settle",
]

Scene = Callable[[Peer], Awaitable[None]]


def play(app: Any, scene: Scene | None = None, *, headers: Any = (), tunnels: int = 1, **settings: Any) -> Peer:
    """Run an application to its end; `scene` is the client meanwhile. Without one it only waits."""
    request = Request(Head(headers=[*HANDSHAKE, *headers]), is_open=True, tunnels=tunnels)
    peer = Peer(request, WebSocketSettings(**{"ping_interval": 0.0, "deflate": False, **settings}))
    asyncio.run(_play(app, peer, scene))
    return peer


async def _play(app: Any, peer: Peer, scene: Scene | None) -> None:
    scope, socket = peer.begin()
    assert socket is not None, (peer.reply.status, peer.reply.body)
    task = asyncio.ensure_future(sockets.run(app, scope, socket))
    await settle()
    if scene is not None:
        await scene(peer)
    await asyncio.wait_for(task, 5)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """Accepts, and says everything again."""
    assert (await receive())["type"] == "websocket.connect"
    await send(ACCEPT)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({**message, "type": "websocket.send"})


async def answering_close(peer: Peer) -> None:
    """The client's half of a closing handshake that the server begins."""
    peer.hear()
    await peer.send()


def listening(seen: list[Any], accept: dict[str, Any] = ACCEPT) -> Any:
    """Accepts, and writes down whatever comes, the end included."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        await send(accept)
        while seen[-1]["type"] != "websocket.disconnect":
            seen.append(await receive())

    return app
