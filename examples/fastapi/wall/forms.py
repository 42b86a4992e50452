"""What FastAPI leaves to the app: a token that only our own form has, and messages for the next page."""

import secrets
from typing import Annotated

from fastapi import Form, HTTPException, Request


def token(request: Request) -> str:
    return request.session.setdefault("token", secrets.token_urlsafe(24))


def check_token(request: Request, token: Annotated[str, Form()] = "") -> None:
    if not secrets.compare_digest(token.encode(), request.session.get("token", "").encode()) or not token:
        raise HTTPException(403, "This form is not from here, or too old. Reload the page and try again.")


def notify(request: Request, text: str) -> None:
    request.session["notice"] = text


def take_notice(request: Request) -> str | None:
    return request.session.pop("notice", None)
