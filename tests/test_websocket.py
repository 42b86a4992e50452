"""WebSockets through the whole system: real clients, the proxy, and an app in each language that can speak them."""

import json
import os
import signal
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from support.adapters import APPS, ASGI, NODE, RACK, python
from support.program import PATIENCE_S
from support.site import Site

ECHO = {
    "asgi": (ASGI, python("sockets_asgi")),
    "node": (NODE, (f"{APPS}/sockets.js",)),
    "rack": (RACK, ("-e", "production", f"{APPS}/sockets.ru")),
}


@pytest.fixture(params=ECHO)
def echo(request):
    """Starts the echo app of one language."""
    adapter, app = ECHO[request.param]
    return lambda site, **how: site.serve(adapter, app=app, **how)


def websocket(site, target="/", **options):
    return connect(f"ws://127.0.0.1:{site.port}{target}", open_timeout=PATIENCE_S, ping_interval=None, **options)


def hear(client):
    return client.recv(timeout=PATIENCE_S)


def is_echoed(client, message):
    client.send(message)
    return hear(client) == message


def end(client):
    """The code that it is closed with; None if it was cut."""
    with pytest.raises(ConnectionClosed) as closed:
        hear(client)
    return closed.value.rcvd and closed.value.rcvd.code


def test_messages_go_both_ways_and_both_sides_can_close(site, echo):
    echo(site)
    with websocket(site, max_size=None) as client:
        assert is_echoed(client, "grüße")
        for size in (0, 1, 125, 126, 65_535, 65_536, 1 << 20):
            assert is_echoed(client, "x" * size)
        client.close(4321, "done")
        assert client.close_code == 4321


def test_fifty_websockets_leave_the_only_slot_to_requests(site, echo):
    echo(site, slots=1)
    with ExitStack() as stack:
        clients = [stack.enter_context(websocket(site)) for _ in range(50)]
        for _ in range(3):
            assert site.get("/").text == "page"
        for number, client in enumerate(clients):
            client.send(str(number))
        assert [hear(client) for client in clients] == [str(number) for number in range(50)]


def test_beyond_its_tunnels_a_process_answers_503(site, echo):
    echo(site, options=("--tunnels", "1"))
    with websocket(site) as first:
        with pytest.raises(InvalidStatus) as refused, websocket(site):
            pass
        assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (503, "5")
        assert site.get("/").text == "page"
        assert is_echoed(first, "still here")


def test_a_silent_websocket_outlives_what_ends_an_idle_connection(tmp_path, echo):
    site = Site(tmp_path, top={"limits": "{idle_timeout: 1}", "ping_interval": "200ms"})
    try:
        site.start_proxy()
        echo(site)
        with websocket(site) as client:
            assert is_echoed(client, "before")
            time.sleep(2)  # twice as long as a connection may idle
            assert is_echoed(client, "after")
    finally:
        site.close()


def test_a_reload_leaves_websockets_alone(site, echo):
    echo(site)
    with websocket(site) as client:
        for _ in range(3):
            mark = site.proxy.mark()
            site.proxy.signal(signal.SIGHUP)
            site.proxy.wait_for("configuration", since=mark)
            assert is_echoed(client, "still here")


def test_the_death_of_a_process_cuts_its_websockets(site, echo):
    echo(site)
    with websocket(site) as client:
        assert is_echoed(client, "before")
        os.kill(site.backends[0], signal.SIGKILL)
        assert end(client) is None


def test_a_process_that_is_asked_to_stop_serves_its_websockets_until_the_drain_timeout(site, echo):
    program = echo(site, options=("--drain-timeout", "1"))
    with websocket(site) as client:
        program.signal(signal.SIGTERM)
        assert is_echoed(client, "still served")
        # Who speaks WebSocket itself says that the client may come again; who only handed the socket over closes it.
        assert end(client) in (1012, None)
    assert program.wait() == 0


# Action Cable.


@pytest.fixture
def cable(site):
    site.serve(RACK, app=("-e", "production", f"{APPS}/cable.ru"), slots=1)
    return site


def cable_client(site, query):
    headers = {"Origin": f"http://127.0.0.1:{site.port}"}
    return websocket(site, f"/cable?{query}", subprotocols=["actioncable-v1-json"], additional_headers=headers)


def hear_json(client, **wanted):
    """The next message but for Action Cable's own pings."""
    while (heard := json.loads(hear(client))).get("type") == "ping":
        pass
    assert wanted.items() <= heard.items()
    return heard


CHAT = json.dumps({"channel": "ChatChannel"})


def test_action_cable(cable):
    with cable_client(cable, "name=ann") as ann, cable_client(cable, "name=bob") as bob:
        for client in (ann, bob):
            hear_json(client, type="welcome")
            client.send(json.dumps({"command": "subscribe", "identifier": CHAT}))
            hear_json(client, type="confirm_subscription", identifier=CHAT)
        said = json.dumps({"action": "speak", "what": "grüße"})
        ann.send(json.dumps({"command": "message", "identifier": CHAT, "data": said}))
        for client in (ann, bob):
            hear_json(client, identifier=CHAT, message={"from": "ann", "said": "grüße"})
        assert cable.get("/").text == "page", "the only thread is free"


def test_action_cable_goes_on_saying_that_it_is_there(cable):
    with cable_client(cable, "name=ann") as ann:
        hear_json(ann, type="welcome")
        assert json.loads(hear(ann))["type"] == "ping"
        assert json.loads(hear(ann))["type"] == "ping"


def test_action_cable_refuses_who_does_not_say_his_name(cable):
    with cable_client(cable, "") as nobody:
        assert json.loads(hear(nobody)) == {"type": "disconnect", "reason": "unauthorized", "reconnect": False}
        assert end(nobody) == 1000
