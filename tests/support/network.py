"""Two networks with a switch between them that can be made to swallow everything: nothing is refused, nothing comes back.

    test ── 198.18.x.1 ─ veth ─┐ switch (a namespace with a bridge) ┌─ veth ─ 198.18.x.2 ── far (a namespace)
"""

import os
import random
import subprocess

import pytest


class FarAway:
    """A network namespace in which a backend runs, behind a switch that may swallow what passes."""

    def __init__(self):
        # 198.18.0.0/15 is for tests of networks (RFC 2544).
        self._name = f"sw{os.getpid() % 10_000}x{random.randrange(1000)}"
        net = f"198.18.{random.randrange(1, 255)}"
        self.near, self._far = f"{net}.1", f"{net}.2"

    def open(self) -> None:
        name = self._name
        self._try(f"netns add {name}s", f"netns add {name}f")
        for end, other in (("n", "a"), ("f", "b")):
            self._try(f"link add {name}{end} type veth peer name {name}{other}", f"link set {name}{other} netns {name}s")
        self._try(
            f"-n {name}s link add bridge type bridge",
            *(f"-n {name}s link set {name}{port} master bridge up" for port in "ab"),
            f"-n {name}s link set bridge up",
            f"link set {name}f netns {name}f",
            f"addr add {self.near}/24 dev {name}n", f"link set {name}n up",
            f"-n {name}f addr add {self._far}/24 dev {name}f", f"-n {name}f link set {name}f up",
        )

    def swallow(self) -> None:
        """Both ends still have a carrier, addresses and routes."""
        self._ip(f"-n {self._name}s link set {self._name}b nomaster")

    def pass_again(self) -> None:
        self._ip(f"-n {self._name}s link set {self._name}b master bridge")

    def command(self) -> tuple[str, ...]:
        """Runs a program far away."""
        return ("nsenter", f"--net=/run/netns/{self._name}f")

    def close(self) -> None:
        for line in (f"link del {self._name}n", f"netns del {self._name}f", f"netns del {self._name}s"):
            subprocess.run(["ip", *line.split()], capture_output=True)

    def _try(self, *lines: str) -> None:
        for line in lines:
            try:
                self._ip(line)
            except (OSError, subprocess.CalledProcessError) as error:
                self.close()
                reason = getattr(error, "stderr", None) or error
                pytest.skip(f"network namespaces need root and iproute2 here: ip {line}: {reason}")

    def _ip(self, line: str) -> None:
        subprocess.run(["ip", *line.split()], check=True, capture_output=True, text=True, timeout=10)
