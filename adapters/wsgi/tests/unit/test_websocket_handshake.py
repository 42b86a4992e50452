"""The opening handshake: who gets a WebSocket, and what everybody else is answered."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Head, Request
from play_websocket import ACCEPT, HANDSHAKE, KEY, Peer, answering_close, echo, play
from swiftiply.asgi.handshake import BadHandshake, Handshake, wants_websocket
from swiftiply.errors import ReplyError, ReplyHeadError
from swiftiply.settings import WebSocketSettings


def fields(*changes: tuple[bytes, bytes | None]) -> list[tuple[bytes, bytes]]:
    """The headers of a good handshake, in lower case, with these instead of those."""
    headers = {name.lower(): value for name, value in HANDSHAKE}
    for name, value in changes:
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    return list(headers.items())


@pytest.mark.parametrize("value", [b"websocket", b"WebSocket", b"h2c, websocket"])
def test_a_get_that_offers_a_websocket_is_one(value: bytes) -> None:
    assert wants_websocket("GET", [(b"upgrade", value)])


def test_whoever_offers_something_else_is_served_as_plain_http() -> None:
    assert not wants_websocket("POST", [(b"upgrade", b"websocket")])
    assert not wants_websocket("GET", [(b"upgrade", b"TLS/1.0")])
    assert not wants_websocket("GET", [])


def test_the_answer_proves_that_the_key_was_read() -> None:
    # The example of RFC 6455 section 1.3.
    answer = Handshake(fields()).answer(None, None, [])
    assert answer == [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (426, b"sec-websocket-version", None),
        (426, b"sec-websocket-version", b"8"),
        (426, b"sec-websocket-version", b"13, 8"),
        (400, b"sec-websocket-key", None),
        (400, b"sec-websocket-key", b""),
        (400, b"sec-websocket-key", b"c2hvcnQ="),
        (400, b"sec-websocket-key", b"no base64 at all, no"),
        (400, b"sec-websocket-key", KEY + b"AAAA"),
    ],
)
def test_a_handshake_that_is_none_is_answered_without_the_application(
    status: int, name: bytes, value: bytes | None
) -> None:
    request = Request(Head(headers=fields((name, value))))
    _, socket = Peer(request, WebSocketSettings()).begin()
    assert (socket, request.reply.status, request.tunnels) == (None, status, 1)
    if status == 426:
        assert request.reply.header("Sec-WebSocket-Version") == ["13"]


def test_a_key_that_comes_twice_is_none() -> None:
    with pytest.raises(BadHandshake):
        Handshake([*fields(), (b"sec-websocket-key", KEY)])


def test_without_a_tunnel_the_answer_is_503_and_the_application_never_hears_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = Request(Head(headers=HANDSHAKE), tunnels=0)
    _, socket = Peer(request, WebSocketSettings()).begin()
    assert (socket, request.reply.status) == (None, 503)
    assert request.reply.header("Retry-After") == ["5"]
    assert "--tunnels" in caplog.text


def test_the_scope_is_one_of_a_websocket() -> None:
    offers = (b"Sec-WebSocket-Protocol", b"chat, superchat"), (b"sec-websocket-protocol", b"third")
    head = Head(headers=[*HANDSHAKE, *offers], path=b"/a%20b", query=b"c=d", scheme="https")
    scope, _ = Peer(Request(head), WebSocketSettings()).begin(state={"db": 1})
    assert "method" not in scope
    expected = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"c=d",
        "root_path": "",
        "client": ("192.0.2.7", 50123),
        "server": ("127.0.0.1", 8080),
        "subprotocols": ["chat", "superchat", "third"],
        "extensions": {"websocket.http.response": {}},
        "state": {"db": 1},
    }
    headers = scope.pop("headers")
    assert scope == expected
    assert headers[0] == (b"host", b"example.com") and (b"upgrade", b"websocket") in headers
    assert Peer(Request(Head(headers=HANDSHAKE)), WebSocketSettings()).begin()[0]["scheme"] == "ws"


async def accepting(receive: Any, send: Any, **accept: Any) -> None:
    await receive()
    await send({**ACCEPT, **accept})


def test_accepting_answers_the_handshake_at_once_with_the_applications_own_headers() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        headers = ((name, value) for name, value in [(b"x-a", b"1"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")])
        await accepting(receive, send, subprotocol="chat", headers=headers)

    reply = play(app, answering_close).reply
    assert reply.status == 101 and reply.calls[:2] == ["start", "flush"]
    assert reply.header("Upgrade") == ["websocket"]
    assert reply.header("Sec-WebSocket-Protocol") == ["chat"]
    assert (reply.header("X-A"), reply.header("Set-Cookie")) == (["1"], ["a=b", "c=d"])


@pytest.mark.parametrize("name", [b"Sec-WebSocket-Accept", b"sec-websocket-extensions", b"sec-websocket-protocol"])
def test_what_the_handshake_says_itself_the_application_cannot_say(name: bytes) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(ReplyHeadError):
            await accepting(receive, send, subprotocol="chat", headers=[(name, b"x")])
        await send({"type": "websocket.close"})

    assert play(app).reply.status == 403


def test_a_subprotocol_may_come_as_a_header_where_there_is_no_other() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await accepting(receive, send, headers=[(b"sec-websocket-protocol", b"chat")])

    assert play(app, answering_close).reply.header("Sec-WebSocket-Protocol") == ["chat"]


def test_closing_before_accepting_is_a_403() -> None:
    seen: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000})
        seen.append(await receive())
        with pytest.raises(ReplyError):
            await send(ACCEPT)

    reply = play(app).reply
    assert (reply.status, reply.body, reply.calls) == (403, b"", ["send", "flush"])
    assert seen == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_a_denial_is_the_reply_that_the_application_gives() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "websocket.http.response" in scope["extensions"]
        await receive()
        headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Basic")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"are you?"})
        seen.append(await receive())

    reply = play(app).reply
    assert (reply.status, reply.body, reply.is_done) == (401, b"who are you?", True)
    assert reply.header("WWW-Authenticate") == ["Basic"]
    assert seen[0]["type"] == "websocket.disconnect"


def test_a_denial_without_an_end_is_cut_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})

    reply = play(app).reply
    assert (reply.status, reply.aborted is not None) == (401, True)
    assert "did not end its reply" in caplog.text


def test_nothing_of_a_websocket_follows_a_denial() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401})
        for kind in ("websocket.accept", "websocket.close", "websocket.send"):
            with pytest.raises(ReplyError):
                await send({"type": kind, "text": "x"})
        await send({"type": "websocket.http.response.body"})

    assert play(app).reply.status == 401


@pytest.mark.parametrize("message", [{"type": "websocket.send", "text": "x"}, {"type": "http.response.start"}])
def test_the_first_word_is_accept_or_close(message: dict[str, Any]) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with pytest.raises(ReplyError):
            await send(message)
        await send({"type": "websocket.close"})

    assert play(app).reply.status == 403


async def raising(_scope: Any, receive: Any, _send: Any) -> None:
    await receive()
    raise RuntimeError("in the handshake")


async def returning(_scope: Any, _receive: Any, _send: Any) -> None:
    pass


@pytest.mark.parametrize("app", [raising, returning])
def test_an_application_that_decides_nothing_is_a_500_and_logged(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert play(app).reply.status == 500
    assert "WebSocket /" in caplog.text


def test_a_client_that_leaves_in_the_handshake_is_told_to_the_application() -> None:
    seen: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        seen.append(await receive())
        with pytest.raises(OSError):
            await send(ACCEPT)

    async def scene(peer: Peer) -> None:
        peer.socket.disconnect()

    reply = play(app, scene).reply
    assert [message["type"] for message in seen] == ["websocket.connect", "websocket.disconnect"]
    assert (seen[1]["code"], reply.status) == (1006, 0)


def test_a_client_that_offers_compression_gets_it() -> None:
    offer = b"permessage-deflate; client_max_window_bits"
    headers = [(b"Sec-WebSocket-Extensions", offer)]
    (answer,) = play(echo, leaving, headers=headers, deflate=True).reply.header("Sec-WebSocket-Extensions")
    assert answer.startswith("permessage-deflate")
    assert play(echo, leaving, headers=headers).reply.header("Sec-WebSocket-Extensions") == []
    assert play(echo, leaving, deflate=True).reply.header("Sec-WebSocket-Extensions") == []
    nonsense = [(b"Sec-WebSocket-Extensions", b"=;=")]
    assert play(echo, leaving, headers=nonsense, deflate=True).reply.header("Sec-WebSocket-Extensions") == []


async def leaving(peer: Peer) -> None:
    await peer.close()
