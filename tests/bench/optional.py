"""Peers that are compared where they are there; the bench does not install them."""

from __future__ import annotations

import os
import re
import subprocess

import places


def missing(name: str) -> str:
    """What is missing of it, and how to get it; empty if nothing is."""
    return {"": _nothing, "rhttp": _rhttp, "unit": _unit, "iodine": _iodine, "bjoern": _bjoern}[name]()


def _nothing() -> str:
    return ""


def _rhttp() -> str:
    said = subprocess.run([places.program("haproxy"), "-v"], text=True, capture_output=True, check=False).stdout
    found = re.search(r"version (\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) >= (3, 0):
        return ""
    return f"HAProxy {f'{found[1]}.{found[2]}' if found else 'of this version'} has no settled reverse HTTP; HAPROXY= names one from 3.0 on"


def _unit() -> str:
    if os.access(os.environ.get("UNITD", ""), os.X_OK):
        return ""
    return "UNITD= names its unitd, built with the modules of Python and Ruby"


def _iodine() -> str:
    if os.access(f"{os.environ.get('IODINE', '')}/bin/iodine", os.X_OK):
        return ""
    return "IODINE= names the folder that it was installed to: `gem install --install-dir FOLDER iodine`"


def _bjoern() -> str:
    if any(places.site_packages().glob("bjoern*")):
        return ""
    return f"`{places.PYTHON.relative_to(places.ROOT)}/bin/pip install bjoern` installs it, where libev's headers are"
