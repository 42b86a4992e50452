"""A request's head becomes an ASGI scope."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Head
from swiftiply.asgi.scope import base_scope, build
from swiftiply.errors import MountError


def scope(mount: str = "", **head: Any) -> dict[str, Any]:
    return build(Head(**head), base_scope(mount=mount))


def test_every_required_key_is_there() -> None:
    result = scope(method="PUT", path=b"/a", query=b"x=1")
    assert result["type"] == "http"
    assert result["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert result["http_version"] == "1.1"
    assert result["method"] == "PUT"
    assert result["scheme"] == "http"
    assert result["path"] == "/a"
    assert result["raw_path"] == b"/a"
    assert result["query_string"] == b"x=1"
    assert result["root_path"] == ""
    assert result["client"] == ("192.0.2.7", 50123)
    assert result["server"] == ("127.0.0.1", 8080)


def test_the_path_is_text_and_the_raw_path_the_bytes_that_came() -> None:
    result = scope(path=b"/caf%C3%A9%2Fx%FF")
    assert result["path"] == "/café/x\ufffd"
    assert result["raw_path"] == b"/caf%C3%A9%2Fx%FF"
    assert result["query_string"] == b""


def test_header_names_are_lower_case_and_order_and_duplicates_stay() -> None:
    headers = [(b"B", b"2"), (b"Cookie", b"x=1"), (b"a", b"\xff"), (b"cookie", b"y=2")]
    assert scope(headers=headers)["headers"] == [
        (b"host", b"example.com"),
        (b"b", b"2"),
        (b"cookie", b"x=1"),
        (b"a", b"\xff"),
        (b"cookie", b"y=2"),
    ]


def test_host_and_length_appear_once_whether_or_not_they_travel_as_headers() -> None:
    expected = [(b"host", b"example.com"), (b"content-length", b"3")]
    assert scope(content_length=3)["headers"] == expected
    headers = [(b"Content-Length", b"3"), (b"Host", b"example.com")]
    assert scope(content_length=3, headers=headers)["headers"] == expected
    assert scope(authority=b"", version="HTTP/1.0")["headers"] == []


def test_trailers_are_announced_to_who_takes_them() -> None:
    base = base_scope()
    assert "http.response.trailers" in build(Head(headers=[(b"TE", b"trailers")]), base)["extensions"]
    assert "http.response.trailers" not in build(Head(), base)["extensions"]


def test_the_path_includes_the_mount() -> None:
    result = scope(mount="/shop", path=b"/shop/cart")
    assert (result["root_path"], result["path"]) == ("/shop", "/shop/cart")
    with pytest.raises(MountError):
        scope(mount="/shop", path=b"/other")


def test_a_unix_socket_has_no_addresses() -> None:
    result = scope(peer=None, local=None)
    assert (result["client"], result["server"]) == (None, None)


def test_applications_may_write_into_their_scope() -> None:
    base = base_scope(state={"shared": 1})
    first = build(Head(), base)
    first["state"]["mine"] = first["extensions"]["mine"] = first["asgi"]["mine"] = first["mine"] = True
    second = build(Head(), base)
    assert second["state"] == {"shared": 1}
    assert "mine" not in {**second, **second["extensions"], **second["asgi"]}


def test_without_a_lifespan_there_is_no_state() -> None:
    assert "state" not in scope()
