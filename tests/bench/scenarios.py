"""Every scenario, and what it is to reach.

To add one, add an entry: ours, the peers, the load. A goal is ours/peer, the median of the pairs: at most that, but for
`requests_per_s` at least. Goals are shown with the figures; nothing fails by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from load import Load
from stacks import (
    Stack, alone, behind, granian, gunicorn, native_http, native_link, node, ours, puma, rack, swiftiply_node, uvicorn, wsgi,
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

    @property
    def reply(self) -> bytes:
        return (GREETING * (self.reply_bytes // len(GREETING) + 1))[: self.reply_bytes]


def proxy(name: str, about: str, load: Load, unix: dict[str, float], tcp: dict[str, float], reply_bytes: int = 13) -> Scenario:
    """The proxy alone: a native backend behind each."""
    native = native_http(reply_bytes)
    peers = (
        Peer(behind("haproxy", native), unix),
        Peer(behind("nginx", native), tcp),
        Peer(behind("haproxy", native, "tcp"), tcp, is_quick=False),
        Peer(behind("nginx", native, "tcp"), tcp, is_quick=False),
    )
    return Scenario(name, about, ours(native_link(reply_bytes)), peers, load, reply_bytes, is_proxy_apart=True)


def cpu(most: float) -> dict[str, float]:
    return {"proxy_us": most}


def total(most: float) -> dict[str, float]:
    """Throughput in proportion, the tail never worse."""
    return {"total_us": most, "requests_per_s": round(1 / most, 2), "p99_ms": 1.0}


PROXY_ALONE = [
    proxy("proxy-64", "the proxy alone", Load(64), cpu(0.55) | {"requests_per_s": 1.5}, cpu(0.5) | {"requests_per_s": 1.5}),
    proxy("proxy-1", "the proxy alone, one client", Load(1), {"p50_ms": 1.0}, {"p50_ms": 1.0}),
    proxy("proxy-256", "the proxy alone, many clients", Load(256), cpu(0.5), cpu(0.5)),
    proxy("proxy-10k", "replies of 10 KB", Load(64), cpu(0.7), cpu(0.7), reply_bytes=10_000),
    proxy("proxy-post", "requests with a body of 1 KB", Load(64, post_bytes=1000), cpu(0.7), cpu(0.7)),
    proxy("proxy-connect", "a new connection for each request", Load(64, is_closing=True), cpu(0.8), cpu(0.8)),
]

NATIVE = native_link()
BACKENDS_MANY, SITES_MANY = 1000, 10_000


def flat(name: str, about: str, clients: int, many: Stack, most: float) -> Scenario:
    """One of ours against another one of ours."""
    one = Peer(ours(NATIVE, "swiftiply, one of it"), cpu(most))
    return Scenario(name, about, many, (one,), Load(clients), is_proxy_apart=True, is_quick=False)


MANY_BACKENDS = ours(native_link(slots=1, backends=BACKENDS_MANY), f"swiftiply ← {BACKENDS_MANY:,} backends")
MANY_SITES = ours(NATIVE, f"swiftiply with {SITES_MANY:,} sites ← native", sites=SITES_MANY)
FLAT = [
    flat("scale-backends-1", "a request's cost with 1,000 backends of the site, against one", 1, MANY_BACKENDS, 1.1),
    flat("scale-backends-64", "the same, 64 clients: to one backend many requests leave in one write", 64, MANY_BACKENDS, 1.1),
    flat("scale-sites", "a request's cost with 10,000 sites, against one", 64, MANY_SITES, 1.1),
    # Two shards do 1.7 times what one does where a request costs no more than 2/1.7 of what it costs on one.
    flat("scale-shards", "a request's cost on two shards, against one", 64, ours(NATIVE, "swiftiply, 2 shards", shards=2), round(2 / 1.7, 2)),
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
    )),
    Scenario("wsgi", "WSGI, 4 threads", ours(wsgi("hello_wsgi", "--threads", "4")), (
        Peer(behind("nginx", gunicorn("hello_wsgi")), total(0.06)),
        Peer(behind("nginx", granian("wsgi", "hello_wsgi")), total(0.4), is_quick=False),
        Peer(alone(granian("wsgi", "hello_wsgi")), total(1.05)),
    )),
    Scenario("asgi", "ASGI, uvloop", ours(wsgi("hello_asgi")), (
        Peer(behind("nginx", uvicorn("hello_asgi")), total(0.5)),
        Peer(alone(uvicorn("hello_asgi")), total(0.7)),
        Peer(alone(granian("asgi", "hello_asgi")), total(0.8), is_quick=False),
    )),
    Scenario("node", "Node's http", ours(swiftiply_node(*NODE_HTTP)), (
        Peer(behind("nginx", node(*NODE_HTTP)), total(0.65)),
        Peer(behind("haproxy", node(*NODE_HTTP)), total(0.65), is_quick=False),
        Peer(alone(node(*NODE_HTTP)), total(1.1)),
    )),
    Scenario("express", "Express 5", ours(swiftiply_node(*EXPRESS)), (
        Peer(behind("nginx", node(*EXPRESS)), total(0.75)),
        Peer(alone(node(*EXPRESS)), total(1.05)),
    )),
]


def framework(most: float) -> dict[str, float]:
    return {"requests_per_s": most}


FRAMEWORKS = [
    Scenario("sinatra", "Sinatra, 5 threads", ours(rack(*SINATRA)), (
        Peer(behind("nginx", puma(*SINATRA)), framework(1.15)), Peer(alone(puma(*SINATRA)), framework(1.0)),
    ), is_quick=False),
    Scenario("flask", "Flask, 4 threads", ours(wsgi("hello_flask", "--threads", "4")), (
        Peer(behind("nginx", gunicorn("hello_flask")), framework(1.15)),
        Peer(alone(granian("wsgi", "hello_flask")), framework(1.0)),
    ), is_quick=False),
    Scenario("fastapi", "FastAPI, uvloop", ours(wsgi("hello_fastapi")), (
        Peer(behind("nginx", uvicorn("hello_fastapi")), framework(1.15)),
        Peer(alone(uvicorn("hello_fastapi")), framework(1.0)),
    ), is_quick=False),
]

SCENARIOS = [*PROXY_ALONE, *FLAT, *STACKS, *FRAMEWORKS]
