"""`memory_max`: what is new makes way before memory is used up, what is under way goes on, and it passes."""

import time

import pytest

from support.adapters import ASGI, WSGI
from support.client import receive_all, receive_until, request_head
from support.load import Load, pages
from support.memory import MIB, resident

MEMORY_MAX = 48 * MIB
#: The program itself, stacks, and what the allocator has no use for and does not give back.
SLACK = 24 * MIB
UPLOADS = 4_000
UPLOAD_BYTES = 16_000
READERS = 300
WINDOW = 256 << 10
TIGHT = "memory is (tight|short)"
OVER = "memory suffices again"


@pytest.fixture
def site(silent_site):
    silent_site.top |= {"memory_max": MEMORY_MAX, "limits": "{body_rate: 0}"}
    silent_site.start_proxy()
    return silent_site


def test_slow_uploads_are_shed_before_memory_is_used_up_and_pages_are_served(site):
    site.serve(WSGI, processes=2, slots=4)
    uploads = []
    try:
        with Load(site.port, clients=3, asks=pages) as load:
            for _ in range(UPLOADS):
                uploads.append(site.open())
                uploads[-1].sendall(request_head("POST", "/echo", f"Content-Length: {UPLOAD_BYTES}") + bytes(UPLOAD_BYTES - 1))
            site.proxy.wait_for(TIGHT)
            load.wait_for_more(200)
            assert resident(site.proxy.pid) < MEMORY_MAX + SLACK
            shed, kept = [], []
            for client in uploads:
                client.setblocking(False)
                try:
                    reply = client.recv(4096)
                except BlockingIOError:
                    kept.append(client)
                else:
                    shed.append(reply)
                client.settimeout(30)
            assert len(shed) > UPLOADS // 10 and len(kept) > UPLOADS // 4, (len(shed), len(kept))
            assert all(reply.startswith(b"HTTP/1.1 503") and b"Retry-After: 1\r\n" in reply for reply in shed), shed[:3]
            # The others were only slow: they are served when they are whole... as many as there is memory for, one by one.
            for client in kept[:50]:
                client.sendall(b"\0")
                assert receive_until(client, b"\r\n").startswith(b"HTTP/1.1 200")
        assert not load.failures(), load.failures()[:5]
    finally:
        for client in uploads:
            client.close()
    site.proxy.wait_for(OVER)
    assert site.request("POST", "/echo", bytes(UPLOAD_BYTES)).status == 200
    assert len(site.proxy.said(TIGHT)) == 1 and len(site.proxy.said(OVER)) == 1, site.proxy.output()


def test_replies_that_nobody_reads_are_bounded_and_give_way_to_new_requests(site):
    site.serve(ASGI, slots=2 * READERS)
    readers = []
    try:
        running = 0
        while running < READERS:
            readers.append(site.open())
            readers[-1].sendall(request_head("GET", "/big?bytes=50000000", "Connection: close"))
            if not receive_until(readers[-1], b"\r\n").startswith(b"HTTP/1.1 200"):
                readers.pop().close()
                break
            running += 1
        site.proxy.wait_for(TIGHT)
        # Those that run may fill their windows; nobody else comes to hold anything.
        print(f"{running} run; {resident(site.proxy.pid) / MIB:.0f} MiB")
        assert resident(site.proxy.pid) < MEMORY_MAX + running * WINDOW + SLACK
        # Whoever takes nothing for five seconds while memory is short has to go, and then there is room.
        begin = time.monotonic()
        while site.get("/hello").status == 503:
            assert time.monotonic() - begin < 30
        site.proxy.wait_for(OVER)
        assert resident(site.proxy.pid) < MEMORY_MAX + SLACK
    finally:
        for reader in readers:
            reader.close()
    assert receive_all(one_page(site)).startswith(b"HTTP/1.1 200")


def one_page(site):
    client = site.open()
    client.sendall(request_head("GET", "/hello", "Connection: close"))
    return client
