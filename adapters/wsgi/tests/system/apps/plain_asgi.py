"""Small ASGI applications, one behaviour for each path."""

import asyncio
import hashlib
import os

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        await PATHS[scope["path"]](scope, receive, send)


async def lifespan(scope, receive, send):
    await receive()
    print("startup", flush=True)
    scope["state"]["greeting"] = b"hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("shutdown", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def failing(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def answer(send, body):
    await send(START)
    await send({"type": "http.response.body", "body": body})


async def pieces(receive):
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the upload was cut")
        yield message["body"]
        if not message["more_body"]:
            return


async def hello(scope, receive, send):
    await answer(send, scope["state"]["greeting"])


async def pid(scope, receive, send):
    await answer(send, str(os.getpid()).encode())


async def echo(scope, receive, send):
    await answer(send, b"".join([piece async for piece in pieces(receive)]))


async def digest(scope, receive, send):
    found, count = hashlib.sha256(), 0
    async for piece in pieces(receive):
        found.update(piece)
        count += len(piece)
    await answer(send, f"{count} {found.hexdigest()}".encode())


async def stream(scope, receive, send):
    """As many MiB as the query says."""
    await send(START)
    block = bytes(range(256)) * 4096
    for _ in range(int(scope["query_string"])):
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body"})


async def large(scope, receive, send):
    await answer(send, bytes(range(256)) * 8192)


async def turns(scope, receive, send):
    """Answers each piece of the upload before it takes the next."""
    await send(START)
    async for piece in pieces(receive):
        await send({"type": "http.response.body", "body": piece.upper(), "more_body": True})
    await send({"type": "http.response.body"})


async def endless(scope, receive, send):
    await send(START)
    try:
        while True:
            await send({"type": "http.response.body", "body": b"more " * 1000, "more_body": True})
    except OSError as error:
        print("send raised", type(error).__name__, flush=True)
        raise


async def wait(scope, receive, send):
    await send(START)
    await send({"type": "http.response.body", "body": b"waiting", "more_body": True})
    await receive()
    message = await receive()
    print("received", message["type"], flush=True)


async def forever(scope, receive, send):
    try:
        await send(START)
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        print("forever begun", flush=True)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise


async def fail(scope, receive, send):
    raise RuntimeError("the application's own mistake")


async def fail_later(scope, receive, send):
    await send(START)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError("the application's late mistake")


async def crash(scope, receive, send):
    os._exit(9)


async def slow(scope, receive, send):
    print("slow begun", flush=True)
    await asyncio.sleep(float(scope["query_string"] or b"1"))
    await answer(send, b"slow done")


async def hints(scope, receive, send):
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await answer(send, b"hinted")


async def trailers(scope, receive, send):
    """As gRPC does: the outcome follows the body."""
    takes_them = "http.response.trailers" in scope["extensions"]
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": takes_them})
    await send({"type": "http.response.body", "body": b"summed"})
    if takes_them:
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})


PATHS = {
    f"/{function.__name__}": function
    for function in (
        hello,
        trailers,
        pid,
        echo,
        digest,
        stream,
        large,
        turns,
        endless,
        wait,
        forever,
        fail,
        fail_later,
        crash,
        slow,
        hints,
    )
}
