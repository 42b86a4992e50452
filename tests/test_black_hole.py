"""A link into a network that swallows everything: noticed in time, its requests saved or answered, and no run too many."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.adapters import WSGI
from support.client import request_head
from support.load import Load
from support.network import FarAway
from support.site import CAME, free_port

PING_S = 1
#: Two ping intervals, and what a busy machine adds until the line is written and read.
NOTICED_S = 2 * PING_S + 1
UPLOAD = bytes(8_000_000)


@pytest.fixture
def far():
    far = FarAway()
    far.open()
    yield far
    far.close()


@pytest.fixture
def site(silent_site, far):
    """One of two processes of four slots is far away."""
    silent_site.top |= {"ping_interval": PING_S}
    silent_site.start_at(f"{far.near}:{free_port(far.near)}")
    silent_site.serve(WSGI, slots=4)
    mark = silent_site.proxy.mark()
    silent_site.far_app = silent_site.start(WSGI, slots=4, before=far.command())
    silent_site.far_app.wait_for("serving the proxy at")
    (silent_site.far_pid,) = silent_site.wait_for_backends(1, since=mark)
    return silent_site


def test_it_is_noticed_in_two_ping_intervals_and_costs_only_what_may_have_begun(site, far):
    with Load(site.port) as load, ThreadPoolExecutor(2) as uploads:
        load.wait_for_more(100)
        # What is on its way into the hole must not delay the notice.
        asked = [uploads.submit(upload, site) for _ in range(2)]
        mark = site.proxy.mark()
        far.swallow()
        begin = time.monotonic()
        site.proxy.wait_for(rf"backend {site.far_pid}@\S+ is frozen or out of reach", since=mark)
        assert time.monotonic() - begin < NOTICED_S
        load.wait_for_more(200)
        assert {int(site.get("/pid").text) for _ in range(10)} == set(site.backends)
        far.pass_again()
        site.proxy.wait_for(CAME, since=mark)
        site.ask_until_served_by(site.far_pid)
        load.wait_for_more(100)
    failed = load.failures()
    assert {(outcome.method, outcome.status) for outcome in failed} <= {("POST", 502)}, failed[:5]
    assert len(failed) <= 4, "no more than it had slots"
    assert all("frozen or out of reach" in outcome.text for outcome in failed), failed
    assert max(outcome.seconds for outcome in load.outcomes) < NOTICED_S + 1
    assert {one.result() for one in asked} <= {b"HTTP/1.1 200", b"HTTP/1.1 502"}
    begun = Counter(site.counts("begun"))
    assert not [id for id, times in begun.items() if times > 1]
    assert all(begun[outcome.id] == 1 for outcome in load.outcomes if outcome.id and outcome.is_answered)


def test_what_was_on_its_way_when_it_was_given_up_never_arrives(site, far):
    far.swallow()
    mark = site.proxy.mark()
    with ThreadPoolExecutor(8) as clients:
        asked = {id: clients.submit(site.request, "POST", f"/count?id={id}&ms=1") for id in map(str, range(8))}
        statuses = {id: one.result().status for id, one in asked.items()}
    assert set(statuses.values()) == {200, 502}, statuses
    far.pass_again()
    site.proxy.wait_for(CAME, since=mark)
    site.ask_until_served_by(site.far_pid)
    begun = Counter(site.counts("begun"))
    assert {id for id, status in statuses.items() if status == 200} == set(begun), (statuses, begun)
    assert set(begun.values()) == {1}


def upload(site):
    """What the reply begins with; it may come before all is sent, and then the rest is not taken."""
    with site.open() as client:
        try:
            client.sendall(request_head("POST", "/sink", f"Content-Length: {len(UPLOAD)}") + UPLOAD)
        except OSError:
            pass
        return client.recv(12)
