"""The key that signs sessions, made once per data folder, so that every process has the same."""

import os
import secrets
from pathlib import Path


def made_once(path: Path) -> str:
    if not path.exists():
        # Written whole under another name and then linked: of processes that start together one wins, none reads half.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        draft.unlink()
    return path.read_text()
