"""Short requests among long ones wait hardly longer than in an ideal queue: no short one stands behind a long one while
another process is free.

The load is a recorded trace: 95 % of the requests take 5 ms, 5 % take 150 ms, they come at random, and eight processes of one
slot each serve them at about half of what they can do. What an ideal queue would make of the same trace is computed. A round
robin would put every third short request behind a long one, and so miss the bound by far."""

import heapq
import queue
import random
import threading
import time
from dataclasses import dataclass

from support.adapters import WSGI
from support.client import Client
from support.program import PATIENCE_S

PROCESSES = 8
REQUESTS = 1_500
#: Requests per second. A request takes 12.25 ms on average, so eight processes can do 650.
RATE = 300.0
SHORT_MS, LONG_MS, LONG_SHARE = 5, 150, 0.05
#: What Python, two busy cores and the proxy add. A round robin adds more than twice that.
ALLOWED_S = 0.060
CLIENTS = 64
#: Something else that the machine does may spoil one; a queue that is not ideal spoils all.
ATTEMPTS = 3


@dataclass
class Visit:
    due: float
    ms: int
    begin: float = 0.0
    end: float = 0.0
    status: int = 0


def trace() -> list[Visit]:
    chance, now, visits = random.Random(1909), 0.0, []
    for _ in range(REQUESTS):
        now += chance.expovariate(RATE)
        visits.append(Visit(now, LONG_MS if chance.random() < LONG_SHARE else SHORT_MS))
    return visits


def ideal(visits: list[Visit]) -> list[float]:
    """How long each would have taken in one queue, first come first served, before eight servers."""
    free = [0.0] * PROCESSES
    took = []
    for visit in sorted(visits, key=lambda visit: visit.begin):
        end = max(visit.begin, heapq.heappop(free)) + visit.ms / 1000
        heapq.heappush(free, end)
        if visit.ms == SHORT_MS:
            took.append(end - visit.begin)
    return took


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[int(len(values) * percent / 100)]


def test_short_requests_wait_hardly_longer_than_in_an_ideal_queue(site):
    site.serve(WSGI, processes=PROCESSES, slots=1)
    excesses = []
    while len(excesses) < ATTEMPTS and not any(excess < ALLOWED_S for excess in excesses):
        visits = trace()
        play(site.port, visits)
        assert {visit.status for visit in visits} == {200}
        real = percentile([visit.end - visit.begin for visit in visits if visit.ms == SHORT_MS], 99)
        best = percentile(ideal(visits), 99)
        print(f"99 % of the short requests within {real * 1000:.1f} ms, ideal {best * 1000:.1f} ms")
        excesses.append(real - best)
    assert min(excesses) < ALLOWED_S, f"99 % took {min(excesses) * 1000:.1f} ms longer than in an ideal queue"


def play(port: int, visits: list[Visit]) -> None:
    """Sends each when it is due, whatever became of those before it. What counts is when it was really sent."""
    due: queue.SimpleQueue[Visit | None] = queue.SimpleQueue()

    def ask() -> None:
        with Client(port) as client:
            client.get("/hello")
            ready.wait(PATIENCE_S)
            while visit := due.get():
                visit.begin = time.monotonic()
                visit.status = client.get(f"/slow?ms={visit.ms}").status
                visit.end = time.monotonic()

    ready = threading.Barrier(CLIENTS + 1)
    clients = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    ready.wait(PATIENCE_S)
    begin = time.monotonic()
    for visit in visits:
        # This is the trace's own time, not a wait for something to happen.
        time.sleep(max(0.0, begin + visit.due - time.monotonic()))
        due.put(visit)
    for _ in clients:
        due.put(None)
    for client in clients:
        client.join(2 * PATIENCE_S)
        assert not client.is_alive(), "a request got no answer"
