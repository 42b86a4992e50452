"""Starting, dying, draining and stopping, with the real proxy."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from running import Answer, Site, SiteMaker

WSGI, ASGI = "plain_wsgi:app", "plain_asgi:app"

both = pytest.mark.parametrize("target", [WSGI, ASGI])
counts = pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["alone", "supervised"])


@both
def test_a_process_that_crashes_is_replaced_and_nothing_else_fails(site: Site, target: str) -> None:
    backend = site.backend(target, "-n", "2")
    before = {site.get("/pid").text for _ in range(20)}
    assert site.request("POST", "/crash").status == 502
    backend.wait_for(r"process \d+ ended with status 9")
    backend.wait_for("serving the proxy")
    after = {site.get("/pid").text for _ in range(40)}
    assert len(after) == 2
    assert len(after & before) <= 1


@both
@counts
def test_sigterm_finishes_what_has_begun_and_leaves_with_status_0(
    site: Site, target: str, processes: list[str]
) -> None:
    backend = site.backend(target, *processes)
    with ThreadPoolExecutor() as clients:
        running = clients.submit(site.get, "/slow?1")
        backend.wait_for("slow begun")
        backend.signal(signal.SIGTERM)
        answer: Answer = running.result()
    assert (answer.status, answer.text) == (200, "slow done")
    assert backend.wait() == 0
    assert not backend.is_group_left()


@both
@counts
def test_ctrl_c_stops_at_once_and_cleanly_with_all_children(site: Site, target: str, processes: list[str]) -> None:
    backend = site.backend(target, *processes)
    with site.open() as client:
        client.sendall(b"GET /slow?60 HTTP/1.1\r\nHost: site.test\r\n\r\n")
        backend.wait_for("slow begun")
        backend.signal_group(signal.SIGINT)
        assert backend.wait() == 0
    assert not backend.is_group_left()
    assert "Traceback" not in backend.output


@both
@counts
def test_a_wrong_key_is_one_clear_sentence_and_a_failure(
    make_site: SiteMaker, target: str, processes: list[str]
) -> None:
    site = make_site(key="the right one")
    for key in ({"SWIFTIPLY_KEY": "a wrong one"}, {}):
        backend = site.backend(target, *processes, in_service=False, env=key)
        assert backend.wait() == 1
        assert backend.output.count("key") >= 1
        assert "wrong one" not in backend.output
        complaint = [line for line in backend.output.splitlines() if line.startswith("swiftiply-wsgi: ")]
        assert len(complaint) == 1
        assert "Traceback" not in backend.output


def test_the_right_key_serves_from_the_variable_and_from_a_file(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site(key="the right one")
    first = site.backend(WSGI, env={"SWIFTIPLY_KEY": "the right one"})
    assert site.get("/hello").text == "hello"
    first.signal(signal.SIGTERM)
    assert first.wait() == 0
    file = tmp_path / "key"
    file.write_text("the right one\n")
    site.backend(WSGI, "--key-file", str(file))
    assert site.get("/hello").text == "hello"


def test_a_backend_waits_for_its_proxy_and_outlives_its_restart(site: Site) -> None:
    backend = site.backend(WSGI)
    site.proxy.signal(signal.SIGTERM)
    assert site.proxy.wait() == 0
    site.start_proxy()
    backend.wait_for("serving the proxy")
    assert site.get("/hello").text == "hello"


def test_a_lifespan_begins_before_service_and_ends_after_the_drain(site: Site) -> None:
    backend = site.backend(ASGI, in_service=False)
    backend.wait_for("startup")
    backend.wait_for("serving the proxy")
    with ThreadPoolExecutor() as clients:
        running = clients.submit(site.get, "/slow?0.5")
        backend.wait_for("slow begun")
        backend.signal(signal.SIGTERM)
        assert running.result().text == "slow done"
    backend.wait_for("shutdown")
    assert backend.wait() == 0


@counts
def test_a_lifespan_that_fails_never_enters_service(site: Site, processes: list[str]) -> None:
    backend = site.backend("plain_asgi:failing", *processes, in_service=False)
    assert backend.wait() == 1
    assert backend.output.count("no database") == 1
    assert "came with" not in site.proxy.output


def test_a_stream_without_an_end_is_cut_when_the_drain_is_over(site: Site) -> None:
    backend = site.backend(ASGI, "--drain-timeout", "0.2")
    with site.open() as client:
        client.sendall(b"GET /forever HTTP/1.1\r\nHost: site.test\r\n\r\n")
        backend.wait_for("forever begun")
        backend.signal(signal.SIGTERM)
        backend.wait_for("cancelled")
        assert backend.wait() == 0


def test_a_wsgi_request_without_an_end_does_not_keep_the_process(site: Site) -> None:
    backend = site.backend(WSGI, "--drain-timeout", "0.2")
    with site.open() as client:
        client.sendall(b"GET /slow?60 HTTP/1.1\r\nHost: site.test\r\n\r\n")
        backend.wait_for("slow begun")
        backend.signal(signal.SIGTERM)
        backend.wait_for("still running after 0.2 s")
        assert backend.wait() == 0


def test_children_whose_supervisor_was_killed_drain_and_leave(site: Site) -> None:
    backend = site.backend(WSGI, "-n", "2")
    backend.signal(signal.SIGKILL)
    backend.wait()
    backend.wait_for("the supervisor is gone")
    backend.wait_for("the supervisor is gone")
    site.proxy.wait_for("left")
    assert site.proxy.process.poll() is None
