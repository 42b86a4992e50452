"""An application mounted below its site's root: SCRIPT_NAME in WSGI, root_path in ASGI."""

from __future__ import annotations

from .errors import ConfigError, MountError

__all__ = ["check_mount", "mount_from"]


def mount_from(text: str) -> str:
    """The prefix as both interfaces write it: with a slash in front, none at the end, empty for the root."""
    path = text.rstrip("/")
    if path and not path.startswith("/"):
        raise ConfigError(f"the mount {text!r} must begin with a slash, like /shop")
    return path


def check_mount(path: str, mount: str) -> None:
    """`MountError` for a path outside: a proxy that sends such requests here is set up wrongly, and guessing a path
    would hide it."""
    if mount and not (path == mount or path.startswith(mount + "/")):
        raise MountError(f"the path {path!r} does not lie under {mount!r}, where this application is mounted")
