"""Every test gets a proxy of its own, in a folder of its own, and leaves no process behind."""

import pytest

from support.adapters import ADAPTERS
from support.site import Site


@pytest.fixture
def silent_site(tmp_path):
    """A site whose proxy the test starts, or does not."""
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def site(silent_site):
    silent_site.start_proxy()
    return silent_site


@pytest.fixture(params=ADAPTERS, ids=str)
def adapter(request):
    return request.param


@pytest.fixture(scope="module", params=ADAPTERS, ids=str)
def served(request, tmp_path_factory):
    """One app in one process, for all the tests of a module that leave it as it was."""
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start_proxy()
        site.adapter = request.param
        site.app = site.serve(request.param, environment=dict(request.param.thrift))
        yield site
    finally:
        site.close()
