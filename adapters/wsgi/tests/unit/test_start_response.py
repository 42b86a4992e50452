"""``start_response`` and ``write``, to the letter of PEP 3333."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from fakes import Reply
from swiftiply.wsgi.response import Response

PLAIN = [("Content-Type", "text/plain")]


def pair(method: str = "GET") -> tuple[Reply, Response]:
    reply = Reply(method)
    return reply, Response(reply, method)


def caught() -> Any:
    try:
        raise KeyError("the application's")
    except KeyError:
        return sys.exc_info()


def test_nothing_is_sent_by_start_response_itself() -> None:
    reply, response = pair()
    response.start_response("200 OK", PLAIN)
    assert reply.calls == []


def test_the_reason_is_kept() -> None:
    reply, response = pair()
    response.start_response("299 Fine By Me", [])
    response.whole([b"x"])
    assert (reply.status, reply.reason) == (299, "Fine By Me")


@pytest.mark.parametrize(
    "status",
    ["200", "OK", "20 OK", "2000 OK", "200OK", "199 Too Low", "600 Too High", "200 O\nK", "٢٠٠ OK", ""],
)
def test_a_status_that_is_no_status_raises_at_the_call(status: str) -> None:
    with pytest.raises(ValueError, match="status"):
        pair()[1].start_response(status, [])


@pytest.mark.parametrize("status", [200, b"200 OK", None])
def test_a_status_that_is_no_text_raises_at_the_call(status: Any) -> None:
    with pytest.raises(TypeError, match="status"):
        pair()[1].start_response(status, [])


@pytest.mark.parametrize(
    "headers",
    [
        (("A", "b"),),
        {"A": "b"},
        None,
        [["A", "b"]],
        [("A",)],
        [("A", "b", "c")],
        [("A", 1)],
        [("A", b"b")],
        [(b"A", "b")],
        [("A", None)],
    ],
)
def test_headers_of_wrong_types_raise_at_the_call(headers: Any) -> None:
    with pytest.raises(TypeError, match="header"):
        pair()[1].start_response("200 OK", headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "b\r\nSet-Cookie: x=1"),
        ("A", "b\nc"),
        ("A", "b\0c"),
        ("A", "\x7f"),
        ("A", "Ω"),
        ("A b", "c"),
        ("A:", "c"),
        ("", "c"),
        ("Ä", "c"),
        ("A\n", "c"),
        ("Content-Length", "ten"),
        ("Content-Length", "-1"),
        ("Content-Length", "+1"),
        ("Content-Length", "²"),
        ("Content-Length", ""),
    ],
)
def test_headers_that_cannot_be_sent_raise_at_the_call(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        pair()[1].start_response("200 OK", [(name, value)])


@pytest.mark.parametrize("name", ["Connection", "keep-alive", "Transfer-Encoding", "UPGRADE", "TE", "Trailer"])
def test_hop_by_hop_headers_raise_at_the_call_every_time(name: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="hop-by-hop"):
            pair()[1].start_response("200 OK", [(name, "x")])


def test_two_different_lengths_raise() -> None:
    with pytest.raises(ValueError, match="twice"):
        pair()[1].start_response("200 OK", [("Content-Length", "1"), ("content-length", "2")])


def test_latin_1_and_tabs_pass() -> None:
    reply, response = pair()
    response.start_response("200 Très Bien", [("X", "caf\xe9\tau lait"), ("X", "")])
    response.whole([b""])
    assert reply.headers == [("X", "caf\xe9\tau lait"), ("X", "")]


def test_the_applications_list_may_change_afterwards() -> None:
    reply, response = pair()
    headers = [("A", "1")]
    response.start_response("200 OK", headers)
    headers.clear()
    response.whole([b"x"])
    assert reply.headers == [("A", "1")]


def test_a_second_call_without_exc_info_raises() -> None:
    _, response = pair()
    response.start_response("200 OK", [])
    with pytest.raises(AssertionError, match="exc_info"):
        response.start_response("200 OK", [])


def test_with_exc_info_before_anything_was_sent_the_new_head_replaces_the_old() -> None:
    reply, response = pair()
    response.start_response("200 OK", [("A", "1"), ("Content-Length", "5")])
    response.block(b"")
    response.start_response("500 Oops", [("B", "2")], caught())
    response.whole([b"error page"])
    assert (reply.status, reply.headers, reply.body) == (500, [("B", "2")], b"error page")


def test_with_exc_info_after_something_was_sent_the_exception_is_raised_again() -> None:
    _, response = pair()
    response.start_response("200 OK", [])
    response.block(b"x")
    exc_info = caught()
    with pytest.raises(KeyError) as raised:
        response.start_response("500 Oops", [], exc_info)
    assert raised.value is exc_info[1]


def test_write_sends_before_it_returns_and_the_head_with_it() -> None:
    reply, response = pair()
    write = response.start_response("200 OK", PLAIN)
    write(b"one ")
    assert reply.calls == ["start", "write"]
    write(b"two ")
    response.whole([b"three"])
    response.finish()
    assert reply.body == b"one two three"
    assert reply.is_done


@pytest.mark.parametrize("data", ["text", bytearray(b"x"), memoryview(b"x"), None, 1])
def test_write_takes_bytes_only(data: Any) -> None:
    _, response = pair()
    write = response.start_response("200 OK", [])
    with pytest.raises(TypeError, match="bytes"):
        write(data)


def test_write_before_start_response_raises() -> None:
    with pytest.raises(AssertionError, match="start_response"):
        pair()[1].write(b"x")


def test_early_hints_go_ahead_of_the_reply() -> None:
    reply, response = pair()
    response.early_hints([("Link", "</a.css>; rel=preload")])
    response.start_response("200 OK", [])
    response.whole([b"x"])
    assert reply.calls == ["inform", "send"]
    assert reply.informed == [(103, [("Link", "</a.css>; rel=preload")])]
    with pytest.raises(AssertionError, match="early_hints"):
        response.early_hints([])
