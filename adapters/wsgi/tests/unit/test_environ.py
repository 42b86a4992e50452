"""A request's head becomes PEP 3333's environ."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Head
from swiftiply.errors import MountError
from swiftiply.wsgi.environ import base_environ, build


def environ(mount: str = "", **head: Any) -> dict[str, Any]:
    return build(Head(**head), base_environ(threads=4, processes=1, mount=mount))


def test_every_required_key_is_there_and_text_is_native() -> None:
    result = environ(path=b"/a", query=b"x=1")
    assert type(result) is dict
    assert result["REQUEST_METHOD"] == "GET"
    assert result["SCRIPT_NAME"] == ""
    assert result["PATH_INFO"] == "/a"
    assert result["QUERY_STRING"] == "x=1"
    assert result["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert result["SERVER_SOFTWARE"].startswith("swiftiply/")
    assert result["wsgi.version"] == (1, 0)
    assert result["wsgi.url_scheme"] == "http"
    assert result["wsgi.run_once"] is False
    assert result["wsgi.input_terminated"] is True
    assert all(type(value) is str for key, value in result.items() if "." not in key)


@pytest.mark.parametrize(("threads", "processes", "expected"), [(1, 1, (False, False)), (2, 3, (True, True))])
def test_multithread_and_multiprocess_tell_the_truth(threads: int, processes: int, expected: Any) -> None:
    base = base_environ(threads=threads, processes=processes)
    assert (base["wsgi.multithread"], base["wsgi.multiprocess"]) == expected


def test_the_path_is_decoded_to_bytes_shown_as_latin_1() -> None:
    assert environ(path=b"/%C3%A9%2Fb%20c")["PATH_INFO"] == "/Ã©/b c"
    assert environ(path=b"/caf\xe9")["PATH_INFO"] == "/caf\xe9"


@pytest.mark.parametrize("path", [b"/100%", b"/%zz", b"/%4"])
def test_a_percent_sign_that_encodes_nothing_stays(path: bytes) -> None:
    assert environ(path=path)["PATH_INFO"] == path.decode()


def test_the_target_as_it_was_sent_is_kept_beside_it() -> None:
    result = environ(path=b"/a%2Fb", query=b"q=%20")
    assert result["REQUEST_URI"] == result["RAW_URI"] == "/a%2Fb?q=%20"
    assert environ(path=b"/a", query=b"")["RAW_URI"] == "/a?"
    assert environ(path=b"/a")["RAW_URI"] == "/a"


def test_options_asterisk_has_an_empty_path() -> None:
    result = environ(method="OPTIONS", path=b"*")
    assert (result["PATH_INFO"], result["RAW_URI"]) == ("", "*")


def test_a_mount_is_split_off_the_path() -> None:
    result = environ(mount="/shop", path=b"/shop/cart", query=b"a=1")
    assert (result["SCRIPT_NAME"], result["PATH_INFO"]) == ("/shop", "/cart")
    assert result["RAW_URI"] == "/shop/cart?a=1"
    assert environ(mount="/shop", path=b"/shop")["PATH_INFO"] == ""


@pytest.mark.parametrize("path", [b"/", b"/shopping", b"/other/shop"])
def test_a_path_outside_the_mount_is_an_error_and_not_a_guess(path: bytes) -> None:
    with pytest.raises(MountError, match="/shop"):
        environ(mount="/shop", path=path)


@pytest.mark.parametrize(
    ("authority", "scheme", "expected"),
    [
        (b"example.com", "http", ("example.com", "80")),
        (b"example.com", "https", ("example.com", "443")),
        (b"example.com:8443", "https", ("example.com", "8443")),
        (b"[::1]", "http", ("[::1]", "80")),
        (b"[::1]:9000", "http", ("[::1]", "9000")),
        (b"", "http", ("127.0.0.1", "8080")),
    ],
)
def test_the_server_is_what_the_client_addressed(authority: bytes, scheme: str, expected: Any) -> None:
    result = environ(authority=authority, scheme=scheme)
    assert (result["SERVER_NAME"], result["SERVER_PORT"]) == expected


def test_a_nameless_request_over_a_unix_socket_still_has_a_server() -> None:
    result = environ(authority=b"", local=None, peer=None, version="HTTP/1.0")
    assert (result["SERVER_NAME"], result["SERVER_PORT"]) == ("localhost", "80")
    assert result["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in result
    assert "HTTP_HOST" not in result


def test_the_client_is_the_one_that_the_proxy_saw() -> None:
    result = environ(peer=("2001:db8::1", 4711), headers=[(b"X-Forwarded-For", b"198.51.100.1")])
    assert (result["REMOTE_ADDR"], result["REMOTE_PORT"]) == ("2001:db8::1", "4711")


def test_headers_become_variables_in_any_spelling() -> None:
    result = environ(headers=[(b"X-Thing", b"\xe4"), (b"accept", b"*/*"), (b"Content-Type", b"text/plain")])
    assert result["HTTP_X_THING"] == "\xe4"
    assert result["HTTP_ACCEPT"] == "*/*"
    assert result["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_CONTENT_TYPE" not in result


def test_repeated_headers_are_joined_and_cookies_with_their_own_separator() -> None:
    headers = [(b"Accept", b"a"), (b"Cookie", b"x=1"), (b"accept", b"b"), (b"cookie", b"y=2")]
    result = environ(headers=headers)
    assert result["HTTP_ACCEPT"] == "a,b"
    assert result["HTTP_COOKIE"] == "x=1; y=2"


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"Proxy", b"Content_Length"])
def test_a_header_that_would_pass_for_another_variable_is_left_out(name: bytes) -> None:
    result = environ(headers=[(name, b"evil")])
    assert "evil" not in result.values()


def test_the_length_is_the_proxys_reading_and_absent_without_one() -> None:
    assert "CONTENT_LENGTH" not in environ()
    assert "CONTENT_TYPE" not in environ()
    assert environ(content_length=0)["CONTENT_LENGTH"] == "0"
    result = environ(content_length=12, headers=[(b"Content-Length", b"12")])
    assert result["CONTENT_LENGTH"] == "12"
    assert "HTTP_CONTENT_LENGTH" not in result


def test_the_host_is_given_once_whether_or_not_it_travels_as_a_header() -> None:
    for headers in ([], [(b"Host", b"example.com")]):
        assert environ(headers=headers)["HTTP_HOST"] == "example.com"


def test_each_request_has_a_dict_of_its_own() -> None:
    base = base_environ(threads=1, processes=1)
    first = build(Head(), base)
    first["app.key"] = 1
    assert "app.key" not in build(Head(), base)
    assert "REQUEST_METHOD" not in base
