"""A proxy that may open only few files: clients wait, backends do not, and it passes."""

import signal
import socket

import pytest

from support.adapters import WSGI
from support.client import Client, receive_until, request_head
from support.load import Load
from support.program import PATIENCE_S

FILES = 160
CROWD = 300
FULL = "no more clients are taken"
OVER = "new clients are taken again"


@pytest.fixture
def site(silent_site):
    silent_site.top |= {"shards": 2, "limits": "{connections: 5000}"}
    silent_site.start_proxy("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh")
    silent_site.serve(WSGI, processes=2, slots=4)
    return silent_site


def test_it_is_said_at_the_start_that_not_all_clients_fit(site):
    (said,) = site.proxy.wait_for(r"no more than (\d+) clients are taken at once, not the 5000 of `limits.connections`")
    assert FILES // 2 < int(said[1]) < FILES


def test_when_files_are_used_up_clients_wait_backends_come_in_and_those_that_are_there_are_served(site):
    crowd = []
    try:
        with Load(site.port, clients=4) as load:
            load.wait_for_more(50)
            for _ in range(CROWD):
                crowd.append(site.open())
                crowd[-1].sendall(request_head("GET", "/hello"))
            site.proxy.wait_for(FULL)
            # Whoever had a connection goes on, a backend dials in, and the configuration is read again.
            load.wait_for_more(200)
            site.serve(WSGI, processes=2, slots=4)
            site.proxy.signal(signal.SIGHUP)
            site.proxy.wait_for("the configuration was read again")
            load.wait_for_more(200)
            served = [client for client in crowd if is_served(client)]
            assert len(served) > FILES // 4, len(served)
            for client in crowd:
                client.close()
            site.proxy.wait_for(OVER)
            # And there is room for everybody again.
            for _ in range(50):
                assert site.get("/hello").status == 200
        assert not load.failures(), load.failures()[:5]
    finally:
        for client in crowd:
            client.close()
    assert len(site.proxy.said(FULL)) == 1 and len(site.proxy.said(OVER)) == 1, site.proxy.output()
    assert not site.proxy.said("ERROR|panick"), site.proxy.output()


def test_clients_that_wait_get_the_places_of_those_that_idle(site):
    crowd = []
    try:
        for _ in range(CROWD // 2):
            crowd.append(site.open())
            crowd[-1].sendall(request_head("GET", "/hello"))
        site.proxy.wait_for(FULL)
        # All idle for `idle_timeout`, a minute; in need for five seconds.
        with Client(site.port) as new:
            assert new.get("/hello").status == 200
    finally:
        for client in crowd:
            client.close()


def test_when_links_have_used_up_what_was_kept_for_them_this_is_said_once_and_passes(site):
    path = site.outgoing.removeprefix("unix:")
    strangers = []
    try:
        # They say nothing, and hold on to what they have; each backend that comes takes the place of the oldest.
        for _ in range(FILES):
            strangers.append(socket.socket(socket.AF_UNIX))
            strangers[-1].settimeout(PATIENCE_S)
            strangers[-1].connect(path)
        site.serve(WSGI, processes=2, slots=4)
        assert [site.get("/hello").status for _ in range(20)] == [200] * 20
    finally:
        for stranger in strangers:
            stranger.close()
    assert len(site.proxy.said("no backend can be let in")) <= 1, site.proxy.output()


def is_served(client):
    client.settimeout(0)
    try:
        return receive_until(client, b"hello").startswith(b"HTTP/1.1 200")
    except BlockingIOError:
        return False
    finally:
        client.settimeout(PATIENCE_S)
