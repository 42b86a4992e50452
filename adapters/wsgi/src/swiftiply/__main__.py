"""``python -m swiftiply module:app``, the same as ``swiftiply-wsgi module:app``."""

import sys

from .command import main

sys.exit(main())
