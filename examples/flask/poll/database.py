"""SQLite: one connection per request. Processes wait for each other's locks."""

import sqlite3

from flask import Flask, current_app, g

BUSY_S = 5.0

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS places (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    place_id INTEGER NOT NULL REFERENCES places (id),
    cast_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
FIRST_PLACES = ["The noodle bar", "Pizza by the station", "Soup at home"]


def attach(app: Flask) -> None:
    app.teardown_appcontext(lambda error: close())
    connection = open_file(app.config["DATABASE"])
    connection.executescript(SCHEMA)
    with connection:
        connection.executemany("INSERT OR IGNORE INTO places (name) VALUES (?)", [(name,) for name in FIRST_PLACES])
    connection.close()


def open_file(path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S)
    connection.row_factory = sqlite3.Row
    return connection


def connection() -> sqlite3.Connection:
    if "database" not in g:
        g.database = open_file(current_app.config["DATABASE"])
    return g.database


def close() -> None:
    if (database := g.pop("database", None)) is not None:
        database.close()


def results() -> list[sqlite3.Row]:
    return connection().execute(
        """SELECT places.id, places.name, count(votes.id) AS votes
           FROM places LEFT JOIN votes ON votes.place_id = places.id
           GROUP BY places.id ORDER BY votes DESC, places.name"""
    ).fetchall()


def place(place_id: int) -> sqlite3.Row | None:
    return connection().execute("SELECT id, name FROM places WHERE id = ?", (place_id,)).fetchone()


def add_place(name: str) -> int:
    with connection() as database:
        database.execute("INSERT OR IGNORE INTO places (name) VALUES (?)", (name,))
        return database.execute("SELECT id FROM places WHERE name = ?", (name,)).fetchone()["id"]


def add_vote(place_id: int) -> None:
    with connection() as database:
        database.execute("INSERT INTO votes (place_id) VALUES (?)", (place_id,))


def votes():
    """Every vote, oldest first, read as it is asked for."""
    return connection().execute(
        "SELECT places.name, votes.cast_at FROM votes JOIN places ON places.id = votes.place_id ORDER BY votes.id"
    )
