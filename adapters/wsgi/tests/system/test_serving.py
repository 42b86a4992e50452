"""Requests through the real proxy to a WSGI and to an ASGI process: both interfaces, the same promises."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from http.client import IncompleteRead
from typing import Any

import pytest
from running import Site

WSGI, ASGI = "plain_wsgi:app", "plain_asgi:app"

both = pytest.mark.parametrize("target", [WSGI, ASGI])


@both
def test_a_small_request_is_answered(site: Site, target: str) -> None:
    site.backend(target)
    answer = site.get("/hello")
    assert (answer.status, answer.reason, answer.text) == (200, "OK", "hello")
    assert answer.headers["content-length"] == "5"
    assert answer.headers["content-type"].startswith("text/plain")


@both
def test_head_has_the_headers_and_no_body(site: Site, target: str) -> None:
    site.backend(target)
    answer = site.request("HEAD", "/hello")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "5", b"")


@both
def test_uploads_of_known_and_unknown_length_arrive_whole(site: Site, target: str) -> None:
    site.backend(target)
    for body in (b"", b"x", b"abc" * 100_000):
        assert site.request("POST", "/echo", body).body == body
        chunks = iter([body[:1], body[1:]]) if len(body) > 1 else iter([body])
        assert site.request("POST", "/echo", (chunk for chunk in chunks if chunk)).body == body


@both
def test_a_large_upload_streams_through(site: Site, target: str) -> None:
    site.backend(target)
    block = bytes(range(256)) * 4096
    expected = hashlib.sha256()
    for _ in range(32):
        expected.update(block)

    def upload() -> Iterator[bytes]:
        for _ in range(32):
            yield block

    assert site.request("POST", "/digest", upload()).text == f"{32 << 20} {expected.hexdigest()}"


@both
def test_a_large_download_streams_through(site: Site, target: str) -> None:
    site.backend(target)
    answer = site.get("/stream?32")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(bytes(range(256)) * 4096 * 32).digest()


def test_a_whole_reply_larger_than_the_window_arrives_whole(site: Site) -> None:
    site.backend(ASGI)
    assert site.get("/large").body == bytes(range(256)) * 8192


@both
def test_both_directions_stream_at_the_same_time(site: Site, target: str) -> None:
    site.backend(target)
    with site.open() as client:
        # The proxy collects a small body before it takes a slot for it; this header says that it must not wait.
        expect = b"Expect: 100-continue\r\n"
        client.sendall(b"POST /turns HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n%s\r\n" % expect)
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        for word in (b"one\n", b"two\n", b"three\n"):
            client.sendall(b"%x\r\n%s\r\n" % (len(word), word))
            assert word.upper() in until(client, word.upper())
        client.sendall(b"0\r\n\r\n")
        assert until(client, b"0\r\n\r\n").endswith(b"0\r\n\r\n")


@both
def test_a_body_is_asked_for_only_when_the_application_reads(site: Site, target: str) -> None:
    site.backend(target)
    with site.open() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.sendall(b"body")
        assert until(client, b"body").startswith(b"HTTP/1.1 200 ")


@both
def test_early_hints_come_before_the_reply(site: Site, target: str) -> None:
    site.backend(target)
    with site.open() as client:
        client.sendall(b"GET /hints HTTP/1.1\r\nHost: site.test\r\n\r\n")
        seen = until(client, b"hinted")
    assert seen.startswith(b"HTTP/1.1 103 ")
    assert b"</style.css>; rel=preload" in seen.split(b"\r\n\r\n")[0]
    assert b"HTTP/1.1 200 " in seen


def test_trailers_reach_a_client_that_takes_them(site: Site) -> None:
    site.backend(ASGI)
    with site.open() as client:
        client.sendall(b"GET /trailers HTTP/1.1\r\nHost: site.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
        assert until(client, b"x-sum: 7\r\n\r\n").endswith(b"\r\nsummed\r\n0\r\nx-sum: 7\r\n\r\n")
    assert site.get("/trailers").text == "summed"


@both
def test_an_exception_is_a_500_with_its_traceback_in_the_log_and_the_process_lives_on(site: Site, target: str) -> None:
    backend = site.backend(target)
    assert site.get("/fail").status == 500
    backend.wait_for("the application's own mistake")
    assert site.get("/hello").text == "hello"
    assert "Traceback" in backend.output


@both
def test_an_exception_in_the_middle_cuts_the_reply_visibly(site: Site, target: str) -> None:
    backend = site.backend(target)
    with pytest.raises((IncompleteRead, ConnectionError)):
        site.get("/fail_later")
    backend.wait_for("the application's late mistake")
    assert site.get("/hello").text == "hello"


def test_a_reply_shorter_than_its_length_is_cut_and_logged(site: Site) -> None:
    backend = site.backend(WSGI)
    with pytest.raises((IncompleteRead, ConnectionError)):
        site.get("/short")
    backend.wait_for("Content-Length is 10")


def test_sys_exit_in_an_application_is_a_500(site: Site) -> None:
    site.backend(WSGI)
    assert site.get("/leave").status == 500
    assert site.get("/hello").text == "hello"


def test_a_generator_is_closed_when_its_client_leaves(site: Site) -> None:
    backend = site.backend(WSGI)
    start_and_leave(site, "/endless")
    backend.wait_for("generator closed")
    assert site.get("/hello").text == "hello"
    assert "Traceback" not in backend.output


def test_send_raises_an_oserror_when_the_client_has_left(site: Site) -> None:
    backend = site.backend(ASGI)
    start_and_leave(site, "/endless")
    backend.wait_for("send raised ClientDisconnected")
    assert site.get("/hello").text == "hello"
    assert "Traceback" not in backend.output


def test_receive_tells_that_the_client_has_left(site: Site) -> None:
    backend = site.backend(ASGI)
    start_and_leave(site, "/wait")
    backend.wait_for("received http.disconnect")


@both
def test_an_upload_that_is_cut_never_looks_whole(site: Site, target: str) -> None:
    site.backend(target)
    with site.open() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100\r\n\r\nhalf")
        client.shutdown(socket.SHUT_WR)
        assert b" 200 " not in until(client, b"the end")
    assert site.get("/hello").text == "hello"


def test_the_client_is_the_one_that_the_proxy_saw(site: Site) -> None:
    site.backend(WSGI)
    environ: dict[str, Any] = eval(site.get("/report?a=%20b", X_Forwarded_For="1.2.3.4").text)
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_HOST"] == f"127.0.0.1:{site.port}"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(site.port))
    assert environ["RAW_URI"] == "/report?a=%20b"
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is False


def test_the_standard_librarys_validator_finds_nothing(site: Site) -> None:
    backend = site.backend("plain_wsgi:validated")
    for method in ("GET", "HEAD", "POST"):
        assert site.request(method, "/any?x=1", b"body" if method == "POST" else None).status == 200
    assert "Traceback" not in backend.output


def start_and_leave(site: Site, path: str) -> None:
    """Begin to read a reply and hang up."""
    with site.open() as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: site.test\r\n\r\n".encode())
        assert client.recv(100)


def until(client: socket.socket, end: bytes) -> bytes:
    """What comes up to these bytes, or up to the end of the connection."""
    seen = b""
    while end not in seen:
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        seen += piece
    return seen
