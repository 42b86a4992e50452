"""Every example in every way of serving it: `own` is its framework's own server, the others go through Swiftiply."""

from dataclasses import dataclass

import pytest

from apps import APPS
from browser import Browser
from serving import Served, behind_swiftiply, under_its_own_server
from visits import VISITS, Visit


#: Made once: pytest keeps a served app only for tests that name the same object.
WAYS = [
    pytest.param((app, way), id=f"{app.name}-{name}")
    for app in APPS
    for name, way in [("own", None), *app.swiftiply.items()]
]


def pytest_configure(config):
    config.addinivalue_line("markers", "only(condition): for the ways of serving an app of which condition(visit, way) is true")


def pytest_generate_tests(metafunc):
    """Tests run for every way of serving, or for those that their `only` mark names."""
    if "served" not in metafunc.fixturenames:
        return
    marks = [mark.args[0] for mark in metafunc.definition.iter_markers("only")]
    chosen = [
        param
        for param in WAYS
        for app, way in param.values
        if all(condition(VISITS[app.name], way) for condition in marks)
    ]
    metafunc.parametrize("served", chosen, indirect=True, scope="module")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """All visits to one app, served in one way, come together, so that it is started once."""
    order = {param.id: place for place, param in enumerate(WAYS)}
    items.sort(key=lambda item: order.get(item.callspec.id, -1) if hasattr(item, "callspec") else -1)


@pytest.fixture(scope="module")
def served(request, tmp_path_factory):
    """One app, served; all the checks of this module visit it."""
    app, way = request.param
    data = tmp_path_factory.mktemp(app.name)
    with under_its_own_server(app, data) if way is None else behind_swiftiply(app, way, data) as served:
        yield served


@dataclass
class Site:
    """The app as its visitors find it."""

    served: Served
    visit: Visit

    def visitor(self) -> Browser:
        browser = self.served.visitor()
        self.visit.arrive(browser)
        return browser


@pytest.fixture
def site(served) -> Site:
    return Site(served, VISITS[served.app.name])
