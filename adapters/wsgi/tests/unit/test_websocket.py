"""Messages both ways, the end from either side, and back-pressure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from play_websocket import ACCEPT, Frame, Opcode, Peer, answering_close, echo, listening, play, settle
from swiftiply.asgi.websocket import MESSAGES_MAX, UNSENT_MAX
from swiftiply.errors import ClientDisconnected, ReplyError


def opened(body: Any) -> Any:
    """An application that accepts and goes on with `body`."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await body(receive, send)

    return app


def test_text_and_bytes_go_both_ways() -> None:
    async def scene(peer: Peer) -> None:
        await peer.say("grüße", b"\x00\xff", "", b"")
        assert peer.heard() == ["grüße", b"\x00\xff", "", b""]
        await peer.close(1000, "done")

    peer = play(echo, scene)
    assert peer.close_frame() == (1000, "done")
    assert peer.reply.is_done and peer.reply.aborted is None


def test_a_message_has_the_one_key_of_its_kind() -> None:
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        await peer.say("a", b"b")
        await peer.close(4001, "because")

    play(listening(seen), scene)
    assert seen == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "a"},
        {"type": "websocket.receive", "bytes": b"b"},
        {"type": "websocket.disconnect", "code": 4001, "reason": "because"},
    ]


def test_fragments_are_one_message_and_control_frames_may_come_between() -> None:
    async def scene(peer: Peer) -> None:
        protocol = peer.protocol
        protocol.send_text(b"gr\xc3", fin=False)
        protocol.send_ping(b"now?")
        protocol.send_continuation(b"\xbc\xc3", fin=False)
        protocol.send_continuation(b"\x9fe", fin=True)
        protocol.send_binary(b"\x01", fin=False)
        protocol.send_continuation(b"", fin=False)
        protocol.send_continuation(b"\x02", fin=True)
        await peer.send()
        assert peer.heard() == ["grüße", b"\x01\x02"]
        assert Frame(Opcode.PONG, b"now?") in peer.hear()
        await peer.close()

    play(echo, scene)


def test_frames_may_come_a_byte_at_a_time() -> None:
    async def scene(peer: Peer) -> None:
        peer.protocol.send_text(b"slowly")
        for byte in b"".join(peer.protocol.data_to_send()):
            await peer.raw(bytes([byte]))
        assert peer.heard() == ["slowly"]
        await peer.close()

    play(echo, scene)


def test_a_none_beside_the_content_is_as_if_it_was_not_there() -> None:
    async def body(_receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "a", "bytes": None})
        await send({"type": "websocket.send", "text": None, "bytes": bytearray(b"b")})
        for wrong in ({}, {"text": None, "bytes": None}, {"text": "a", "bytes": b"b"}):
            with pytest.raises(ReplyError):
                await send({"type": "websocket.send", **wrong})

    assert play(opened(body), answering_close).heard() == ["a", b"b"]


# The end.


def test_a_close_without_a_code_is_1005() -> None:
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        await peer.close()

    peer = play(listening(seen), scene)
    assert seen[-1] == {"type": "websocket.disconnect", "code": 1005, "reason": ""}
    assert peer.close_frame() == (1005, "")


@pytest.mark.parametrize("error", [None, ClientDisconnected("gone")])
def test_a_client_that_vanishes_is_1006(error: Exception | None) -> None:
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        await peer.say("last")
        await peer.vanish(error)

    peer = play(listening(seen), scene)
    assert seen[1:] == [
        {"type": "websocket.receive", "text": "last"},
        {"type": "websocket.disconnect", "code": 1006, "reason": ""},
    ]
    assert peer.reply.is_done


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"code": 3001}, 3001, ""),
        ({"code": 1013, "reason": "later"}, 1013, "later"),
        ({"code": 1005}, 1005, ""),
        ({"reason": None}, 1000, ""),
        ({"reason": "ü" * 100}, 1000, "ü" * 61),
    ],
)
def test_the_application_closes_with_its_code_and_reason(message: dict[str, Any], code: int, reason: str) -> None:
    seen: list[Any] = []

    async def body(receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", **message})
        seen.append(await receive())

    peer = play(opened(body), answering_close)
    assert peer.close_frame() == (code, reason)
    assert (seen[0]["type"], seen[0]["code"]) == ("websocket.disconnect", code)
    assert peer.reply.is_done and peer.reply.aborted is None


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000])
def test_a_code_that_no_frame_may_have_is_the_applications_mistake(code: int) -> None:
    async def body(_receive: Any, send: Any) -> None:
        with pytest.raises(ReplyError, match=str(code)):
            await send({"type": "websocket.close", "code": code})

    assert play(opened(body), answering_close).close_frame() == (1000, "")


def test_after_its_own_close_the_application_can_say_nothing_more() -> None:
    async def body(receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})
        for message in ({"type": "websocket.send", "text": "x"}, {"type": "websocket.close"}, ACCEPT):
            with pytest.raises(ReplyError):
                await send(message)
        assert (await receive())["type"] == (await receive())["type"] == "websocket.disconnect"

    play(opened(body), answering_close)


def test_after_the_clients_close_sending_raises_an_oserror_that_nobody_logs(caplog: pytest.LogCaptureFixture) -> None:
    async def body(receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.disconnect"
        with pytest.raises(OSError):
            await send({"type": "websocket.close"})
        await send({"type": "websocket.send", "text": "x"})

    async def scene(peer: Peer) -> None:
        await peer.close(1001)

    play(opened(body), scene)
    assert caplog.text == ""


def test_an_exception_is_logged_and_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def body(_receive: Any, _send: Any) -> None:
        raise SystemExit("in a WebSocket")

    assert play(opened(body), answering_close).close_frame() == (1011, "")
    assert "WebSocket / raised" in caplog.text and "in a WebSocket" in caplog.text


def test_an_application_that_returns_closes_in_order() -> None:
    async def body(_receive: Any, _send: Any) -> None:
        pass

    peer = play(opened(body), answering_close)
    assert peer.close_frame() == (1000, "") and peer.reply.aborted is None


def test_what_the_client_says_while_it_is_closed_is_dropped() -> None:
    async def body(_receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})

    async def scene(peer: Peer) -> None:
        for _ in range(3 * MESSAGES_MAX):
            await peer.say("too late")
        assert not peer.reply.is_done
        await answering_close(peer)

    assert play(opened(body), scene).reply.is_done


def test_the_closing_handshake_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftiply.asgi.websocket.CLOSE_SECONDS", 0.01)

    async def body(_receive: Any, _send: Any) -> None:
        pass

    assert play(opened(body)).reply.is_done


def test_a_process_that_must_go_tells_the_client_to_come_again() -> None:
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        peer.socket.leave()
        await settle()
        await answering_close(peer)

    peer = play(listening(seen), scene)
    assert peer.close_frame() == (1012, "")
    assert seen[-1] == {"type": "websocket.disconnect", "code": 1012, "reason": ""}


def test_leaving_in_the_handshake_is_a_503() -> None:
    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        assert (await receive())["code"] == 1012

    async def scene(peer: Peer) -> None:
        peer.socket.leave()

    assert play(app, scene).reply.status == 503


# Back-pressure.


def test_nothing_is_read_for_an_application_that_does_not_listen() -> None:
    go_on = asyncio.Event()
    seen: list[Any] = []

    async def body(receive: Any, _send: Any) -> None:
        await go_on.wait()
        while (message := await receive())["type"] == "websocket.receive":
            seen.append(message["text"])

    async def scene(peer: Peer) -> None:
        for n in range(100):
            await peer.say(str(n))
        assert len(peer.request.pieces) == 100 - MESSAGES_MAX, "the rest is left to the link"
        await peer.close()
        go_on.set()
        await settle()

    play(opened(body), scene)
    assert seen == [str(n) for n in range(100)]


def test_large_messages_wait_one_at_a_time() -> None:
    listens = asyncio.Event()

    async def body(receive: Any, _send: Any) -> None:
        await listens.wait()
        for _ in range(3):
            assert len((await receive())["bytes"]) == 100_000

    async def scene(peer: Peer) -> None:
        for _ in range(3):
            await peer.say(bytes(100_000))
        left = [piece for piece in peer.request.pieces if isinstance(piece, bytes)]
        assert sum(map(len, left)) >= 200_000, "of the second nothing was taken"
        listens.set()
        await settle()
        await answering_close(peer)

    play(opened(body), scene)


def test_sending_waits_for_a_client_that_takes_nothing() -> None:
    sent: list[int] = []

    async def body(_receive: Any, send: Any) -> None:
        for n in range(10):
            await send({"type": "websocket.send", "bytes": bytes(UNSENT_MAX // 2)})
            sent.append(n)

    async def scene(peer: Peer) -> None:
        peer.reply.window = 0
        await peer.say("go")
        assert len(sent) == 1, "the second fills the buffer"
        peer.reply.window = 1 << 30
        peer.socket.writable()
        await settle()
        assert len(sent) == 10
        await answering_close(peer)

    peer = play(paused(body), scene)
    assert len(peer.heard()) == 10


def paused(body: Any) -> Any:
    """Goes on when the client says anything."""

    async def later(receive: Any, send: Any) -> None:
        await receive()
        await body(receive, send)

    return opened(later)


def test_several_tasks_may_send_at_once_and_no_message_is_torn() -> None:
    async def body(_receive: Any, send: Any) -> None:
        texts = [str(n) * 30_000 for n in range(8)]
        await asyncio.gather(*(send({"type": "websocket.send", "text": text}) for text in texts))

    async def scene(peer: Peer) -> None:
        peer.reply.window = 0
        await peer.say("go")
        for _ in range(400):
            peer.reply.window = 1000
            peer.socket.writable()
            await settle()
        await answering_close(peer)

    heard = play(paused(body), scene).heard()
    assert sorted(heard) == [str(n) * 30_000 for n in range(8)]


def test_a_sender_that_waits_learns_that_the_client_left() -> None:
    async def body(_receive: Any, send: Any) -> None:
        with pytest.raises(OSError):
            await send({"type": "websocket.send", "bytes": bytes(10 * UNSENT_MAX)})

    async def scene(peer: Peer) -> None:
        peer.reply.window = 0
        await peer.say("go")
        await peer.vanish(ClientDisconnected("gone"))

    play(paused(body), scene)


def test_pings_of_a_client_that_takes_no_pongs_do_not_pile_up() -> None:
    async def scene(peer: Peer) -> None:
        peer.reply.window = 0
        for _ in range(1000):
            peer.protocol.send_ping(bytes(125))
            await peer.send()
        assert peer.request.pieces, "what is beyond the buffer stays on the link"
        peer.reply.window = 1 << 30
        peer.socket.writable()
        assert not peer.request.pieces
        await peer.close()

    peer = play(echo, scene)
    assert sum(frame.opcode is Opcode.PONG for frame in peer.hear()) == 1000


# Keep-alive.


def test_a_client_that_answers_pings_stays() -> None:
    async def scene(peer: Peer) -> None:
        for n in range(1, 4):
            while sum(frame.opcode is Opcode.PING for frame in peer.hear()) < n:
                await asyncio.sleep(0.005)
            await peer.send()  # the pong
        await peer.close()

    peer = play(echo, scene, ping_interval=0.01, ping_timeout=5.0)
    assert peer.close_frame() == (1005, "")


def test_a_client_that_does_not_is_given_up_with_1006() -> None:
    seen: list[Any] = []
    peer = play(listening(seen), ping_interval=0.01, ping_timeout=0.02)
    assert seen[-1] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert peer.reply.is_done


def test_who_does_not_listen_cannot_say_that_nobody_speaks() -> None:
    listens = asyncio.Event()

    async def body(receive: Any, _send: Any) -> None:
        await listens.wait()
        for n in range(MESSAGES_MAX + 1):
            assert (await receive())["text"] == str(n)

    async def scene(peer: Peer) -> None:
        for n in range(MESSAGES_MAX + 1):
            await peer.say(str(n))
        await asyncio.sleep(0.1)  # several times as long as a client may be silent
        listens.set()
        await settle()
        await answering_close(peer)

    assert play(opened(body), scene, ping_interval=0.01, ping_timeout=0.02).close_frame() == (1000, "")
