"""SQLite, one connection per use. Processes wait for each other's locks."""

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_S = 5.0
DATA = Path(os.environ.get("DATA_DIR") or Path(__file__).parent.parent / "tmp")

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    written_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);
"""


@contextmanager
def connection():
    with closing(sqlite3.connect(DATA / "wall.sqlite3", timeout=BUSY_S)) as database:
        database.row_factory = sqlite3.Row
        with database:
            yield database


def prepare() -> None:
    with connection() as database:
        database.executescript(SCHEMA)


def add(name: str, text: str) -> int:
    with connection() as database:
        return database.execute("INSERT INTO messages (name, text) VALUES (?, ?)", (name, text)).lastrowid


def newest(limit: int) -> list[dict]:
    with connection() as database:
        rows = database.execute("SELECT * FROM messages ORDER BY id DESC LIMIT ?", (limit,))
        return [dict(row) for row in rows]


def after(message_id: int) -> list[dict]:
    with connection() as database:
        rows = database.execute("SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT 100", (message_id,))
        return [dict(row) for row in rows]


def last_id() -> int:
    with connection() as database:
        return database.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]
