"""The examples, and every way in which their users start them. What the apps are checked for is in visits.py."""

import os
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SWIFTIPLY_BUILD") or ROOT / "build")
BIN = BUILD / "bin"
PYTHON = BUILD / "python" / "bin"


@dataclass(frozen=True)
class Way:
    """One way to start an app. Words in braces are filled in: {connect} is the address that backends dial."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    processes: int = 1
    #: Whether something in front of the app collects a reply before it sends it.
    collects: bool = False


@dataclass(frozen=True)
class App:
    name: str
    #: Its own server, on a free port that it prints.
    own: Way
    #: As a backend of Swiftiply, by the name that the test shows.
    swiftiply: dict[str, Way]
    prepare: list[str] | None = None

    @property
    def folder(self) -> Path:
        return ROOT / "examples" / self.name


def command(adapter: str, *arguments: str) -> Way:
    return Way([f"{BIN}/{adapter}", "-n", "2", "--connect", "{connect}", *arguments], processes=2)


def python(*arguments: str) -> list[str]:
    return [f"{PYTHON}/python", *arguments]


PRODUCTION = {"RAILS_ENV": "production", "SECRET_KEY_BASE": "0123456789abcdef" * 4}
# Where `make build` has installed the gem; a Gemfile of ours adds it to the example's.
GEM = {"GEM_HOME": f"{BUILD}/gems", "SWIFTIPLY": "{connect}"}
RAILS_GEM = GEM | {"BUNDLE_GEMFILE": f"{BUILD}/examples/rails/Gemfile"}
NODE_PORT = {"PORT": "0", "HOST": "127.0.0.1"}

APPS = [
    App(
        "rails",
        own=Way(["bin/rails", "server", "-u", "puma", "-b", "127.0.0.1", "-p", "0", "-P", "{data}/server.pid"]),
        prepare=["bin/setup"],
        swiftiply={
            "swiftiply-rack": Way(command("swiftiply-rack", "-e", "production").command, PRODUCTION, processes=2),
            "rails-server-u": Way(["bin/rails", "server", "-u", "swiftiply", "-P", "{data}/server.pid"], RAILS_GEM),
            "SWIFTIPLY-rails-server": Way(["bin/rails", "server", "-P", "{data}/server.pid"], RAILS_GEM),
        },
    ),
    App(
        "sinatra",
        own=Way(["puma", "-b", "tcp://127.0.0.1:0"]),
        swiftiply={
            "swiftiply-rack": command("swiftiply-rack"),
            # rackup puts Rack::ContentLength in front of the app.
            "rackup-s": Way(["rackup", "-s", "swiftiply"], GEM, collects=True),
        },
    ),
    App(
        "flask",
        own=Way(python("-m", "flask", "run", "--port", "0")),
        swiftiply={"swiftiply-wsgi": command("swiftiply-wsgi", "app:app")},
    ),
    App(
        "django",
        own=Way(python("manage.py", "runserver", "--noreload", "127.0.0.1:0"), {"DEBUG": "1"}),
        prepare=python("manage.py", "migrate", "--verbosity", "0"),
        swiftiply={
            "swiftiply-wsgi": command("swiftiply-wsgi", "project.wsgi"),
            "swiftiply-wsgi-asgi": command("swiftiply-wsgi", "project.asgi"),
        },
    ),
    App(
        "fastapi",
        own=Way(python("-m", "uvicorn", "app:app", "--port", "0")),
        swiftiply={"swiftiply-wsgi": command("swiftiply-wsgi", "app:app")},
    ),
    App(
        "express",
        own=Way(["node", "server.js"], NODE_PORT),
        swiftiply={
            "swiftiply-node": command("swiftiply-node", "server.js"),
            "node-import": Way(["node", "--import", "swiftiply-node/register", "server.js"], {"SWIFTIPLY": "{connect}"}),
        },
    ),
    App(
        "fastify",
        own=Way(["node", "server.js"], NODE_PORT),
        swiftiply={
            "swiftiply-node": command("swiftiply-node", "server.js"),
            "node-import": Way(["node", "--import", "swiftiply-node/register", "server.js"], {"SWIFTIPLY": "{connect}"}),
        },
    ),
]
