"""Every scenario, and what it is to reach.

To add one, add an entry: ours, the peers, the load. A goal is ours/peer, the median of the pairs: at most that, but for
`requests_per_s` at least. Goals are shown with the figures; nothing fails by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from load import Load
from stacks import (
    Stack, alone, behind, bjoern, granian, gunicorn, iodine, native_http, native_link, node, ours, puma, rack, swiftiply_node, unit,
    uvicorn, wsgi,
)

GREETING = b"Hello, World!"


@dataclass(frozen=True)
class Peer:
    stack: Stack
    goals: dict[str, float]
    #: Whether `quick` runs it.
    is_quick: bool = True


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    ours: Stack
    peers: tuple[Peer, ...]
    load: Load = Load()
    reply_bytes: int = len(GREETING)
    #: What shares the load's processor: the backend, when the proxy alone is looked at. Else all servers are together
    #: on the other one, so that a request's whole cost is what bounds its throughput.
    is_proxy_apart: bool = False
    is_quick: bool = True
    #: Also in an open loop, with each peer at 70 % of what the slower of both can do: then a tail says how requests
    #: wait, and not how many clients there are. The goal is for ours/peer of p99.
    open_p99: float | None = None
    #: Whether the chart shows it.
    is_charted: bool = False

    @property
    def reply(self) -> bytes:
        return (GREETING * (self.reply_bytes // len(GREETING) + 1))[: self.reply_bytes]


def proxy(
    name: str, about: str, load: Load, unix: dict[str, float], tcp: dict[str, float] | None = None, *,
    reply_bytes: int = 13, is_quick: bool = False,
) -> Scenario:
    """The proxy alone: a native backend behind each, over Unix sockets, and over TCP where there is a goal for that."""
    native = native_http(reply_bytes)
    peers = [Peer(behind("haproxy", native), unix), Peer(behind("nginx", native), tcp or unix)]
    if tcp:
        peers += [Peer(behind(proxy, native, "tcp"), tcp, is_quick=False) for proxy in ("haproxy", "nginx")]
    return Scenario(name, about, ours(native_link(reply_bytes)), tuple(peers), load, reply_bytes, is_proxy_apart=True, is_quick=is_quick, is_charted=tcp is not None)


def cpu(most: float) -> dict[str, float]:
    return {"proxy_us": most}


def total(most: float) -> dict[str, float]:
    """Throughput in proportion, the tail never worse."""
    return {"total_us": most, "requests_per_s": round(1 / most, 2), "p99_ms": 1.0}


PROXY_ALONE = [
    proxy("proxy-64", "the proxy alone", Load(64), cpu(0.55) | {"requests_per_s": 1.5}, cpu(0.5) | {"requests_per_s": 1.5}, is_quick=True),
    proxy("proxy-1", "the proxy alone, one client", Load(1), {"p50_ms": 1.0}, is_quick=True),
    proxy("proxy-256", "the proxy alone, many clients", Load(256), cpu(0.5)),
    proxy("proxy-10k", "replies of 10 KB", Load(64), cpu(0.7), reply_bytes=10_000),
    proxy("proxy-post", "requests with a body of 1 KB", Load(64, post_bytes=1000), cpu(0.7)),
    Scenario(
        "rhttp", "HAProxy's own reverse HTTP: its backend µs are those of the agent that dials", ours(native_link()),
        (Peer(behind("rhttp", native_http()), {"proxy_us": 0.3, "backend_us": 0.2}),), Load(64), is_proxy_apart=True, is_quick=False,
    ),
    proxy("proxy-connect", "a new connection for each request", Load(64, is_closing=True), cpu(0.8)),
]

NATIVE = native_link()
BACKENDS_MANY, SITES_MANY = 1000, 10_000


def flat(name: str, about: str, clients: int, many: Stack, few: Stack, most: float = 1.1) -> Scenario:
    """One of ours against another one of ours."""
    return Scenario(name, about, many, (Peer(few, cpu(most)),), Load(clients), is_proxy_apart=True, is_quick=False)


ONE = ours(NATIVE, "swiftiply, one of it")
#: As many as clients. To a single backend many requests leave in one write, which is another thing than their number.
SOME_BACKENDS = ours(native_link(slots=1, backends=64), "swiftiply ← 64 backends")
MANY_BACKENDS = ours(native_link(slots=1, backends=BACKENDS_MANY), f"swiftiply ← {BACKENDS_MANY:,} backends")
MANY_SITES = ours(NATIVE, f"swiftiply with {SITES_MANY:,} sites ← native", sites=SITES_MANY)
FLAT = [
    flat("scale-backends-1", "1,000 backends of a site against one, one client", 1, MANY_BACKENDS, ONE),
    flat("scale-backends-64", "1,000 backends of a site against 64, 64 clients", 64, MANY_BACKENDS, SOME_BACKENDS),
    flat("scale-sites", "10,000 sites against one, 64 clients", 64, MANY_SITES, ONE),
    # Two shards do 1.7 times what one does where a request costs no more than 2/1.7 of what it costs on one.
    flat("scale-shards", "two shards against one, 64 clients", 64, ours(NATIVE, "swiftiply, 2 shards", shards=2), ONE, round(2 / 1.7, 2)),
]

HELLO_RU = ("", "hello.ru")
SINATRA = ("sinatra", "hello_sinatra.ru")
EXPRESS = ("express", "hello_express.js")
NODE_HTTP = ("http", "hello.js")

STACKS = [
    Scenario("rack", "Rack, 5 threads", ours(rack(*HELLO_RU)), (
        Peer(behind("nginx", puma(*HELLO_RU)), total(0.25)),
        Peer(behind("haproxy", puma(*HELLO_RU)), total(0.25), is_quick=False),
        Peer(alone(puma(*HELLO_RU)), total(0.25)),
        Peer(alone(iodine("hello.ru")), total(1.3), is_quick=False),
        Peer(alone(unit("rack")), total(0.75), is_quick=False),
    ), is_charted=True),
    Scenario("wsgi", "WSGI, 4 threads", ours(wsgi("hello_wsgi", "--threads", "4")), (
        Peer(behind("nginx", gunicorn("hello_wsgi")), total(0.06)),
        Peer(behind("nginx", granian("wsgi", "hello_wsgi")), total(0.4), is_quick=False),
        Peer(alone(granian("wsgi", "hello_wsgi")), total(1.05)),
        Peer(alone(bjoern("hello_wsgi")), total(1.5), is_quick=False),
        Peer(alone(unit("wsgi")), total(0.75), is_quick=False),
    ), is_charted=True),
    # A link carries as many requests at a time as the app has slots: with more of them each wake-up serves more.
    Scenario("wsgi-16", "WSGI, 16 threads", ours(wsgi("hello_wsgi", "--threads", "16")), (
        Peer(behind("nginx", gunicorn("hello_wsgi", 16)), total(0.06)),
        Peer(behind("nginx", granian("wsgi", "hello_wsgi", 16)), total(0.4)),
        Peer(alone(granian("wsgi", "hello_wsgi", 16)), total(1.05)),
        Peer(alone(bjoern("hello_wsgi")), total(1.5)),
    ), is_quick=False, is_charted=True),
    Scenario("asgi", "ASGI, uvloop", ours(wsgi("hello_asgi")), (
        Peer(behind("nginx", uvicorn("hello_asgi")), total(0.5)),
        Peer(alone(uvicorn("hello_asgi")), total(0.7)),
        Peer(alone(granian("asgi", "hello_asgi")), total(0.8), is_quick=False),
        Peer(alone(unit("asgi")), total(0.75), is_quick=False),
    ), is_charted=True),
    Scenario("node", "Node's http", ours(swiftiply_node(*NODE_HTTP)), (
        Peer(behind("nginx", node(*NODE_HTTP)), total(0.65)),
        Peer(behind("haproxy", node(*NODE_HTTP)), total(0.65), is_quick=False),
        Peer(alone(node(*NODE_HTTP)), total(1.1)),
    ), is_charted=True),
    Scenario("express", "Express 5", ours(swiftiply_node(*EXPRESS)), (
        Peer(behind("nginx", node(*EXPRESS)), total(0.75)),
        Peer(alone(node(*EXPRESS)), total(1.05)),
    ), is_quick=False, is_charted=True, open_p99=0.5),
]


def framework(name: str, about: str, mine: Stack, *peers: tuple[Stack, float]) -> Scenario:
    """Each peer with what our throughput is to be of its."""
    compared = tuple(Peer(stack, {"requests_per_s": least}) for stack, least in peers)
    return Scenario(name, about, mine, compared, is_quick=False, open_p99=0.5)


RAILS = ("rails", "hello_rails.ru")
#: In front of an app server, and against it alone.
BEHIND, ALONE = 1.15, 1.0
FRAMEWORKS = [
    framework(
        "sinatra", "Sinatra, 5 threads", ours(rack(*SINATRA)),
        (behind("nginx", puma(*SINATRA)), BEHIND), (behind("haproxy", puma(*SINATRA)), BEHIND), (alone(puma(*SINATRA)), ALONE),
    ),
    framework("rails", "a page of Rails, 5 threads", ours(rack(*RAILS)), (behind("nginx", puma(*RAILS)), BEHIND), (alone(puma(*RAILS)), ALONE)),
    framework(
        "flask", "Flask, 4 threads", ours(wsgi("hello_flask", "--threads", "4")),
        (behind("nginx", gunicorn("hello_flask")), BEHIND), (alone(granian("wsgi", "hello_flask")), ALONE),
    ),
    framework(
        "django", "Django, 4 threads", ours(wsgi("hello_django", "--threads", "4")),
        (behind("nginx", gunicorn("hello_django")), BEHIND), (alone(granian("wsgi", "hello_django")), ALONE),
    ),
    framework(
        "fastapi", "FastAPI, uvloop", ours(wsgi("hello_fastapi")),
        (behind("nginx", uvicorn("hello_fastapi")), BEHIND), (alone(uvicorn("hello_fastapi")), ALONE),
    ),
]

SCENARIOS = [*PROXY_ALONE, *FLAT, *STACKS, *FRAMEWORKS]
