import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from wall import database, pages, secret


@asynccontextmanager
async def lifespan(app: FastAPI):
    await run_in_threadpool(database.prepare)
    yield


database.DATA.mkdir(parents=True, exist_ok=True)
app = FastAPI(title="Wall", lifespan=lifespan, docs_url=None, redoc_url=None)
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ.get("SECRET_KEY") or secret.made_once(database.DATA / "secret_key"),
    session_cookie="wall",
)
app.mount("/static", StaticFiles(directory=pages.HERE / "static"), name="static")
app.include_router(pages.router)


@app.exception_handler(HTTPException)
def refused(request: Request, error: HTTPException):
    return pages.templates.TemplateResponse(
        request, "refused.html", {"error": error}, status_code=error.status_code, headers=error.headers
    )
