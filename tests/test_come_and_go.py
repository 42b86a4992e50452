"""Processes come, go and die under load; no request pays for it but one that had begun and must not run twice."""

import os
import random
import signal
import time
from collections import Counter

from support.load import Load

PROCESSES = 2
SLOTS = 4
KILLS = 5
SEED = 20071101
#: What a request may take that was held until an app was there. The proxy's own part, a few milliseconds, is measured in
#: its own tests; here six clients share an interpreter with what waits for them, and apps answer for the first time.
BEYOND_GAP_S = 0.5


def assert_nothing_failed(load):
    assert not load.failures(), load.failures()[:5]


def assert_each_ran_once(site, load):
    assert Counter(site.counts("ended")) == Counter(outcome.id for outcome in load.outcomes if outcome.id)


def test_killed_processes_cost_only_what_had_begun_and_may_not_run_again(site, adapter):
    chance = random.Random(SEED)
    app = site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    alive = list(site.backends)
    mark = site.proxy.mark()
    with Load(site.port) as load:
        for kills in range(1, KILLS + 1):
            load.wait_for_more(chance.randrange(20, 120))
            os.kill(alive.pop(chance.randrange(len(alive))), signal.SIGKILL)
            alive.append(site.wait_for_backends(kills, since=mark)[-1])
        load.wait_for_more(100)
    assert app.process.poll() is None
    # Every request is one of these three, and they add up.
    answered = [outcome for outcome in load.outcomes if outcome.is_answered]
    refused = [outcome for outcome in load.outcomes if outcome.status == 502]
    assert len(answered) + len(refused) == len(load.outcomes), load.failures()[:5]
    assert {outcome.method for outcome in refused} <= {"POST"}, refused[:5]
    assert len(refused) <= KILLS * SLOTS
    assert all("The process that ran this request died." in outcome.text for outcome in refused)
    begun, ended = Counter(site.counts("begun")), Counter(site.counts("ended"))
    ids = Counter(outcome.id for outcome in load.outcomes if outcome.id)
    assert set(begun) <= set(ids) and set(begun.values()) == {1}, "nothing runs twice, or unasked"
    assert all(ended[outcome.id] == 1 for outcome in answered if outcome.id)
    # Refused is only what an app had been given; it may have died before it could note that, or after its work was done.
    unknown = [outcome for outcome in refused if not begun[outcome.id]]
    assert len(unknown) <= KILLS, (unknown, "what no app had begun was not given to another")


def test_a_process_that_is_asked_to_end_is_replaced_without_an_error(site, adapter):
    site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    old, other = site.backends
    mark = site.proxy.mark()
    with Load(site.port) as load:
        load.wait_for_more(100)
        os.kill(old, signal.SIGTERM)
        (new,) = site.wait_for_backends(1, since=mark)
        load.wait_for_more(100)
    assert new not in (old, other)
    assert_nothing_failed(load)
    assert_each_ran_once(site, load)


def test_a_rolling_restart_of_all_processes_is_without_an_error(site, adapter):
    site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    with Load(site.port) as load:
        for _ in range(2):
            for old in list(site.backends):
                load.wait_for_more(50)
                mark = site.proxy.mark()
                os.kill(old, signal.SIGTERM)
                site.backends = [pid for pid in site.backends if pid != old] + site.wait_for_backends(1, since=mark)
        load.wait_for_more(50)
    assert_nothing_failed(load)
    assert_each_ran_once(site, load)


def test_a_full_stop_and_start_of_the_app_holds_requests_and_fails_none(site, adapter):
    app = site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    with Load(site.port) as load:
        load.wait_for_more(100)
        begin = time.monotonic()
        assert app.terminate() == 0
        # Nothing is there now: every client's next request is held.
        before = len(load.outcomes)
        site.serve(adapter, processes=PROCESSES, slots=SLOTS)
        gap = time.monotonic() - begin
        load.wait_for_more(100)
    assert len(load.outcomes) > before
    assert_nothing_failed(load)
    assert_each_ran_once(site, load)
    assert max(outcome.seconds for outcome in load.outcomes) < gap + BEYOND_GAP_S


def test_a_new_release_beside_the_old_one_takes_over_without_an_error(site, adapter):
    old = site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    with Load(site.port) as load:
        load.wait_for_more(50)
        site.serve(adapter, processes=PROCESSES, slots=SLOTS)
        assert old.terminate() == 0
        load.wait_for_more(50)
    assert_nothing_failed(load)
    assert_each_ran_once(site, load)
    assert {int(site.get("/pid").text) for _ in range(20)} <= set(site.backends)
