"""Where shall we eat? A poll: one vote per visitor, and anyone may add a place."""

import os
from pathlib import Path

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError, CSRFProtect

from poll import database, pages, secret


def create_app(data: str | None = None) -> Flask:
    app = Flask(__name__)
    folder = Path(data or os.environ.get("DATA_DIR") or Path(__file__).parent.parent / "tmp")
    folder.mkdir(parents=True, exist_ok=True)
    app.config.update(
        DATABASE=folder / "poll.sqlite3",
        SECRET_KEY=os.environ.get("SECRET_KEY") or secret.made_once(folder / "secret_key"),
        SESSION_COOKIE_NAME="poll",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    CSRFProtect(app)
    database.attach(app)
    app.register_blueprint(pages.blueprint)
    app.register_error_handler(404, lambda error: (render_template("missing.html"), 404))
    app.register_error_handler(CSRFError, lambda error: (render_template("refused.html", reason=error.description), 400))
    return app
