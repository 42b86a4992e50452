"""Swiftiply for Python: WSGI and ASGI applications as backends that dial in to their proxy.

Most programs use the command ``swiftiply-wsgi module:app``; see the README.
"""

from __future__ import annotations

__all__ = ["ADAPTER", "__version__"]

__version__ = "0.9.0"

#: How this adapter names itself to the proxy.
ADAPTER = f"swiftiply-wsgi {__version__}"
