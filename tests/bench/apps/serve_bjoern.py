"""bjoern has no command of its own: `serve_bjoern.py MODULE unix:/path`, or an address and a port."""

import importlib
import sys

import bjoern

module, address = sys.argv[1:]
app = importlib.import_module(module).app
host, _, port = address.rpartition(":")
if host == "unix":
    bjoern.run(app, address)
else:
    bjoern.run(app, host, int(port))
