"""One request through a WSGI application, whatever the application does.

In a running process the native `ThreadConnector.serve` does the same for the plain case, a head given once and a body
of one block, without a line of Python of ours; at the first sign of anything else it calls `deliver` or `fail`.
"""

from __future__ import annotations

import _thread
import logging
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Callable

from ..errors import ClientDisconnected, MountError, is_disconnect
from ..exchange import Environ, Reply, Request
from .input import Input
from .response import Response

__all__ = ["Application", "deliver", "fail", "run"]

log = logging.getLogger("swiftiply.error")

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def run(app: Application, base: Environ, request: Request) -> None:
    """Give the request to the application and its reply to the client. Never raises.

    Call it in a fresh `contextvars.Context`, or what one request sets the next one on this thread will see.
    """
    reply = request.reply
    try:
        environ = request.environ(base)
    except MountError as error:
        log.warning("%s; answered 404", error)
        reply.send(404, "Not Found", [("Content-Type", "text/plain; charset=utf-8")], b"Not Found\n")
        return
    response = Response(reply, environ["REQUEST_METHOD"])
    environ["wsgi.input"] = Input(request) if request.head.has_body else BytesIO()
    environ["wsgi.early_hints"] = response.early_hints
    try:
        body = app(environ, response.start_response)
    except BaseException as error:
        fail(environ, response, error)
    else:
        deliver(environ, request, response, body)


def deliver(environ: Environ, request: Request, response: Response, body: Iterable[bytes]) -> None:
    """Give the client the body that the application has returned. Never raises."""
    try:
        _deliver(request, response, body)
    except BaseException as error:
        fail(environ, response, error)


def fail(environ: Environ, response: Response, error: BaseException) -> None:
    """The application raised this, or its client left."""
    # SystemExit too: sys.exit() in an application ends that request, not the process that serves others.
    if is_disconnect(error):
        log.debug("%s %s: the client left", environ["REQUEST_METHOD"], environ["REQUEST_URI"])
        response.give_up()
    else:
        log.error("%s %s raised", environ["REQUEST_METHOD"], environ["REQUEST_URI"], exc_info=error)
        _fail(response)
    if isinstance(error, KeyboardInterrupt):
        _thread.interrupt_main()  # not ours to swallow, and not this thread's to act upon


def _deliver(request: Request, response: Response, body: Iterable[bytes]) -> None:
    if type(body) is list or type(body) is tuple:
        # All blocks are there and nothing can follow or want closing: the usual case, in one write.
        response.whole(body)
        response.finish()
        return
    close = getattr(body, "close", None)
    try:
        for block in body:
            if not block and request.disconnected:
                raise ClientDisconnected("the client left")
            response.block(block)
    except BaseException:
        _close(close)
        raise
    _end(request.reply, response, close)


def _end(reply: Reply, response: Response, close: Callable[[], Any] | None) -> None:
    """End the reply and close the iterable, the client's part first.

    Applications work in ``close`` (database connections, tasks after the reply), so this thread's slot stays taken
    until it returns. Where the client has everything already, by its Content-Length, one frame does for both.
    """
    if close is None:
        response.finish()
    elif response.is_delivered:
        _close(close)
        response.finish()
    else:
        reply.hold_slot()
        try:
            response.finish()
        finally:
            _close(close)
            reply.release_slot()


def _close(close: Callable[[], Any] | None) -> None:
    if close is None:
        return
    try:
        close()
    except Exception:
        log.exception("the application's iterable raised in close()")


def _fail(response: Response) -> None:
    try:
        response.fail()
    except ClientDisconnected:
        pass  # the traceback is in the log; there is nobody to tell
