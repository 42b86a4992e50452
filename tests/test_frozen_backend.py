"""A process that stands still without dying is noticed, passed over, and taken back when it goes on."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.adapters import NODE, RACK, WSGI
from support.load import Load, pages

#: Two ping intervals of 2 s, and what a busy machine adds until the line is written and read.
NOTICED_S = 5.0


@pytest.fixture(params=[RACK, WSGI, NODE], ids=str)
def adapter(request):
    return request.param


@pytest.fixture
def frozen(site, adapter):
    """One of two processes of four slots each, standing still."""
    site.serve(adapter, processes=2, slots=4)
    pid = site.backends[0]
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)


def test_requests_go_elsewhere_within_5_s_and_it_comes_back_into_service(site, frozen):
    with Load(site.port, clients=6, asks=pages) as load:
        begin = time.monotonic()
        site.proxy.wait_for(rf"backend {frozen}@\S+ is frozen")
        assert time.monotonic() - begin < NOTICED_S
        load.wait_for_more(200)
        assert {int(site.get("/pid").text) for _ in range(20)} == {site.backends[1]}
        os.kill(frozen, signal.SIGCONT)
        site.ask_until_served_by(frozen)
        load.wait_for_more(100)
    assert not load.failures(), load.failures()[:5]
    assert max(outcome.seconds for outcome in load.outcomes) < NOTICED_S + 1


def test_what_it_was_given_while_it_stood_still_runs_at_most_once(site, frozen):
    with ThreadPoolExecutor(8) as clients:
        asked = {id: clients.submit(site.request, "POST", f"/count?id={id}&ms=1") for id in map(str, range(8))}
        statuses = {id: one.result().status for id, one in asked.items()}
    os.kill(frozen, signal.SIGCONT)
    # When it is in service again it has read all that had come for it before.
    site.ask_until_served_by(frozen)
    begun = Counter(site.counts("begun"))
    assert not [id for id, times in begun.items() if times > 1], (statuses, begun)
    assert set(statuses.values()) <= {200, 502}
    assert all(begun[id] == 1 for id, status in statuses.items() if status == 200)
