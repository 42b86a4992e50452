"""How the processes of an app begin and end, by the command of each language."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.adapters import ADAPTERS, built
from support.client import receive_until, request_head
from support.program import PATIENCE_S

#: Ctrl-C stops at once: far less than the request that is running then would take, or a drain may.
AT_ONCE_S = 5.0
LONG_MS = 20_000

COMMANDS = ["swiftiply", *dict.fromkeys(adapter.command for adapter in ADAPTERS)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_its_version_and_its_options(silent_site, command):
    version = silent_site.run([built(command), "--version"])
    assert version.wait() == 0
    assert version.lines[0].split() == [command, "0.9.0"]
    usage = silent_site.run([built(command), "--help"])
    assert usage.wait() == 0
    assert command in usage.output() and ("--config" if command == "swiftiply" else "--connect") in usage.output()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_an_error(silent_site, command):
    program = silent_site.run([built(command), "--bogus", *(() if command == "swiftiply" else ("an-app",))])
    assert program.wait() == 2
    assert "--bogus" in program.output()


def test_a_process_that_dies_is_replaced(site, adapter):
    site.serve(adapter, processes=2)
    mark = site.proxy.mark()
    # A POST: it is not given to the other process, which would die of it too.
    answer = site.request("POST", "/exit")
    assert answer.status == 502
    (new,) = site.wait_for_backends(1, since=mark)
    assert new not in site.backends
    assert {int(site.get("/pid").text) for _ in range(20)} <= {*site.backends, new}


def test_term_lets_a_running_request_finish_and_ends_with_0(site, adapter):
    app = site.serve(adapter, processes=2)
    with ThreadPoolExecutor() as clients:
        slow = clients.submit(site.get, "/slow?ms=1000")
        app.wait_for("^slow$")
        status = app.terminate()
        assert slow.result().text == "hello"
    assert status == 0, app.output()
    assert not app.has_left_children()


def test_a_second_term_does_not_wait(site, adapter):
    app = site.serve(adapter, processes=2)
    with site.open() as client:
        client.sendall(request_head("POST", f"/slow?ms={LONG_MS}"))
        app.wait_for("^slow$")
        mark = site.proxy.mark()
        app.signal(signal.SIGTERM)
        # The idle one has gone, so the supervisor has passed the first on.
        site.proxy.wait_for("backend .* (left|died|was lost)", since=mark)
        app.signal(signal.SIGTERM)
        app.wait(AT_ONCE_S)
    assert not app.has_left_children()


def test_ctrl_c_stops_at_once_and_leaves_no_process(site, adapter):
    app = site.serve(adapter, processes=2)
    with site.open() as client:
        client.sendall(request_head("POST", f"/slow?ms={LONG_MS}"))
        app.wait_for("^slow$")
        app.interrupt()
        app.wait(AT_ONCE_S)
        assert not app.has_left_children()
        assert "Traceback" not in app.output() and "Interrupt" not in app.output(), app.output()
        # The proxy's 502, or the 500 of an app whose work was cancelled.
        assert receive_until(client, b"\r\n").startswith(b"HTTP/1.1 50")


def test_ctrl_c_without_a_proxy_stops_at_once(silent_site, adapter):
    app = silent_site.start(adapter)
    app.wait_for("does not answer")
    app.interrupt()
    app.wait(AT_ONCE_S)
    assert not app.has_left_children()


@pytest.mark.parametrize("processes", [0, 2])
def test_an_app_that_does_not_load_is_an_error_with_its_reason(site, adapter, processes):
    app = site.start(adapter, processes=processes, app=adapter.broken)
    assert app.wait() not in (0, -signal.SIGKILL)
    assert "this app cannot begin" in app.output()
    assert not site.proxy.said("came with")


@pytest.mark.parametrize("processes", [0, 2])
@pytest.mark.parametrize("key", ["wrong", "missing"])
def test_a_wrong_or_missing_key_is_an_error_in_one_sentence(silent_site, adapter, key, processes):
    silent_site.options["key"] = "the key of this site"
    silent_site.start_proxy()
    environment = {"SWIFTIPLY_KEY": "another key"} if key == "wrong" else {}
    app = silent_site.start(adapter, processes=processes, environment=environment)
    assert app.wait() not in (0, -signal.SIGKILL)
    assert app.said(r"\bkey\b"), app.output()
    assert not app.said(r"Traceback|^\s+(at|from|File) "), app.output()
    assert "another key" not in app.output() + silent_site.proxy.output()
    assert not silent_site.proxy.said("came with")


def test_the_right_key_serves_from_the_environment_and_from_a_file(silent_site, adapter):
    silent_site.options["key"] = "the key of this site"
    silent_site.start_proxy()
    file = silent_site.folder / "key"
    file.write_text("the key of this site\n")
    os.chmod(file, 0o600)
    app = silent_site.serve(adapter, environment={"SWIFTIPLY_KEY": "the key of this site"})
    assert silent_site.get("/hello").status == 200
    assert app.terminate() == 0
    silent_site.serve(adapter, options=("--key-file", str(file)))
    assert silent_site.get("/hello").status == 200


def test_an_app_waits_for_its_proxy_and_serves_when_that_is_there(silent_site, adapter):
    app = silent_site.start(adapter)
    app.wait_for("does not answer")
    silent_site.start_proxy()
    assert silent_site.get("/hello").text == "hello"


def test_backends_come_back_by_themselves_when_the_proxy_was_restarted(site, adapter):
    site.serve(adapter, processes=2)
    before = set(site.backends)
    assert site.get("/hello").status == 200
    assert site.proxy.terminate() == 0
    site.start_proxy()
    assert set(site.wait_for_backends(2)) == before
    assert int(site.get("/pid").text) in before


def test_a_proxy_that_drains_finishes_what_runs_and_says_goodbye(site, adapter):
    app = site.serve(adapter)
    with ThreadPoolExecutor() as clients:
        slow = clients.submit(site.get, "/slow?ms=1000")
        app.wait_for("^slow$")
        assert site.proxy.terminate() == 0
        assert slow.result(PATIENCE_S).text == "hello"
    assert app.process.poll() is None, app.output()
