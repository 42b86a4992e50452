"""Pings, so that a client that has vanished is noticed and one behind a NAT is not forgotten."""

from __future__ import annotations

import asyncio
from typing import Callable

__all__ = ["Keepalive"]


class Keepalive:
    """Pings after each ``interval`` seconds; a client that sends nothing at all for ``timeout`` seconds after one is
    given up. Zero switches either off. Whatever comes is a sign of life: behind a long message the pong has to wait."""

    def __init__(
        self,
        interval: float,
        timeout: float,
        *,
        ping: Callable[[], None],
        is_listening: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._is_listening = is_listening
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_waiting = False

    def start(self) -> None:
        self.stop()
        if self._interval > 0:
            self._timer = self._loop.call_later(self._interval, self._on_interval)

    def stop(self) -> None:
        self._is_waiting = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """The client has sent something."""
        if self._is_waiting:
            self.start()

    def _on_interval(self) -> None:
        # Who does not listen, because the application does not, cannot say that nobody speaks.
        if not self._is_listening():
            self.start()
            return
        self._ping()
        if self._timeout > 0:
            self._is_waiting = True
            self._timer = self._loop.call_later(self._timeout, self._on_timeout)
        else:
            self.start()

    def _on_timeout(self) -> None:
        if self._is_listening():
            self.stop()
            self._give_up()
        else:
            self.start()
