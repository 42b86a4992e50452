"""The app of README.md over ASGI."""

import asyncio
import hashlib
import json
import os
import time
from urllib.parse import parse_qs

PIECE = bytes(range(256)) * 256
TEXT = [(b"content-type", b"text/plain")]
BYTES = [(b"content-type", b"application/octet-stream")]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    await PATHS[scope["path"]](scope, receive, send)


async def hello(scope, receive, send):
    await answer(send, b"hello")


async def pid(scope, receive, send):
    await answer(send, str(os.getpid()).encode())


async def headers(scope, receive, send):
    found = {name.decode(): value.decode() for name, value in scope["headers"]}
    await answer(send, json.dumps(found | {"peer": scope["client"][0]}).encode())


async def echo(scope, receive, send):
    await start(send, headers=BYTES)
    async for piece in pieces(receive):
        await write(send, piece)
    await end(send)


async def sink(scope, receive, send):
    note("sink")
    digest, count = hashlib.sha256(), 0
    try:
        async for piece in pieces(receive):
            digest.update(piece)
            count += len(piece)
    except ConnectionError:
        note("cut")
        raise
    await answer(send, f"{count} {digest.hexdigest()}".encode())


async def refuse(scope, receive, send):
    await answer(send, b"refused", 413)


async def big(scope, receive, send):
    await start(send, headers=BYTES)
    left = number(scope, "bytes")
    while left:
        piece = PIECE[:left]
        left -= len(piece)
        await write(send, piece)
    await end(send)


async def status(scope, receive, send):
    await start(send, number(scope, "code"))
    await write(send, b"a body")
    await end(send)


async def hints(scope, receive, send):
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await answer(send, b"hello")


async def slow(scope, receive, send):
    note("slow")
    await asyncio.sleep(number(scope, "ms") / 1000)
    await answer(send, b"hello")


async def block(scope, receive, send):
    note("slow")
    until = time.monotonic() + number(scope, "ms") / 1000
    while time.monotonic() < until:
        pass
    await answer(send, b"hello")


async def fail(scope, receive, send):
    raise RuntimeError("the app's own mistake")


async def fail_midway(scope, receive, send):
    await start(send)
    await write(send, b"begun")
    raise RuntimeError("the app's late mistake")


async def leave(scope, receive, send):
    os._exit(3)


async def disconnect(scope, receive, send):
    await start(send)
    await write(send, b"more ")
    while (await receive())["type"] != "http.disconnect":
        pass
    note("left")


async def count(scope, receive, send):
    query = parse_qs(scope["query_string"].decode())
    add(f"begun {query['id'][0]}\n")
    await asyncio.sleep(int(query["ms"][0]) / 1000)
    add(f"ended {query['id'][0]}\n")
    await answer(send, b"hello")


async def answer(send, body, status=200):
    await start(send, status, [*TEXT, (b"content-length", str(len(body)).encode())])
    await send({"type": "http.response.body", "body": body})


async def start(send, status=200, headers=TEXT):
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def write(send, piece):
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def end(send):
    await send({"type": "http.response.body"})


async def pieces(receive):
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the upload was cut")
        more = message.get("more_body", False)
        yield message.get("body", b"")


def number(scope, name):
    return int(parse_qs(scope["query_string"].decode())[name][0])


def note(word):
    os.write(1, f"{word}\n".encode())


def add(line):
    with open(os.environ["COUNTED"], "ab", buffering=0) as file:
        file.write(line.encode())


PATHS = {
    "/hello": hello, "/pid": pid, "/headers": headers, "/echo": echo, "/sink": sink, "/refuse": refuse, "/big": big,
    "/status": status, "/hints": hints, "/slow": slow, "/block": block, "/raise": fail, "/raise-midway": fail_midway,
    "/exit": leave, "/disconnect": disconnect, "/count": count,
}
