"""A plain ASGI application of WebSockets, one kind to a path; and some HTTP beside them."""

import asyncio

#: Bytes that `/flood` has been able to send.
flooded = 0
#: How each WebSocket of `/ends` came to its end.
ends = []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "http":
        text = {"/flooded": str(flooded), "/ends": repr(ends)}.get(scope["path"], "plain")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": text.encode()})
        return
    assert (await receive())["type"] == "websocket.connect"
    await KINDS[scope["path"]](scope, receive, send)


async def echo(_scope, receive, send):
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def about(scope, _receive, send):
    await send(
        {
            "type": "websocket.accept",
            "subprotocol": scope["subprotocols"][-1],
            "headers": [(b"x-kind", b"about"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        }
    )
    told = {name: scope[name] for name in ("type", "scheme", "path", "query_string", "http_version", "subprotocols")}
    cookies = [value for name, value in scope["headers"] if name == b"cookie"]
    text = repr({**told, "client": scope["client"][0], "cookies": cookies})
    await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close", "code": 4444, "reason": "that was all"})


async def deny(_scope, _receive, send):
    await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"no ticket")]})
    await send({"type": "websocket.http.response.body", "body": b"no ticket, ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"no entry"})


async def refuse(_scope, _receive, send):
    await send({"type": "websocket.close"})


async def fail(_scope, receive, send):
    await send({"type": "websocket.accept"})
    await receive()
    raise RuntimeError("in the middle of a WebSocket")


async def fail_first(_scope, _receive, _send):
    raise RuntimeError("before the handshake")


async def flood(_scope, receive, send):
    """Sends for as long as it can; whatever the client says ends it."""
    global flooded
    await send({"type": "websocket.accept"})
    over = asyncio.ensure_future(receive())
    while not over.done():
        await send({"type": "websocket.send", "bytes": bytes(65_536)})
        flooded += 65_536
        await asyncio.sleep(0)


async def note_end(_scope, receive, send):
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        pass
    ends.append((message["code"], message["reason"]))
    print("the end", message["code"], flush=True)


KINDS = {
    "/echo": echo,
    "/about": about,
    "/deny": deny,
    "/refuse": refuse,
    "/fail": fail,
    "/fail-first": fail_first,
    "/flood": flood,
    "/ends": note_end,
}
