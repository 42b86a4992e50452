"""The proxy's process is replaced under load (SIGUSR2): the apps' processes go over to the new one, and no request pays for it."""

import os
import signal
import time
from collections import Counter

import pytest

from support.adapters import ADAPTERS
from support.load import Load
from support.program import PATIENCE_S
from support.site import Site

UPGRADES = 2


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, top={"pidfile": tmp_path / "swiftiply.pid"})
    site.start_proxy()
    yield site
    site.close()


@pytest.fixture(params=ADAPTERS, ids=str)
def adapter(request):
    return request.param


def serving(site) -> int:
    """The process that the pid file names."""
    return int((site.folder / "swiftiply.pid").read_text())


def upgrade(site) -> None:
    """Returns when another process has taken over the pid file, and with it all else."""
    old = serving(site)
    os.kill(old, signal.SIGUSR2)
    deadline = time.monotonic() + PATIENCE_S
    while serving(site) == old:
        assert time.monotonic() < deadline, site.proxy.output()
        time.sleep(0.005)


def test_upgrades_under_load_are_without_an_error(site, adapter):
    app = site.serve(adapter, processes=2, slots=4)
    with Load(site.port) as load:
        for _ in range(UPGRADES):
            load.wait_for_more(100)
            upgrade(site)
            assert set(site.wait_for_backends(2, since=0)) == set(site.backends)
        load.wait_for_more(100)
        # And the app's processes come and go at the new one as they did at the old one.
        mark = site.proxy.mark()
        os.kill(site.backends[0], signal.SIGTERM)
        site.wait_for_backends(1, since=mark)
        load.wait_for_more(100)
    assert not load.failures(), load.failures()[:5]
    assert Counter(site.counts("ended")) == Counter(outcome.id for outcome in load.outcomes if outcome.id)
    assert app.process.poll() is None
    # The first process, which was started here, has ended in order; the last one does when it is told to.
    assert site.proxy.process.wait(PATIENCE_S) == 0
    os.kill(serving(site), signal.SIGTERM)
    site.proxy.wait_for("INFO stopped$")
