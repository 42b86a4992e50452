"""Who has no business at the address where backends dial in: he gets nothing, costs little, and is told of sparingly."""

import random
import socket
import subprocess

import pytest

from support.adapters import WSGI
from support.client import receive_all
from support.load import Load
from support.memory import MIB, resident
from support.program import PATIENCE_S
from support.site import free_port

CROWD = 2_000
#: All of a crowd: a handshake holds a few hundred bytes, and no more than 512 are in one.
CROWD_BYTES_MAX = 8 * MIB
KEY = "the key of this site"
NOT_LET_IN = "was not let in as a backend"


@pytest.fixture
def site(silent_site):
    silent_site.options["key"] = KEY
    silent_site.start_at(f"127.0.0.1:{free_port()}")
    silent_site.serve(WSGI, slots=4, environment={"SWIFTIPLY_KEY": KEY})
    return silent_site


def test_a_crowd_at_once_costs_little_keeps_nobody_out_and_is_one_line_in_the_log(site):
    chance = random.Random(2_000)
    said = [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", chance.randbytes(600), b"\xf5SwLink\n", b"\xf5SwLink\n" + chance.randbytes(60)]
    before = resident(site.proxy.pid)
    crowd = []
    try:
        with Load(site.port, clients=3) as load:
            for n in range(CROWD):
                crowd.append(knock(site.outgoing))
                try:
                    crowd[-1].sendall(said[n % len(said)])
                except OSError:
                    pass  # sent away already, to make room
            assert resident(site.proxy.pid) - before < CROWD_BYTES_MAX
            # Another backend finds its way in between them.
            site.serve(WSGI, slots=4, environment={"SWIFTIPLY_KEY": KEY})
            load.wait_for_more(100)
        assert not load.failures(), load.failures()[:5]
        for stranger in crowd:
            try:
                assert len(receive_all(stranger)) < 1000
            except OSError:
                pass  # by a reset
    finally:
        for stranger in crowd:
            stranger.close()
    assert len(site.proxy.said(NOT_LET_IN)) == 1, site.proxy.output()
    assert not site.proxy.said("panick|ERROR")


def test_a_wrong_key_is_one_line_in_the_log_however_often_it_is_tried(site):
    mark = site.proxy.mark()
    line = WSGI.line(site.outgoing)
    for key in ("wrong", "wrong again", ""):
        tried = subprocess.run(line, env={"SWIFTIPLY_KEY": key, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=PATIENCE_S)
        assert tried.returncode != 0 and "key" in tried.stderr
    (said,) = site.proxy.said(NOT_LET_IN, since=mark)
    assert "key is wrong" in said.string or "went away" in said.string


def knock(outgoing):
    host, _, port = outgoing.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)
