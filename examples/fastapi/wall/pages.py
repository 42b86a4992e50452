import asyncio
import json
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.templating import Jinja2Templates

from wall import database, forms

# Seconds between two looks for messages that other processes wrote.
LOOK_S = 0.25
SHOWN_MAX = 50
HERE = Path(__file__).parent

router = APIRouter()
templates = Jinja2Templates(HERE / "templates")


@router.get("/", response_class=HTMLResponse)
def index(request: Request):
    return page(request, notice=forms.take_notice(request))


@router.post("/messages", dependencies=[Depends(forms.check_token)])
def write(request: Request, name: Annotated[str, Form()] = "", text: Annotated[str, Form()] = ""):
    name, text = name.strip(), text.strip()
    if not (0 < len(name) <= 40 and 0 < len(text) <= 280):
        return page(request, status=422, error="A name (up to 40 characters) and a message (up to 280), please.")
    database.add(name, text)
    request.session["name"] = name
    forms.notify(request, f"It is on the wall, {name}.")
    return RedirectResponse("/", status_code=303)


@router.get("/messages.json")
def messages(limit: int = SHOWN_MAX) -> list[dict]:
    return database.newest(max(1, min(limit, 500)))


@router.get("/events")
async def events(request: Request, last_event_id: Annotated[int | None, Header()] = None) -> StreamingResponse:
    """Server-sent events: each message as it comes, whichever process it came to. A browser that lost us says where it was."""
    seen = await run_in_threadpool(database.last_id) if last_event_id is None else last_event_id
    return StreamingResponse(new_messages(request, seen), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def new_messages(request: Request, seen: int):
    yield ": open\n\n"
    while not await request.is_disconnected():
        for message in await run_in_threadpool(database.after, seen):
            seen = message["id"]
            yield f"id: {seen}\ndata: {json.dumps(message)}\n\n"
        await asyncio.sleep(LOOK_S)


def page(request: Request, status: int = 200, **values):
    values |= {
        "messages": database.newest(SHOWN_MAX),
        "name": request.session.get("name", ""),
        "token": forms.token(request),
    }
    return templates.TemplateResponse(request, "index.html", values, status_code=status)
