"""The same app over four interfaces: what a client is promised does not depend on the language behind the proxy."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

from support.client import receive_all, receive_until, request_head


def test_a_page_is_answered_with_its_length(served):
    answer = served.get("/hello")
    assert (answer.status, answer.text, answer.headers["content-length"]) == (200, "hello", "5")
    assert answer.headers["content-type"] == "text/plain"
    assert "date" in answer.headers


def test_a_connection_is_kept_over_many_requests(served):
    with served.client() as client:
        assert len({client.get("/pid").text for _ in range(50)}) == 1
        assert client.request("POST", "/echo", b"a body").text == "a body"
        assert client.get("/hello").text == "hello"


def test_pipelined_requests_are_answered_in_order(served):
    with served.open() as client:
        three = [request_head("GET", "/slow?ms=50"), request_head("GET", "/pid"), request_head("GET", "/hello", "Connection: close")]
        client.sendall(b"".join(three))
        received = receive_all(client)
    assert received.count(b"HTTP/1.1 200") == 3
    bodies = [reply.partition(b"\r\n\r\n")[2] for reply in received.split(b"HTTP/1.1 200")[1:]]
    assert bodies[0] == b"hello" and str(served.backends[0]).encode() in bodies[1] and bodies[2] == b"hello"


def test_what_a_client_says_of_itself_is_not_believed(served):
    answer = served.get("/headers", **{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Own": "kept"})
    headers = json.loads(answer.body)
    assert headers["peer"] == "127.0.0.1"
    assert headers["x-own"] == "kept"
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")


def test_uploads_of_known_and_of_unknown_length_come_back_whole(served):
    for body in (b"", b"x", bytes(range(256)) * 2000):
        assert served.request("POST", "/echo", body).body == body
        assert served.request("POST", "/echo", (body[n : n + 70_000] for n in range(0, len(body), 70_000))).body == body


def test_a_streamed_reply_is_chunked_for_http_1_1_and_ends_the_connection_for_1_0(served):
    answer = served.get("/big?bytes=300000")
    assert answer.headers["transfer-encoding"] == "chunked"
    expected = (bytes(range(256)) * 1172)[:300_000]
    assert answer.body == expected
    with served.open() as client:
        client.sendall(b"GET /big?bytes=300000 HTTP/1.0\r\nHost: site.test\r\n\r\n")
        head, _, body = receive_all(client).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == expected


def test_head_204_and_304_have_no_body_whatever_the_app_gives(served):
    with served.open() as client:
        client.sendall(request_head("HEAD", "/hello"))
        head = receive_until(client, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"content-length: 5\r\n" in head.lower()
        for status in (204, 304):
            client.sendall(request_head("GET", f"/status?code={status}"))
            assert receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 %d" % status)
        # Had any of them had a body, this would not be the next thing to come.
        client.sendall(request_head("GET", "/hello", "Connection: close"))
        assert receive_all(client).startswith(b"HTTP/1.1 200")


def test_a_client_that_expects_100_gets_it_before_it_sends(served):
    with served.open() as client:
        client.sendall(request_head("POST", "/echo", "Content-Length: 6", "Expect: 100-continue", "Connection: close"))
        assert receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        client.sendall(b"a body")
        reply = receive_all(client)
    assert reply.startswith(b"HTTP/1.1 200") and b"a body" in reply


def test_an_app_that_wants_no_body_can_say_so_first(served):
    with served.open() as client:
        client.sendall(request_head("POST", "/refuse", "Content-Length: 600000", "Expect: 100-continue"))
        reply = receive_until(client, b"refused")
        if served.adapter.name == "node":
            # Node's http.Server says 100 by itself before the app has seen the request.
            reply = reply.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 413")


def test_early_hints_come_before_the_reply_and_only_to_http_1_1(served):
    with served.open() as client:
        client.sendall(request_head("GET", "/hints", "Connection: close"))
        hints, _, reply = receive_all(client).partition(b"\r\n\r\n")
    assert hints.startswith(b"HTTP/1.1 103") and b"</style.css>; rel=preload" in hints
    assert reply.startswith(b"HTTP/1.1 200") and reply.endswith(b"hello")
    with served.open() as client:
        client.sendall(b"GET /hints HTTP/1.0\r\nHost: site.test\r\n\r\n")
        assert b" 103 " not in receive_all(client)


def test_an_exception_is_a_500_and_the_process_lives_on(served):
    with served.client() as client:
        before = client.get("/pid").text
        mark = served.app.mark()
        answer = client.get("/raise")
        assert answer.status == 500
        assert "mistake" not in answer.text, "a production page tells nothing of the app"
        served.app.wait_for("the app's own mistake", since=mark)
        assert client.get("/pid").text == before


def test_an_exception_midway_is_visibly_cut_and_the_process_lives_on(served):
    before = served.get("/pid").text
    mark = served.app.mark()
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        served.get("/raise-midway")
    served.app.wait_for("the app's late mistake", since=mark)
    assert served.get("/pid").text == before


def test_the_app_learns_that_its_client_left(served):
    mark = served.app.mark()
    with served.open() as client:
        client.sendall(request_head("GET", "/disconnect"))
        receive_until(client, b"more ")
    served.app.wait_for("^left$", since=mark)


def test_a_cut_upload_never_passes_for_a_whole_one(served):
    piece = b"x" * 100_000
    for framing, sent in (("Content-Length: 400000", piece), ("Transfer-Encoding: chunked", b"186a0\r\n" + piece + b"\r\n")):
        mark = served.app.mark()
        with served.open() as client:
            client.sendall(request_head("POST", "/sink", framing) + sent)
            served.app.wait_for("^sink$", since=mark)
        served.app.wait_for("^cut$", since=mark)


def test_a_client_that_closed_only_its_sending_side_gets_its_reply(served):
    mark = served.app.mark()
    with served.open() as client:
        client.sendall(request_head("GET", "/slow?ms=300"))
        served.app.wait_for("^slow$", since=mark)
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client).endswith(b"hello")
    with served.open() as client:
        client.sendall(request_head("POST", "/echo", "Content-Length: 6") + b"a body")
        client.shutdown(socket.SHUT_WR)
        assert b"a body" in receive_all(client)


def test_one_process_runs_as_many_requests_at_once_as_it_has_slots(served):
    mark = served.app.mark()
    with ThreadPoolExecutor(5) as clients:
        asked = [clients.submit(served.get, "/slow?ms=500") for _ in range(5)]
        served.app.wait_for("^slow$", times=4, since=mark)
        begun_before_any_ended = len(served.app.said("^slow$", since=mark)) if not any(one.done() for one in asked) else 4
        assert begun_before_any_ended == 4
        assert [one.result().status for one in asked] == [200] * 5
    assert len(served.app.said("^slow$", since=mark)) == 5
