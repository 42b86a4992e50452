"""WebSockets from the request that asks for one to the end of the application."""

from __future__ import annotations

import asyncio
import logging
from typing import Callable

from ..errors import is_disconnect
from ..exchange import Request, Scope
from ..settings import WebSocketSettings
from .handshake import BadHandshake, Handshake
from .run import Application
from .websocket import WebSocket

__all__ = ["begin", "run"]

log = logging.getLogger("swiftiply.error")

#: Seconds after which a client that found no place for its WebSocket may ask again.
RETRY_SECONDS = b"5"

_SCHEMES = {"http": "ws", "https": "wss"}


def begin(
    request: Request, scope: Scope, settings: WebSocketSettings, flush_soon: Callable[[], None]
) -> WebSocket | None:
    """A WebSocket for this request, whose scope becomes that of one; None if it had to be answered without."""
    try:
        handshake = Handshake(scope["headers"])
    except BadHandshake as error:
        request.reply.send(error.status, None, error.headers, str(error).encode())
        return None
    if not request.claim_tunnel():
        log.warning("WebSocket %s: answered 503, since this process has no more tunnels (--tunnels)", scope["path"])
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", RETRY_SECONDS)]
        request.reply.send(503, None, headers, b"This process has as many WebSockets as it may have.\n")
        return None
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = _SCHEMES[scope["scheme"]]
    scope["subprotocols"] = list(handshake.subprotocols)
    scope["extensions"] = {"websocket.http.response": {}}
    return WebSocket(request, handshake, settings, flush_soon)


async def run(app: Application, scope: Scope, socket: WebSocket) -> None:
    """Call the application and see the WebSocket to its end."""
    path = scope["path"]
    try:
        await app(scope, socket.receive, socket.send)
    except asyncio.CancelledError:
        socket.leave()
        raise
    except BaseException as error:
        # SystemExit too, as for any request.
        if is_disconnect(error):
            log.debug("WebSocket %s: the client left", path)
        else:
            log.error("WebSocket %s raised", path, exc_info=error)
        socket.fail()
        if isinstance(error, KeyboardInterrupt):
            raise
    else:
        socket.end_unfinished(path)
    finally:
        await socket.closing()
