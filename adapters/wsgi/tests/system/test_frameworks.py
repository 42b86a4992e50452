"""Applications that were not written with Swiftiply in mind."""

from __future__ import annotations

import json
import signal

import pytest
from running import Answer, Site
from test_serving import until

BOUNDARY = "a-boundary"
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(field: str = "upload", size: int = 300_000) -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="f"\r\n\r\n'.encode()
        + b"x" * size
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


def cookie(answer: Answer, name: str) -> dict[str, str]:
    """The request header that gives a cookie of this answer back."""
    for value in answer.headers.get_all("set-cookie", []):
        if value.startswith(f"{name}="):
            return {"Cookie": value.split(";")[0]}
    raise AssertionError(f"no cookie {name!r} in {answer.headers}")


def test_flask(site: Site) -> None:
    backend = site.backend("flask_app:app", "-n", "2")
    first = site.get("/")
    assert json.loads(first.body)["visits"] == 1
    second = json.loads(site.request("GET", "/", headers=cookie(first, "session")).body)
    assert second == {"visits": 2, "client": "127.0.0.1", "url": f"http://127.0.0.1:{site.port}/"}
    assert site.request("POST", "/form", form(), FORM_TYPE).text == "Ada sent 300000 bytes"
    assert site.request("PUT", "/raw", iter([b"chunked"] * 1000)).text == "7000"
    assert site.get("/stream").text == "0\n1\n2\n"
    assert site.request("GET", "/file", headers={"Range": "bytes=2-4"}).body == b"234"
    assert site.get("/items/a%20b/c").text == "a b/c"
    assert site.get("/fail").status == 500
    backend.wait_for("RuntimeError: in a view")
    assert site.get("/nowhere").status == 404


def test_a_flask_factory(site: Site) -> None:
    site.backend("flask_app:create_app('with an argument')")
    assert site.get("/").text == "with an argument"


@pytest.mark.parametrize("target", ["django_app", "django_app:asgi"])
def test_django(site: Site, target: str) -> None:
    site.backend(target)
    first = site.get("/")
    seen = json.loads(first.body)
    assert (seen["answer"], seen["visits"], seen["scheme"]) == (42, 1, "http")
    assert json.loads(site.request("GET", "/", headers=cookie(first, "sessionid")).body)["visits"] == 2
    token = {**FORM_TYPE, **cookie(first, "csrftoken"), "X-CSRFToken": seen["token"]}
    assert site.request("POST", "/form", form(), token).text == "Ada sent 300000 bytes"
    assert site.request("POST", "/form", form(), FORM_TYPE).status == 403
    assert site.get("/stream").text == "0\n1\n2\n"
    assert site.get("/async?q=1").text == "async /async?q=1"
    assert site.get("/nowhere").status == 404


def test_fastapi(site: Site) -> None:
    backend = site.backend("fastapi_app:app")
    seen = json.loads(site.get("/").body)
    assert seen == {"database": "open", "client": "127.0.0.1", "url": f"http://127.0.0.1:{site.port}/"}
    made = site.request("POST", "/items", '{"name": "tea", "price": 2}', {"Content-Type": "application/json"})
    assert json.loads(made.body) == {"name": "TEA", "price": 4.0}
    assert site.request("POST", "/items", "{}", {"Content-Type": "application/json"}).status == 422
    assert json.loads(site.request("POST", "/upload", form("file"), FORM_TYPE).body) == {"size": 300_000}
    assert json.loads(site.get("/sync").body) == "from a thread"
    assert site.get("/fail").status == 500
    backend.wait_for("RuntimeError: in a view")


def test_fastapi_background_work_ends_before_the_process_does(site: Site) -> None:
    backend = site.backend("fastapi_app:app")
    assert json.loads(site.get("/background").body) == "answered"
    backend.signal(signal.SIGTERM)
    assert backend.wait() == 0
    assert backend.output.index("background done") < backend.output.index("lifespan closed")


def test_a_stream_of_events_stops_when_its_reader_leaves(site: Site) -> None:
    backend = site.backend("fastapi_app:app", "--drain-timeout", "10")
    with site.open() as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: site.test\r\n\r\n")
        assert b"data: 3" in until(client, b"data: 3")
    # The process has nothing left to wait for: were the stream still running, the drain would take its ten seconds.
    site.proxy.wait_for(r'"GET /events HTTP/1.1"')
    backend.signal(signal.SIGTERM)
    assert backend.wait() == 0
    assert "still running" not in backend.output
    assert "Traceback" not in backend.output
