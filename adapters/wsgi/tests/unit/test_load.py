"""``module:app`` in all its forms, and which interface an application speaks."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from swiftiply.errors import ConfigError
from swiftiply.load import interface_of, load

SOURCE = """
class Thing:
    app = "attribute"

class Config:
    nested = Thing()

def create(name="default", *, debug=False):
    return (name, debug)

app = "the app"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "forms.py").write_text(SOURCE)
    (tmp_path / "django_like.py").write_text("application = 'the application'\n")
    (tmp_path / "bare.py").write_text("nothing = 1\n")
    (tmp_path / "broken.py").write_text("import a_package_that_is_missing\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "wsgi.py").write_text("application = 'packed'\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("forms", "django_like", "bare", "broken", "pack", "pack.wsgi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("forms:app", "the app"),
        ("forms", "the app"),
        ("forms:Config.nested.app", "attribute"),
        ("forms:create()", ("default", False)),
        ("forms:create('x', debug=True)", ("x", True)),
        ("django_like", "the application"),
        ("pack.wsgi", "packed"),
    ],
)
def test_a_target_names_its_application(project: str, target: str, expected: Any) -> None:
    assert load(target, app_dir=project) == expected


def test_a_factory_is_called(project: str) -> None:
    assert load("forms:create", app_dir=project, factory=True) == ("default", False)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing:app", "no module 'missing'"),
        ("forms:missing", "forms has no attribute 'missing'"),
        ("forms:Config.missing", "forms.Config has no attribute 'missing'"),
        ("bare", "neither 'app' nor 'application'"),
        (":app", "names no module"),
        ("forms:app[0]", "not like module:app"),
        ("forms:create(open)", "not like module:app"),
        ("forms:create(*x)", "not like module:app"),
        ("forms:1", "not like module:app"),
        ("forms:a b", "not like module:app"),
    ],
)
def test_a_target_that_does_not_fit_is_one_clear_sentence(project: str, target: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        load(target, app_dir=project)


def test_an_error_inside_the_application_stays_its_own(project: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_missing"):
        load("broken", app_dir=project)


def wsgi(_environ: Any, _start_response: Any) -> Any: ...
async def asgi(_scope: Any, _receive: Any, _send: Any) -> Any: ...
def plain_asgi(_scope: Any, _receive: Any, _send: Any) -> Any: ...
def factory() -> Any: ...
def anything(*_arguments: Any) -> Any: ...
def one_argument(_scope: Any) -> Any: ...


class WsgiClass:
    def __init__(self, _environ: Any, _start_response: Any) -> None: ...


class Factory:
    async def __call__(self, _scope: Any, _receive: Any, _send: Any) -> Any: ...


class Wsgi:
    def __call__(self, _environ: Any, _start_response: Any) -> Any: ...


class Asgi:
    async def __call__(self, _scope: Any, _receive: Any, _send: Any) -> Any: ...


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (wsgi, "wsgi"),
        (anything, "wsgi"),
        (validator(wsgi), "wsgi"),
        (Wsgi(), "wsgi"),
        (WsgiClass, "wsgi"),
        (Wsgi().__call__, "wsgi"),
        (functools.partial(wsgi), "wsgi"),
        (asgi, "asgi"),
        (Asgi(), "asgi"),
        (plain_asgi, "asgi"),
        (functools.partial(asgi), "asgi"),
    ],
)
def test_the_interface_is_found_out(app: Any, expected: str) -> None:
    assert interface_of(app, "m:app") == expected


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (factory, r"m:app\(\) or add --factory"),
        (Factory, r"m:app\(\) or add --factory"),
        ("text", "cannot be called"),
        (one_argument, "--interface wsgi or --interface asgi"),
    ],
)
def test_what_cannot_be_told_is_asked_for(app: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        interface_of(app, "m:app")
