"""Processes come, go and die under load; no request pays for it but one that had begun and must not run twice."""

import os
import signal
from collections import Counter

from support.load import Load

PROCESSES = 2
SLOTS = 4
KILLS = 5


def assert_nothing_failed(load):
    assert not load.failures(), load.failures()[:5]


def assert_each_ran_once(site, load):
    assert Counter(site.counts("ended")) == Counter(outcome.id for outcome in load.outcomes if outcome.id)


def test_killed_processes_cost_only_what_had_begun_and_may_not_run_again(site, adapter):
    app = site.serve(adapter, processes=PROCESSES, slots=SLOTS)
    alive = list(site.backends)
    mark = site.proxy.mark()
    with Load(site.port) as load:
        for kills in range(1, KILLS + 1):
            load.wait_for_more(100)
            os.kill(alive.pop(0), signal.SIGKILL)
            alive.append(site.wait_for_backends(kills, since=mark)[-1])
        load.wait_for_more(100)
    assert app.process.poll() is None
    failures = load.failures()
    assert {outcome.method for outcome in failures} <= {"POST"}, failures[:5]
    assert {outcome.status for outcome in failures} <= {502}, failures[:5]
    assert len(failures) <= KILLS * SLOTS
    begun, ended = Counter(site.counts("begun")), Counter(site.counts("ended"))
    assert not [id for id, times in begun.items() if times > 1]
    assert all(ended[outcome.id] == 1 for outcome in load.outcomes if outcome.id and outcome.is_answered)


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
        assert app.terminate() == 0
        # Nothing is there now: every client's next request is held.
        before = len(load.outcomes)
        site.serve(adapter, processes=PROCESSES, slots=SLOTS)
        load.wait_for_more(100)
    assert len(load.outcomes) > before
    assert_nothing_failed(load)
    assert_each_ran_once(site, load)


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
