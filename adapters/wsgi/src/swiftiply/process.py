"""One serving process: load the application, be its backend, leave."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from threading import Thread
from typing import Any

from . import logs
from .errors import ConfigError, RefusedError
from .load import Interface, interface_of, load
from .report import Report
from .settings import Settings

__all__ = ["FAILED", "leave", "serve"]

log = logging.getLogger("swiftiply")

#: Exit status of a process that could not begin or was refused.
FAILED = 1

#: Seconds that threads get to notice a stop before the process ends without them.
JOIN_SECONDS = 1.0


def serve(settings: Settings, report: Report) -> int:
    """Serve until told to stop; gives the exit status."""
    logs.configure(settings.log_level)
    try:
        app, interface = _load(settings)
        logs.enable()
        report.booted()
        if interface == "asgi":
            from .asgi.serve import serve as serve_asgi

            return serve_asgi(app, settings, report)
        from .wsgi.serve import serve as serve_wsgi

        return serve_wsgi(app, settings, report)
    except KeyboardInterrupt:
        return 0
    except (ConfigError, RefusedError) as error:
        report.failed(f"swiftiply-wsgi: {error}")
    except _LoadError as error:
        report.failed(str(error))
    return FAILED


def leave(status: int, threads: Iterable[Thread]) -> int:
    """Give threads a moment to end. One that sits in the application's code must not keep a stopped process."""
    # Ctrl-C may have come before all of them were started.
    threads = [thread for thread in threads if thread.ident is not None]
    for thread in threads:
        thread.join(JOIN_SECONDS / max(1, len(threads)))
    if any(thread.is_alive() for thread in threads):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


class _LoadError(Exception):
    """The application's own exception, as the traceback that its developer needs."""


def _load(settings: Settings) -> tuple[Any, Interface]:
    try:
        app = load(settings.target, app_dir=settings.app_dir, factory=settings.factory)
    except (ConfigError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: a module that exits on import has not become an application
        lines = traceback.format_exception(type(error), error, _without_our_frames(error))
        raise _LoadError(f"{''.join(lines)}swiftiply-wsgi: {settings.target} could not be loaded") from None
    if settings.interface != "auto":
        if not callable(app):
            raise ConfigError(f"{settings.target} is {type(app).__name__}, which cannot be called: not an application")
        return app, "asgi" if settings.interface == "asgi" else "wsgi"
    return app, interface_of(app, settings.target)


def _without_our_frames(error: BaseException) -> Any:
    """The traceback from the first frame that is neither ours nor the import system's."""
    trace = error.__traceback__
    ours = (os.path.dirname(__file__), "<frozen importlib", os.path.dirname(importlib.__file__))
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return trace or error.__traceback__
