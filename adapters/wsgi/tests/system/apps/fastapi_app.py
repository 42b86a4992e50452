"""A small FastAPI application: typed bodies, a lifespan, background work, a stream of events, a chat."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Request, UploadFile, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.websockets import WebSocketDisconnect
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


def ticket(x_ticket: str = Header(default="")):
    if x_ticket != "valid":
        raise HTTPException(status_code=401, detail="no ticket")
    return x_ticket


room = set()


@app.websocket("/chat/{name}")
async def chat(socket: WebSocket, name: str):
    await socket.accept(subprotocol="json")
    room.add(socket)
    try:
        async for said in socket.iter_json():
            for other in room:
                await other.send_json({"from": name, "said": said, "database": socket.state.database})
    finally:
        room.discard(socket)


@app.websocket("/private")
async def private(socket: WebSocket, x_ticket: str = Depends(ticket)):
    await socket.accept()
    await socket.send_text(f"welcome with a {x_ticket} ticket")
    try:
        await socket.receive_bytes()
    except WebSocketDisconnect as left:
        print(f"left with {left.code} {left.reason!r}", flush=True)
