"""WebSockets of ASGI applications, through a real proxy, to a real client (the package `websockets`)."""

from __future__ import annotations

import ast
import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from running import PATIENCE, Program, Site, SiteMaker
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect


def url(site: Site, path: str) -> str:
    return f"ws://127.0.0.1:{site.port}{path}"


@contextmanager
def open_socket(site: Site, path: str, **options: Any) -> Iterator[ClientConnection]:
    given: dict[str, Any] = {"open_timeout": PATIENCE, "close_timeout": PATIENCE, "ping_interval": None, **options}
    with connect(url(site, path), **given) as client:
        yield client


def hear(client: ClientConnection) -> Any:
    return client.recv(timeout=PATIENCE)


def end(client: ClientConnection) -> ConnectionClosed:
    """How it ends, once everything said before is heard."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            hear(client)
    return closed.value


def refusal(site: Site, path: str, **options: Any) -> Any:
    """The reply that stands where there is no WebSocket."""
    with pytest.raises(InvalidStatus) as refused, open_socket(site, path, **options):
        pass
    return refused.value.response


@pytest.fixture
def backend(site: Site) -> Program:
    return site.backend("sockets_asgi")


# FastAPI and Starlette.


def test_a_chat_of_fastapi(site: Site) -> None:
    site.backend("fastapi_app")
    json_only = {"subprotocols": ["json"]}
    with open_socket(site, "/chat/ann", **json_only) as ann, open_socket(site, "/chat/bob", **json_only) as bob:
        assert ann.subprotocol == "json"
        ann.send(json.dumps("grüße"))
        heard = {"from": "ann", "said": "grüße", "database": "open"}
        assert json.loads(hear(ann)) == json.loads(hear(bob)) == heard
        bob.close(4000, "enough")
        ann.send(json.dumps({"still": "here"}))
        assert json.loads(hear(ann))["said"] == {"still": "here"}


def test_what_fastapi_depends_on_is_asked_before_the_handshake(site: Site) -> None:
    program = site.backend("fastapi_app")
    assert refusal(site, "/private").status_code == 401
    with open_socket(site, "/private", additional_headers={"X-Ticket": "valid"}) as client:
        assert hear(client) == "welcome with a valid ticket"
        client.close(4321, "bye")
    program.wait_for("left with 4321 'bye'")
    assert refusal(site, "/nowhere").status_code == 403


# The handshake.


def test_the_handshake_carries_what_both_sides_say(site: Site, backend: Program) -> None:
    options: Any = {"subprotocols": ["chat", "superchat"], "additional_headers": {"Cookie": "c=3"}}
    with open_socket(site, "/about?a=b", **options) as client:
        assert client.subprotocol == "superchat"
        assert client.response is not None
        assert client.response.headers["X-Kind"] == "about"
        assert client.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert ast.literal_eval(hear(client)) == {
            "type": "websocket",
            "scheme": "ws",
            "path": "/about",
            "query_string": b"a=b",
            "http_version": "1.1",
            "subprotocols": ["chat", "superchat"],
            "client": "127.0.0.1",
            "cookies": [b"c=3"],
        }
        closed = end(client)
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (4444, "that was all")
    site.proxy.wait_for(r'"GET /about\?a=b HTTP/1.1" 101 ')


def test_an_application_may_say_no(site: Site, backend: Program) -> None:
    denied = refusal(site, "/deny")
    assert (denied.status_code, denied.headers["X-Why"], denied.body) == (401, "no ticket", b"no ticket, no entry")
    assert refusal(site, "/refuse").status_code == 403
    assert refusal(site, "/fail-first").status_code == 500
    assert site.get("/").text == "plain", "and goes on"


def test_what_is_no_handshake_is_answered_so(site: Site, backend: Program) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert site.get("/echo", **upgrade).status == 426
    assert site.get("/echo", **upgrade, **{"Sec-WebSocket-Version": "13"}).status == 400
    assert site.request("POST", "/", b"body", upgrade).text == "plain"
    assert site.get("/", Connection="Upgrade", Upgrade="something-else").text == "plain"


def test_a_frame_in_the_handshakes_own_segment_is_not_lost(site: Site, backend: Program) -> None:
    handshake = (
        b"GET /echo HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with site.open() as client:
        client.sendall(handshake + b"\x81\x85\0\0\0\0first")
        heard = read_until(client, b"\x81\x05first")
        head, _, frame = heard.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        assert frame == b"\x81\x05first"


def read_until(client: socket.socket, end: bytes) -> bytes:
    heard = b""
    while not heard.endswith(end):
        piece = client.recv(65_536)
        assert piece, heard
        heard += piece
    return heard


# Messages.


@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_of_all_sizes_go_both_ways(site: Site, backend: Program, compression: Any) -> None:
    with open_socket(site, "/echo", compression=compression, max_size=None) as client:
        for size in (0, 1, 125, 126, 65_535, 65_536, 300_000, 8 << 20):
            client.send(bytes(size))
            assert len(hear(client)) == size
        client.send("ü" * 100_000)
        assert hear(client) == "ü" * 100_000
        client.send(b"frag" for _ in range(1000))
        assert hear(client) == b"frag" * 1000


def test_a_message_that_is_too_long_ends_with_1009(site: Site) -> None:
    site.backend("sockets_asgi", "--ws-max-size", "1000")
    with open_socket(site, "/echo") as client:
        client.send(bytes(1001))
        assert code_of(end(client)) == 1009


def test_text_that_is_none_ends_with_1007(site: Site, backend: Program) -> None:
    with open_socket(site, "/echo") as client:
        client.send(b"\xff", text=True)
        assert code_of(end(client)) == 1007


def code_of(closed: ConnectionClosed) -> int | None:
    return None if closed.rcvd is None else closed.rcvd.code


def test_a_client_that_does_not_read_holds_up_the_application(site: Site, backend: Program) -> None:
    with open_socket(site, "/flood", compression=None, max_queue=1) as client:
        hear(client)
        before, flooded = -1, 0
        while flooded != before:  # until it stands still
            before, flooded = flooded, int(site.get("/flooded").text)
            asyncio.run(asyncio.sleep(0.3))
        assert flooded < 16 << 20
        client.send("enough")
        while int(site.get("/flooded").text) == flooded:
            hear(client)


# The end.


def test_an_exception_closes_with_1011_and_the_log_has_it(site: Site, backend: Program) -> None:
    with open_socket(site, "/fail") as client:
        client.send("now")
        assert code_of(end(client)) == 1011
    backend.wait_for("WebSocket /fail raised")


def test_the_application_learns_how_the_client_left(site: Site, backend: Program) -> None:
    with open_socket(site, "/ends") as client:
        client.close(3003, "done")
    backend.wait_for("the end 3003")
    with site.open() as raw:
        raw.sendall(handshake_for("/ends"))
        read_until(raw, b"\r\n\r\n")
    backend.wait_for("the end 1006")
    assert ast.literal_eval(site.get("/ends").text) == [(3003, "done"), (1006, "")]


def handshake_for(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_a_silent_client_is_pinged_and_given_up(site: Site) -> None:
    program = site.backend("sockets_asgi", "--ws-ping-interval", "0.1", "--ws-ping-timeout", "0.2")
    with site.open() as raw:
        raw.sendall(handshake_for("/ends"))
        read_until(raw, b"\x89\x09swiftiply")
        program.wait_for("the end 1006")
        while raw.recv(65_536):
            pass
    with open_socket(site, "/echo") as client:
        asyncio.run(asyncio.sleep(0.5))  # longer than a client may be silent; this one answers
        client.send("still here")
        assert hear(client) == "still here"


def test_a_drain_lets_websockets_be_and_ends_them_with_1012(site: Site) -> None:
    program = site.backend("sockets_asgi", "--drain-timeout", "1")
    with open_socket(site, "/ends") as client, open_socket(site, "/echo") as other:
        program.signal(signal.SIGTERM)
        program.wait_for("draining")
        other.send("still served")
        assert hear(other) == "still served"
        assert code_of(end(client)) == 1012
        assert code_of(end(other)) == 1012
    assert program.wait() == 0
    assert "the end 1012" in program.output


def test_a_process_without_websockets_drains_at_once(site: Site) -> None:
    program = site.backend("sockets_asgi", "--drain-timeout", "60")
    with open_socket(site, "/echo") as client:
        client.send("x")
        hear(client)
    program.signal(signal.SIGTERM)
    assert program.wait() == 0


def test_a_process_that_dies_cuts_its_websockets(site: Site, backend: Program) -> None:
    with open_socket(site, "/echo") as client:
        backend.signal(signal.SIGKILL)
        closed = end(client)
        assert isinstance(closed, ConnectionClosedError) and closed.rcvd is None


# Slots.


def test_five_hundred_websockets_leave_two_slots_free_for_requests(site: Site) -> None:
    site.backend("sockets_asgi", "--concurrency", "2")

    async def main() -> None:
        options: dict[str, Any] = {"open_timeout": PATIENCE, "ping_interval": None}
        clients = await asyncio.gather(*(connect_async(url(site, "/echo"), **options) for _ in range(500)))
        for turn in range(3):
            answers = [asyncio.to_thread(site.get, "/") for _ in range(4)]
            for answer in await asyncio.gather(*answers):
                assert (answer.status, answer.text) == (200, "plain")
            await asyncio.gather(*(client.send(f"{turn} {n}") for n, client in enumerate(clients)))
            heard = await asyncio.gather(*(client.recv() for client in clients))
            assert heard == [f"{turn} {n}" for n in range(500)]
        await asyncio.gather(*(client.close() for client in clients))

    asyncio.run(main())


def test_beyond_its_tunnels_a_process_answers_503_without_asking_the_application(make_site: SiteMaker) -> None:
    site = make_site()
    program = site.backend("sockets_asgi", "--tunnels", "2")
    with ExitStack() as stack:
        first = stack.enter_context(open_socket(site, "/echo"))
        stack.enter_context(open_socket(site, "/echo"))
        refused = refusal(site, "/echo")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        program.wait_for("no more tunnels")
        assert refusal(site, "/deny").status_code == 503, "nobody was asked"
        assert site.get("/").text == "plain"
        first.close()
        with open_socket(site, "/echo") as again:
            again.send("x")
            assert hear(again) == "x"
