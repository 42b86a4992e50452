"""From ``module:app`` to the application, and which interface it speaks."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import sys
from typing import Any, Callable, Literal, cast

from .errors import ConfigError

__all__ = ["Interface", "interface_of", "load"]

Interface = Literal["wsgi", "asgi"]

#: Looked for in a module that is named without an application.
DEFAULT_NAMES = ("app", "application")


def load(target: str, *, app_dir: str = ".", factory: bool = False) -> Any:
    """Import ``module``, ``module:app``, ``module:app.attr`` or ``module:factory(...)``.

    Exceptions of the application's own code pass through with their tracebacks; `ConfigError` means that the target
    itself does not fit.
    """
    directory = os.path.abspath(app_dir)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    module_name, _, expression = target.partition(":")
    if not module_name:
        raise ConfigError(f"{target!r} names no module; write module:app")
    module = _import(module_name)
    names, arguments = _parse(target, expression)
    app = _default(module, module_name) if names is None else _attribute(module, module_name, names)
    if arguments is not None:
        return app(*arguments[0], **arguments[1])
    return app() if factory else app


def interface_of(app: Any, target: str) -> Interface:
    """Whether an application is called as ASGI 3 or as WSGI."""
    while isinstance(app, functools.partial) and not app.keywords and not app.args:
        app = app.func
    if not callable(app):
        raise ConfigError(f"{target} is {type(app).__name__}, which cannot be called: not an application")
    # A class is called to be made (PEP 3333 has such an application); what its objects are when called does not count.
    call = None if inspect.isclass(app) else type(app).__call__
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call):
        return "asgi"
    count = _positional_count(app)
    if count == 2 or count is None:  # `*args`, of middleware: an ASGI application would be a coroutine function
        return "wsgi"
    if count == 3:
        return "asgi"
    if count == 0:
        raise ConfigError(
            f"{target} takes no arguments: if it makes the application, write {target}() or add --factory"
        )
    raise ConfigError(
        f"{target} looks neither like WSGI nor like ASGI; say which with --interface wsgi or --interface asgi"
    )


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only if the module itself is missing; one that it imports is the application's own error.
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(
                f"there is no module {name!r} in {sys.path[0]} or on Python's path; "
                "run from your project's folder or name it with --app-dir"
            ) from None
        raise


def _parse(target: str, expression: str) -> tuple[list[str] | None, tuple[list[Any], dict[str, Any]] | None]:
    """The dotted name in an expression, and the literal arguments if it is a call."""
    if not expression:
        return None, None
    try:
        node = ast.parse(expression.strip(), mode="eval").body
        arguments = None
        if isinstance(node, ast.Call):
            if any(keyword.arg is None for keyword in node.keywords):
                raise ValueError
            positional = [ast.literal_eval(argument) for argument in node.args]
            named = {cast(str, keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
            arguments = positional, named
            node = node.func
        return _dotted(node), arguments
    except (SyntaxError, ValueError):
        raise ConfigError(f"{target!r} is not like module:app, module:app.attr or module:factory('literal')") from None


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    if isinstance(node, ast.Name):
        return [node.id]
    raise ValueError


def _attribute(module: Any, module_name: str, names: list[str]) -> Any:
    found = module
    for index, name in enumerate(names):
        try:
            found = getattr(found, name)
        except AttributeError:
            where = ".".join([module_name, *names[:index]])
            raise ConfigError(f"{where} has no attribute {name!r}") from None
    return found


def _default(module: Any, module_name: str) -> Any:
    for name in DEFAULT_NAMES:
        if hasattr(module, name):
            return getattr(module, name)
    raise ConfigError(f"module {module_name!r} has neither 'app' nor 'application'; write {module_name}:NAME")


def _positional_count(app: Callable[..., Any]) -> int | None:
    """How many positional arguments an application can take, None if that is open."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
