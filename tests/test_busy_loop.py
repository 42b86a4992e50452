"""An app that keeps its event loop busy is slow, not dead: nobody gives it up, and nothing that it has is run elsewhere."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.adapters import ADAPTERS

#: Three ping intervals: a backend that is silent for two is given up.
BUSY_MS = 6_000


@pytest.mark.parametrize("adapter", [adapter for adapter in ADAPTERS if adapter.is_loop], ids=str)
def test_a_blocked_event_loop_is_not_taken_for_dead(site, adapter):
    site.top["ping_interval"] = 2
    app = site.serve(adapter, slots=10)
    with ThreadPoolExecutor(8) as clients:
        busy = clients.submit(site.request, "POST", f"/block?ms={BUSY_MS}")
        app.wait_for("^slow$")
        behind = [clients.submit(site.request, method, f"/count?id={method}-{n}&ms=1") for method in ("GET", "POST") for n in range(3)]
        assert (busy.result().status, busy.result().text) == (200, "hello")
        assert [one.result().status for one in behind] == [200] * 6
    assert sorted(site.counts("begun")) == sorted(site.counts("ended"))
    assert len(set(site.counts("begun"))) == len(site.counts("begun")) == 6
    assert not site.proxy.said("died|silent|was lost"), site.proxy.output()
    assert len(app.said("^slow$")) == 1
