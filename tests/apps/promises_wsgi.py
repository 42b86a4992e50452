"""The app of README.md over WSGI."""

import hashlib
import json
import os
import time
from urllib.parse import parse_qs

PIECE = bytes(range(256)) * 256
TEXT = [("Content-Type", "text/plain")]
BYTES = [("Content-Type", "application/octet-stream")]


def app(environ, start_response):
    return PATHS[environ["PATH_INFO"]](environ, start_response)


def hello(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "5")])
    return [b"hello"]


def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


def headers(environ, start_response):
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found | {"peer": environ["REMOTE_ADDR"]}).encode()]


def echo(environ, start_response):
    start_response("200 OK", BYTES)
    return pieces(environ)


def sink(environ, start_response):
    note("sink")
    digest, count = hashlib.sha256(), 0
    try:
        for piece in pieces(environ):
            digest.update(piece)
            count += len(piece)
    except OSError:
        note("cut")
        raise
    start_response("200 OK", TEXT)
    return [f"{count} {digest.hexdigest()}".encode()]


def refuse(environ, start_response):
    start_response("413 Content Too Large", TEXT)
    return [b"refused"]


def big(environ, start_response):
    start_response("200 OK", BYTES)
    left = number(environ, "bytes")
    while left:
        piece = PIECE[:left]
        left -= len(piece)
        yield piece


def status(environ, start_response):
    start_response(f"{number(environ, 'code')} As Asked", TEXT)
    return [b"a body"]


def hints(environ, start_response):
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    return hello(environ, start_response)


def slow(environ, start_response):
    note("slow")
    time.sleep(number(environ, "ms") / 1000)
    return hello(environ, start_response)


def fail(environ, start_response):
    raise RuntimeError("the app's own mistake")


def fail_midway(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"begun"
    raise RuntimeError("the app's late mistake")


def leave(environ, start_response):
    os._exit(3)


def disconnect(environ, start_response):
    start_response("200 OK", TEXT)
    try:
        while True:
            yield b"more "
            time.sleep(0.01)
    finally:
        note("left")


def count(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    add(f"begun {query['id'][0]}\n")
    time.sleep(int(query["ms"][0]) / 1000)
    add(f"ended {query['id'][0]}\n")
    return hello(environ, start_response)


def pieces(environ):
    return iter(lambda: environ["wsgi.input"].read(65536), b"")


def number(environ, name):
    return int(parse_qs(environ["QUERY_STRING"])[name][0])


def note(word):
    os.write(1, f"{word}\n".encode())


def add(line):
    with open(os.environ["COUNTED"], "ab", buffering=0) as file:
        file.write(line.encode())


PATHS = {
    "/hello": hello, "/pid": pid, "/headers": headers, "/echo": echo, "/sink": sink, "/refuse": refuse, "/big": big,
    "/status": status, "/hints": hints, "/slow": slow, "/block": slow, "/raise": fail, "/raise-midway": fail_midway,
    "/exit": leave, "/disconnect": disconnect, "/count": count,
}
