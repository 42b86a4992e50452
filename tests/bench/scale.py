"""What grows: sites, idle clients, bodies, time."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import load
import proc
import servers
import watch
from findings import Finding, Special, Verdict
from plan import Plan
from rounds import places_of, tell
from stacks import Stack, behind, native_http, native_link, ours

MIB = 1 << 20
GREETING = b"Hello, World!"
STACKS = {"swiftiply": ours(native_link()), "haproxy": behind("haproxy", native_http()), "nginx": behind("nginx", native_http())}
FAILURES = (servers.ServerError, load.LoadError, watch.DisturbedError, OSError)

# Start: from the command to the first reply to a client, every address of a backend being open by then.

SITES = (1, 1000, 10_000)
START_LOOK_S = 0.001


def start(special: Special, plan: Plan, patience: watch.Patience) -> Finding:
    conditions = "From the command to the first reply (404, of no site), one Unix socket per site; every backend's address is open by then."
    finding = Finding(special.name, special.about, conditions, ("sites", "ms", "CPU ms", "MiB"))
    for sites in SITES:
        for _ in range(plan.pairs):
            try:
                (ms, cpu_ms, mib), _ = watch.undisturbed(lambda sites=sites: _start(sites), set(), places_of(False).used, patience)
            except FAILURES as error:
                finding.refused[f"{sites:,} sites"] = str(error)
                break
            for name, value in (("ms", ms), ("CPU ms", cpu_ms), ("MiB", mib)):
                finding.add(f"{sites} {name}", value)
        if figures := finding.medians(*(f"{sites} {name}" for name in ("ms", "CPU ms", "MiB"))):
            finding.rows.append((f"{sites:,}", *(f"{figure:.1f}" for figure in figures)))
            tell(f"  {sites:,} sites: {figures[0]:.1f} ms")
    if figures := finding.medians(f"{SITES[-1]} ms"):
        finding.verdicts.append(Verdict(f"ms with {SITES[-1]:,} sites", figures[0], "≤", 50, "{:.0f}"))
    return finding


def _start(sites: int) -> tuple[float, float, float]:
    """Milliseconds until it serves, of processor time until then, and MiB."""
    folder = Path(tempfile.mkdtemp(prefix="swiftiply-bench-", dir=servers.SHARED_MEMORY if servers.SHARED_MEMORY.is_dir() else None))
    port = servers.free_port()
    entries = "".join(f"  - incoming: site{one}.test\n    outgoing: unix:{folder}/{one}\n" for one in range(sites))
    config = folder / "swiftiply.yml"
    config.write_text(f"cluster_address: 127.0.0.1\ncluster_port: {port}\nlog: {{ access: off }}\nmap:\n{entries}")
    began = time.perf_counter()
    # Not in a group of its own: to the watch it is the bench's own work.
    program = subprocess.Popen([servers.swiftiply(), "-c", str(config), "--log-level", "warn"], stdin=subprocess.DEVNULL)
    try:
        while servers.answer(port) is None:
            if program.poll() is not None:
                raise servers.ServerError("it did not start")
            time.sleep(START_LOOK_S)
        ms = 1000 * (time.perf_counter() - began)
        stat = proc.parse_process(Path(f"/proc/{program.pid}/stat").read_text())
        return ms, 1000 * stat.seconds, proc.pss(program.pid) / MIB
    finally:
        program.terminate()
        program.wait()
        shutil.rmtree(folder)


# Idle: clients that have had a reply and stay.

IDLE_CLIENTS = 10_000


def idle(special: Special, plan: Plan, patience: watch.Patience) -> Finding:
    conditions = f"{IDLE_CLIENTS:,} keepalive clients that have had one reply each; anonymous memory of the proxy, over what it had before."
    finding = Finding(special.name, special.about, conditions, ("proxy", "bytes per idle client"))
    for name, stack in STACKS.items():
        try:
            with servers.running(stack, places_of(True), GREETING) as running:
                finding.add(name, _bytes_per_idle_client(running))
        except FAILURES as error:
            finding.refused[name] = str(error)
            continue
        finding.rows.append((name, f"{finding.runs[name][0]:,.0f}"))
        tell(f"  {name}: {finding.runs[name][0]:,.0f} bytes")
    if figures := finding.medians("swiftiply"):
        finding.verdicts.append(Verdict("bytes per idle client", figures[0], "≤", 1536, "{:,.0f}"))
    return finding


def _bytes_per_idle_client(running: servers.Running) -> float:
    assert running.proxy is not None
    before = proc.memory_bytes(running.proxy, "Anonymous")
    clients: list[socket.socket] = []
    try:
        for _ in range(IDLE_CLIENTS):
            client = socket.create_connection(("127.0.0.1", running.port))
            clients.append(client)
            client.sendall(b"GET / HTTP/1.1\r\nHost: bench.test\r\n\r\n")
            if GREETING not in client.recv(4096):
                raise servers.ServerError("a client got no reply")
        return (proc.memory_bytes(running.proxy, "Anonymous") - before) / IDLE_CLIENTS
    finally:
        for client in clients:
            client.close()


# Bulk: bodies that are far longer than any buffer.

PIECE = b"x" * (256 << 10)


def bulk(special: Special, plan: Plan, patience: watch.Patience) -> Finding:
    size = (256 if plan.is_quick else 1024) * MIB
    conditions = f"One client, a body of {size // MIB:,} MiB; bytes per second of the proxy's processor time, over Unix sockets."
    finding = Finding(special.name, special.about, conditions, ("proxy", "download MB per CPU s", "upload MB per CPU s"))
    names = ("swiftiply", "haproxy")
    for number in range(plan.pairs):
        for name in names if number % 2 == 0 else reversed(names):
            if name not in finding.refused:
                _transfer(finding, name, STACKS[name], size, patience)
    for name in names:
        if figures := finding.medians(f"{name} download", f"{name} upload"):
            finding.rows.append((name, *(f"{figure:,.0f}" for figure in figures)))
            tell(f"  {name}: download {figures[0]:,.0f}, upload {figures[1]:,.0f} MB per CPU second")
    for way in ("download", "upload"):
        finding.judge(f"{way}, bytes per CPU second, ours over haproxy", f"swiftiply {way}", f"haproxy {way}", "≥", 1.0)
    return finding


def _transfer(finding: Finding, name: str, stack: Stack, size: int, patience: watch.Patience) -> None:
    cpus = places_of(is_proxy_apart=True)
    try:
        with servers.running(stack, cpus, GREETING) as running:
            for way, carry in (("download", _download), ("upload", _upload)):
                _, span = watch.undisturbed(lambda carry=carry: carry(running.port, size), running.groups, cpus.used, patience)
                finding.add(f"{name} {way}", size / 1e6 / span.groups[running.proxy])
    except FAILURES as error:
        finding.refused[name] = str(error)


def _download(port: int, size: int) -> None:
    room = memoryview(bytearray(len(PIECE)))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: bench.test\r\n\r\n".encode())
        came = 0
        while came < size:
            read = client.recv_into(room)
            if not read:
                raise servers.ServerError(f"the download ended after {came:,} bytes")
            came += read


def _upload(port: int, size: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: bench.test\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(PIECE)):
            client.sendall(PIECE)
        if GREETING not in client.recv(4096):
            raise servers.ServerError("the upload got no reply")


# Soak: a long time under load.

SOAK_S = 600
SOAK_LOOK_S = 10
#: Clients come and go, so that what a connection leaves behind would add up.
SOAK_LOAD = load.Load(64, is_closing=True)
#: What the allocator may move within.
SOAK_GROWTH_MAX = 1.05


def soak(special: Special, plan: Plan, patience: watch.Patience) -> Finding:
    conditions = f"{SOAK_S // 60} minutes of {SOAK_LOAD}; anonymous memory of the proxy, looked at every {SOAK_LOOK_S} s."
    finding = Finding(special.name, special.about, conditions, ("minute", "MiB"))
    cpus = places_of(is_proxy_apart=True)
    with servers.running(STACKS["swiftiply"], cpus, GREETING) as running:
        assert running.proxy is not None
        begin = time.monotonic()
        while time.monotonic() - begin < SOAK_S:
            load.run(SOAK_LOAD, running.port, SOAK_LOOK_S, cpus.load)
            finding.add("MiB", proc.memory_bytes(running.proxy, "Anonymous") / MIB)
            if len(finding.runs["MiB"]) % (60 // SOAK_LOOK_S) == 1:
                finding.rows.append((f"{(time.monotonic() - begin) / 60:.0f}", f"{finding.runs['MiB'][-1]:.2f}"))
                tell(f"  {finding.runs['MiB'][-1]:.2f} MiB")
    finding.verdicts.append(Verdict("memory, the last tenth over the second", growth(finding.runs["MiB"]), "≤", SOAK_GROWTH_MAX))
    return finding


def growth(looks: list[float]) -> float:
    """The first tenth fills the buffers and is left out."""
    tenth = max(1, len(looks) // 10)
    return median(looks[-tenth:]) / median(looks[tenth : 2 * tenth] or looks[:1])


SPECIALS = [
    Special("scale-start", "from the command to the first reply, by sites", start),
    Special("scale-idle", "memory of clients that say nothing", idle),
    Special("scale-bulk", "long bodies", bulk, is_quick=False),
    Special("soak", "memory over ten minutes", soak, is_quick=False, is_usual=False),
]
