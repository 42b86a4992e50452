"""5,000 clients that send or read a byte a second: others do not notice, and memory stays where it was."""

import resource
import selectors
import socket
import time

import pytest

from support.adapters import WSGI
from support.client import request_head
from support.load import Load, pages
from support.memory import MIB, resident

SLOW = 5_000
SECONDS = 2
#: For each of them: what we hold, and not what the system does.
SLOW_BYTES_MAX = 4096
#: A reply that is all in the proxy, or in the system, when its app is done with it.
REPLY_BYTES = 100_000


@pytest.fixture
def site(silent_site):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * SLOW:
        pytest.skip(f"needs {3 * SLOW} open files, and this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Else they would be gone after ten seconds, by `head_timeout` and `body_rate`.
    # And those that read slowly ask all at once, so they wait in the queue together.
    silent_site.top |= {"limits": "{head_timeout: 60, body_rate: 0}", "queue": 2 * SLOW}
    silent_site.start_proxy()
    silent_site.serve(WSGI, processes=2, slots=4)
    yield silent_site
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["head", "body", "reading"])
def test_others_are_served_as_fast_as_without_them(site, kind):
    with Load(site.port, clients=3, asks=pages) as load:
        load.wait_for_more(300)
        alone = tail(load, since=0)
        before = resident(site.proxy.pid)
        with Slow(site, kind) as slow:
            mark = len(load.outcomes)
            slow.go_on(SECONDS)
            load.wait_for_more(300)
            beside = tail(load, since=mark)
            each = (resident(site.proxy.pid) - before) / SLOW
    print(f"{kind}: p90 {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside {SLOW} slow clients, {each:.0f} bytes each")
    assert not load.failures(), load.failures()[:5]
    # The clients are in this process too, and its one interpreter serves 5,000 sockets beside them.
    assert beside < 10 * alone + 0.1
    assert each < SLOW_BYTES_MAX + (REPLY_BYTES if kind == "reading" else 0)


def tail(load, since):
    seconds = sorted(outcome.seconds for outcome in load.outcomes[since:])
    return seconds[len(seconds) * 9 // 10]


class Slow:
    """Clients that say, or read, one byte a second each."""

    def __init__(self, site, kind):
        self._kind = kind
        begin = {
            "head": b"GET /hello HTTP/1.1\r\nHost: site.test\r\nX-Slow: ",
            "body": request_head("POST", "/echo", "Content-Length: 1000") + b"x",
            "reading": request_head("GET", f"/big?bytes={REPLY_BYTES}"),
        }[kind]
        self._clients = []
        for _ in range(SLOW):
            client = socket.socket()
            # So that what it does not read stays with the proxy, not in its own system.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", site.port))
            client.sendall(begin)
            client.setblocking(False)
            self._clients.append(client)

    def go_on(self, seconds):
        for _ in range(seconds):
            begin = time.monotonic()
            for client in self._clients:
                try:
                    if self._kind == "reading":
                        assert client.recv(1), "cut off"
                    else:
                        client.send(b"y")
                except BlockingIOError:
                    pass
            time.sleep(max(0.0, 1 - (time.monotonic() - begin)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()
