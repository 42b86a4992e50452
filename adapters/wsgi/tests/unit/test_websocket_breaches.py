"""What a client may not send (RFC 6455 section 5), and the code that it is told: Autobahn's cases in short."""

from __future__ import annotations

from typing import Any

import pytest

from play_websocket import Peer, listening, play, settle


def frame(first: int, payload: bytes = b"", *, length: bytes | None = None, masked: bool = True) -> bytes:
    """A frame whose first byte is this, whatever it says."""
    if length is None:
        n = len(payload)
        length = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big")
    mask = b"\x01\x02\x03\x04"
    if not masked:
        return bytes([first]) + length + payload
    body = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return bytes([first, length[0] | 0x80]) + length[1:] + mask + body


FIN, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 0x1, 0x2, 0x8, 0x9, 0xA

BREACHES = {
    # Reserved bits and opcodes.
    "RSV1 without an extension": (1002, frame(FIN | 0x40 | TEXT, b"x")),
    "RSV2": (1002, frame(FIN | 0x20 | TEXT, b"x")),
    "RSV3": (1002, frame(FIN | 0x10 | BINARY, b"x")),
    "RSV on a ping": (1002, frame(FIN | 0x40 | PING)),
    "opcode 3": (1002, frame(FIN | 0x3)),
    "opcode 7": (1002, frame(FIN | 0x7, b"x")),
    "opcode 11": (1002, frame(FIN | 0xB)),
    "opcode 15": (1002, frame(FIN | 0xF, b"x")),
    # Masks and lengths.
    "no mask": (1002, frame(FIN | TEXT, b"x", masked=False)),
    "no mask on a ping": (1002, frame(FIN | PING, masked=False)),
    # Control frames.
    "a ping in fragments": (1002, frame(PING, b"x")),
    "a pong in fragments": (1002, frame(PONG, b"x")),
    "a close in fragments": (1002, frame(CLOSE, b"\x03\xe8")),
    "a ping of 126 bytes": (1002, frame(FIN | PING, bytes(126))),
    "a close of 126 bytes": (1002, frame(FIN | CLOSE, b"\x03\xe8" + b"x" * 124)),
    # Continuations.
    "nothing to continue": (1002, frame(FIN, b"x")),
    "nothing to continue, and no end": (1002, frame(0, b"x")),
    "a message within a message": (1002, frame(TEXT, b"a") + frame(FIN | TEXT, b"b")),
    "bytes within text": (1002, frame(TEXT, b"a") + frame(BINARY, b"b")),
    # UTF-8.
    "no UTF-8": (1007, frame(FIN | TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited")),
    "UTF-8 that is cut": (1007, frame(FIN | TEXT, b"\xc3")),
    "UTF-8 that is overlong": (1007, frame(FIN | TEXT, b"\xc0\xaf")),
    "a character beyond Unicode": (1007, frame(FIN | TEXT, b"\xf4\x90\x80\x80")),
    "no UTF-8 at the end of fragments": (1007, frame(TEXT, b"\xc3") + frame(FIN, b"x")),
    "no UTF-8 at the beginning of fragments": (1007, frame(TEXT, b"\xff")),
    # The closing handshake.
    "a close of one byte": (1002, frame(FIN | CLOSE, b"\x03")),
    "a close with code 0": (1002, frame(FIN | CLOSE, b"\x00\x00")),
    "a close with code 999": (1002, frame(FIN | CLOSE, b"\x03\xe7")),
    "a close with code 1004": (1002, frame(FIN | CLOSE, b"\x03\xec")),
    "a close with code 1005": (1002, frame(FIN | CLOSE, b"\x03\xed")),
    "a close with code 1006": (1002, frame(FIN | CLOSE, b"\x03\xee")),
    "a close with code 2999": (1002, frame(FIN | CLOSE, b"\x0b\xb7")),
    "a close with code 5000": (1002, frame(FIN | CLOSE, b"\x13\x88")),
    "a close whose reason is no UTF-8": (1007, frame(FIN | CLOSE, b"\x03\xe8\xff")),
    # Sizes.
    "a message that is too long": (1009, frame(FIN | BINARY, length=b"\x7f" + (1001).to_bytes(8, "big"))),
    "fragments that are too long": (1009, frame(BINARY, bytes(600)) + frame(0, length=b"\x7e\x02\x58")),
}


def run(data: bytes, **settings: Any) -> tuple[Peer, list[Any]]:
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        await peer.raw(data)
        peer.hear()
        await peer.send()

    return play(listening(seen), scene, **settings), seen


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_closes_with_its_code(case: str) -> None:
    code, data = BREACHES[case]
    peer, seen = run(data, max_size=1000)
    close = peer.close_frame()
    assert close is not None and close[0] == code
    assert (seen[-1]["type"], seen[-1]["code"]) == ("websocket.disconnect", code)
    assert len(seen) == 2, "nothing of it reaches the application"
    assert peer.reply.is_done and peer.reply.aborted is None


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_a_byte_at_a_time_is_the_same(case: str) -> None:
    code, data = BREACHES[case]
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        for n in range(len(data)):
            peer.request.pieces.append(data[n : n + 1])
            peer.socket.readable()
        await settle()

    play(listening(seen), scene, max_size=1000)
    assert [message.get("code") for message in seen] == [None, code]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_code_that_is_allowed_is_answered_with_itself(code: int) -> None:
    peer, seen = run(frame(FIN | CLOSE, code.to_bytes(2, "big") + "grüße".encode()))
    assert seen[-1] == {"type": "websocket.disconnect", "code": code, "reason": "grüße"}
    assert peer.close_frame() == (code, "grüße")


@pytest.mark.parametrize("text", ["", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536, "\x00\x7f", "\U0010ffff\ufffe"])
def test_text_of_any_length_and_kind_arrives(text: str) -> None:
    payload = text.encode()
    n = len(payload)
    length = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65_536 else b"\x7f" + n.to_bytes(8, "big")
    _, seen = run(frame(FIN | TEXT, payload, length=length) + frame(FIN | CLOSE))
    assert seen[1] == {"type": "websocket.receive", "text": text}


def test_what_follows_a_breach_is_not_looked_at() -> None:
    _, seen = run(frame(FIN | TEXT, b"\xff") + frame(FIN | TEXT, b"late") + frame(FIN | CLOSE, b"\x03\xe8"))
    assert [message.get("code") for message in seen] == [None, 1007]


def test_what_came_before_a_breach_reaches_the_application() -> None:
    _, seen = run(frame(FIN | TEXT, b"in time") + frame(FIN | 0x3))
    assert seen[1] == {"type": "websocket.receive", "text": "in time"}
    assert seen[2]["code"] == 1002


def test_what_follows_a_close_is_not_looked_at() -> None:
    _, seen = run(frame(FIN | CLOSE, b"\x03\xe8") + frame(FIN | TEXT, b"late"))
    assert [message.get("code") for message in seen] == [None, 1000]


def test_pings_and_pongs_nobody_asked_for_are_fine() -> None:
    peer, seen = run(frame(FIN | PONG, b"unasked") + frame(FIN | PING, b"x" * 125) + frame(FIN | CLOSE))
    assert seen[-1]["code"] == 1005
    assert any(bytes(frame.data) == b"x" * 125 for frame in peer.hear())


def test_a_bomb_of_compression_is_too_long() -> None:
    import zlib

    packer = zlib.compressobj(wbits=-12)
    packed = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    headers = [(b"Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits")]
    seen: list[Any] = []

    async def scene(peer: Peer) -> None:
        await peer.raw(frame(FIN | 0x40 | BINARY, packed))

    play(listening(seen), scene, headers=headers, deflate=True, max_size=100_000)
    assert seen[-1]["code"] == 1009
