"""A small FastAPI application: typed bodies, a lifespan, background work, a stream of events."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app):
    yield {"database": "open"}
    print("lifespan closed", flush=True)


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float


@app.get("/")
async def index(request: Request):
    return {"database": request.state.database, "client": request.client.host, "url": str(request.url)}


@app.post("/items")
async def create(item: Item):
    return {"name": item.name.upper(), "price": item.price * 2}


@app.post("/upload")
async def upload(file: UploadFile):
    return {"size": len(await file.read())}


@app.get("/sync")
def sync_view():
    return "from a thread"


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(after)
    return "answered"


async def after():
    await asyncio.sleep(0.2)
    print("background done", flush=True)


@app.get("/events")
async def events():
    async def stream():
        n = 0
        while True:
            yield f"data: {n}\n\n"
            n += 1
            await asyncio.sleep(0.01)

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.get("/fail")
async def fail():
    raise RuntimeError("in a view")
