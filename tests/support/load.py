"""Clients that go on asking while a test does something to the site, and what became of every request."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from support.client import Client
from support.program import PATIENCE_S

#: One request: its method, its target, and the id that /count notes, if it is one.
Ask = tuple[str, str, str]


@dataclass
class Outcome:
    method: str
    target: str
    id: str
    #: 0: the connection broke.
    status: int
    text: str
    seconds: float

    @property
    def is_answered(self) -> bool:
        return self.status == 200


def pages(client: int) -> Iterator[Ask]:
    while True:
        yield "GET", "/hello", ""


def mixed(client: int) -> Iterator[Ask]:
    """Pages, pages that take a while, and requests that must not run twice."""
    for number in count():
        id = f"{client}-{number}"
        yield "GET", "/hello", ""
        yield "POST", f"/count?id={id}&ms=5", id
        yield "GET", "/slow?ms=5", ""


class Load:
    """`with Load(port) as load:` asks on keep-alive connections until the block ends; then `load.outcomes` is complete."""

    def __init__(self, port: int, clients: int = 6, asks: Callable[[int], Iterator[Ask]] = mixed):
        self.outcomes: list[Outcome] = []
        self._came = threading.Condition()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go, args=(port, asks(n)), daemon=True) for n in range(clients)]

    def wait_for_more(self, number: int) -> None:
        """Returns when that many more requests have ended, one way or another."""
        with self._came:
            goal = len(self.outcomes) + number
            assert self._came.wait_for(lambda: len(self.outcomes) >= goal, PATIENCE_S), "the load stands still"

    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.is_answered]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
            assert not thread.is_alive(), "a request got no answer"

    def _go(self, port: int, asks: Iterator[Ask]) -> None:
        client = Client(port)
        while not self._over.is_set():
            method, target, id = next(asks)
            begin = time.monotonic()
            try:
                answer = client.request(method, target)
                status, text = answer.status, answer.text
            except OSError as error:
                status, text = 0, repr(error)
                client.close()
            outcome = Outcome(method, target, id, status, text, time.monotonic() - begin)
            with self._came:
                self.outcomes.append(outcome)
                self._came.notify_all()
        client.close()
