"""What crowds, slow and hostile peers at either port cost: little memory, and nobody else's time."""

import random
import socket
import time

import pytest

from support.adapters import WSGI
from support.client import receive_all, request_head
from support.load import Load
from support.memory import resident
from support.program import PATIENCE_S

IDLE = 5_000
IDLE_BYTES_MAX = 4096
SLOW_UPLOADS = 500
GARBAGE = 400


@pytest.fixture
def site(silent_site):
    # 500 clients of one interpreter, on a busy machine, may be slower than `body_rate` allows.
    silent_site.top |= {"limits": "{body_rate: 0}"}
    silent_site.start_proxy()
    silent_site.app = silent_site.serve(WSGI, processes=2, slots=4)
    return silent_site


def test_5000_idle_connections_cost_less_than_4_kib_each_and_disturb_nobody(site):
    head = request_head("GET", "/hello")
    for _ in range(100):
        assert site.get("/hello").status == 200
    before = resident(site.proxy.pid)
    idle = []
    try:
        with Load(site.port, clients=3) as load:
            for _ in range(IDLE):
                idle.append(site.open())
                idle[-1].sendall(head)
                receive_hello(idle[-1])
            load.wait_for_more(200)
        assert not load.failures(), load.failures()[:5]
        each = (resident(site.proxy.pid) - before) / IDLE
        print(f"{each:.0f} bytes for each idle connection")
        assert each < IDLE_BYTES_MAX
        # They are idle, not forgotten.
        for client in random.sample(idle, 100):
            client.sendall(head)
            receive_hello(client)
    finally:
        for client in idle:
            client.close()


def test_garbage_at_both_ports_disturbs_nobody(site):
    chance = random.Random(20071101)
    link = site.outgoing.removeprefix("unix:")
    with Load(site.port, clients=4) as load:
        for n in range(GARBAGE):
            data = garbage(chance, n)
            for peer in (site.open(), open_unix(link)):
                with peer:
                    send_and_hear_out(peer, data)
        load.wait_for_more(100)
    assert not load.failures(), load.failures()[:5]
    assert not site.proxy.said("panick"), site.proxy.output()
    assert site.proxy.process.poll() is None


def garbage(chance, n):
    """Noise, other protocols, our own cut short or changed, HTTP that is not."""
    kinds = [
        lambda: chance.randbytes(chance.randrange(1, 5000)),
        lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500),
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(100),
        lambda: b"swiftclient7f0000010050",
        lambda: b"GET / HTTP/1.1\r\nHost: site.test\r\n" + chance.randbytes(200) + b"\r\n\r\n",
        lambda: b"POST /sink HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chance.randbytes(300),
        lambda: b"GET /" + b"a" * 100_000,
        lambda: b"\xff" * 70_000,
        lambda: b"",
    ]
    return kinds[n % len(kinds)]()


def open_unix(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(PATIENCE_S)
    peer.connect(path)
    return peer


def send_and_hear_out(peer, data):
    """Sends it, says that this was all, and waits for what the proxy makes of it: its end of the connection."""
    try:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        receive_all(peer)
    except OSError:
        pass  # refused before it was all said


def test_links_that_never_prove_anything_disturb_nobody(site):
    link = site.outgoing.removeprefix("unix:")
    before = resident(site.proxy.pid)
    silent = [open_unix(link) for _ in range(300)]
    try:
        with Load(site.port, clients=4) as load:
            load.wait_for_more(500)
        assert not load.failures(), load.failures()[:5]
        assert (resident(site.proxy.pid) - before) / len(silent) < 8 * IDLE_BYTES_MAX
        # A real backend finds its way in beside them.
        site.serve(WSGI)
        # And in the end they are sent away.
        for peer in silent:
            receive_all(peer)
    finally:
        for peer in silent:
            peer.close()


def test_500_slow_uploads_hold_no_slot_and_stop_nobody(site):
    body = bytes(random.Random(7).randbytes(1000))
    slow = []
    try:
        for _ in range(SLOW_UPLOADS):
            slow.append(site.open())
            slow[-1].sendall(request_head("POST", "/echo", "Content-Length: 1000", "Connection: close") + body[:1])
        begin = time.monotonic()
        with Load(site.port, clients=6) as load:
            for n in range(1, 100):
                for client in slow:
                    client.sendall(body[n : n + 1])
            load.wait_for_more(300)
        assert time.monotonic() - begin < PATIENCE_S
        assert not load.failures(), load.failures()[:5]
        # Eight slots and 500 uploads: had these held them, the others' requests would have waited for seconds.
        waited = sorted(outcome.seconds for outcome in load.outcomes)
        assert waited[len(waited) * 95 // 100] < 1.0
        for client in slow:
            client.sendall(body[100:])
        for client in slow:
            reply = receive_all(client)
            assert reply.startswith(b"HTTP/1.1 200") and body in reply
    finally:
        for client in slow:
            client.close()


def test_a_client_that_only_sends_is_stopped_by_back_pressure(site):
    """Pipelined requests from a client that reads nothing: the proxy stops reading, it does not hoard replies."""
    before = resident(site.proxy.pid)
    heads = request_head("GET", "/hello") * 1000
    with socket.socket() as client:
        # Small, so that it is full soon.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        client.settimeout(2.0)
        client.connect(("127.0.0.1", site.port))
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += client.send(heads)
        assert resident(site.proxy.pid) - before < 16 << 20
        assert site.get("/hello").status == 200


def receive_hello(client):
    received = b""
    while not received.endswith(b"\r\n\r\nhello"):
        piece = client.recv(4096)
        assert piece, f"the connection ended after {received!r}"
        received += piece
