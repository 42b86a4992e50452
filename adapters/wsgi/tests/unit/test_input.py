"""``wsgi.input`` is a file: whole sizes, lines, and ``b""`` for ever at its end."""

from __future__ import annotations

import io

import pytest

from fakes import post
from swiftiply.errors import ClientDisconnected
from swiftiply.wsgi.input import PIECE_BYTES, Input

TEXT = b"first line\nsecond\n\nlast without end"


def split(data: bytes, size: int) -> list[bytes | Exception | None]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def input_of(data: bytes = TEXT, size: int = 5) -> Input:
    return Input(post(*split(data, size)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_it_reads_like_a_file_whatever_the_pieces(size: int) -> None:
    for read in (
        lambda f: f.read(),
        lambda f: f.read(-1),
        lambda f: f.read(None),
        lambda f: [f.read(4), f.read(0), f.read(1000), f.read(1)],
        lambda f: [f.readline(), f.readline(3), f.readline(), f.readline(-1), f.readline(None), f.readline()],
        lambda f: [f.readline(0), f.readline(1), f.read(3), f.readline()],
        lambda f: f.readlines(),
        lambda f: [*f.readlines(12), f.read()],
        lambda f: f.readlines(None),
        lambda f: list(f),
        lambda f: [f.readline(), f.read()],
    ):
        assert read(input_of(size=size)) == read(io.BytesIO(TEXT))


def test_after_the_end_every_read_is_empty_for_ever() -> None:
    body = input_of(b"x")
    assert body.read() == b"x"
    for _ in range(3):
        assert (body.read(), body.read(5), body.readline(), body.readlines(), list(body)) == (
            b"",
            b"",
            b"",
            [],
            [],
        )


def test_without_a_body_nothing_is_waited_for() -> None:
    assert input_of(b"").read() == b""


def test_read1_gives_what_is_there() -> None:
    body = input_of(b"abcdefgh", size=3)
    assert [body.read1(), body.read1(2), body.read1(5), body.read1(), body.read1()] == [
        b"abc",
        b"de",
        b"f",
        b"gh",
        b"",
    ]


def test_a_large_read_asks_for_bounded_pieces() -> None:
    request = post(b"x" * (PIECE_BYTES * 2 + 1))
    assert len(Input(request).read(PIECE_BYTES * 3)) == PIECE_BYTES * 2 + 1
    assert max(request.reads) <= PIECE_BYTES


def test_an_upload_that_was_cut_is_an_exception_and_an_oserror() -> None:
    body = Input(post(b"half", ClientDisconnected("the client left"), content_length=8))
    with pytest.raises(OSError, match="client left"):
        body.read()
