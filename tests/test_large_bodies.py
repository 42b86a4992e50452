"""Bodies of 200 MB pass through proxy and app without either ever holding much of them."""

import hashlib

import pytest

from support.memory import MIB, peak_growth

BODY_BYTES = 200 * MIB
#: Buffers, windows and what a garbage collector lets lie. A body that is held anywhere is five times that.
GROWTH_MAX = 40 * MIB
PIECE = bytes(range(256)) * 4096


def upload():
    for _ in range(BODY_BYTES // len(PIECE)):
        yield PIECE


def digest_of_body() -> str:
    digest = hashlib.sha256()
    for piece in upload():
        digest.update(piece)
    return digest.hexdigest()


def warm(served):
    """What is allocated once, for the first body, is no growth."""
    served.request("POST", "/sink", PIECE)
    served.get(f"/big?bytes={len(PIECE)}")


def assert_flat(growths):
    for growth, name in zip(growths, ("the proxy", "the app"), strict=True):
        assert growth.bytes < GROWTH_MAX, f"{name} grew by {growth.bytes / MIB:.1f} MiB"


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_200_mb_upload_streams_through(served, framing):
    warm(served)
    headers = {"Content-Length": str(BODY_BYTES)} if framing == "length" else {}
    with peak_growth(served.proxy.pid, served.backends[0]) as growths:
        answer = served.request("POST", "/sink", upload(), headers)
    assert answer.text == f"{BODY_BYTES} {digest_of_body()}"
    assert_flat(growths)


def test_a_200_mb_download_streams_through(served):
    warm(served)
    digest, count = hashlib.sha256(), 0
    with peak_growth(served.proxy.pid, served.backends[0]) as growths, served.client() as client:
        response = client.send("GET", f"/big?bytes={BODY_BYTES}")
        while piece := response.read(MIB):
            digest.update(piece)
            count += len(piece)
    assert (count, digest.hexdigest()) == (BODY_BYTES, digest_of_body())
    assert_flat(growths)


def test_a_client_that_does_not_read_holds_up_the_app_and_fills_no_memory(served):
    warm(served)
    with peak_growth(served.proxy.pid, served.backends[0]) as growths, served.client() as client:
        response = client.send("GET", f"/big?bytes={BODY_BYTES}")
        assert response.read(MIB)
        # Others are served while this one stands still.
        assert [served.get("/hello").status for _ in range(200)] == [200] * 200
        rest = sum(len(piece) for piece in iter(lambda: response.read(MIB), b""))
    assert rest == BODY_BYTES - MIB
    assert_flat(growths)
