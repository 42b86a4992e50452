"""Small WSGI applications, one behaviour for each path."""

import hashlib
import os
import sys
import time
from wsgiref.validate import validator

PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
LEFT = []


def app(environ, start_response):
    return PATHS[environ["PATH_INFO"]](environ, start_response)


def hello(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"hello"]


def pid(environ, start_response):
    start_response("200 OK", PLAIN)
    return [str(os.getpid()).encode()]


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", PLAIN)
    return [body]


def digest(environ, start_response):
    found, count = hashlib.sha256(), 0
    while block := environ["wsgi.input"].read(65536):
        found.update(block)
        count += len(block)
    start_response("200 OK", PLAIN)
    return [f"{count} {found.hexdigest()}".encode()]


def stream(environ, start_response):
    """As many MiB as the query says."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    block = bytes(range(256)) * 4096
    for _ in range(int(environ["QUERY_STRING"])):
        yield block


def turns(environ, start_response):
    """Answers each line of the upload before it reads the next."""
    start_response("200 OK", PLAIN)
    for line in environ["wsgi.input"]:
        yield line.upper()


def endless(environ, start_response):
    start_response("200 OK", PLAIN)
    try:
        while True:
            yield b"more " * 1000
    finally:
        print("generator closed", flush=True)


def fail(environ, start_response):
    raise RuntimeError("the application's own mistake")


def fail_later(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"begun"
    raise RuntimeError("the application's late mistake")


def short(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "10")])
    return [b"short"]


def leave(environ, start_response):
    sys.exit(5)


def crash(environ, start_response):
    os._exit(9)


def slow(environ, start_response):
    print("slow begun", flush=True)
    time.sleep(float(environ["QUERY_STRING"] or "1"))
    start_response("200 OK", PLAIN)
    return [b"slow done"]


def hints(environ, start_response):
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    start_response("200 OK", PLAIN)
    return [b"hinted"]


def report(environ, start_response):
    start_response("200 OK", PLAIN)
    return [repr({k: v for k, v in sorted(environ.items()) if isinstance(v, (str, bool, tuple))}).encode()]


PATHS = {
    f"/{function.__name__}": function
    for function in (
        hello,
        pid,
        echo,
        digest,
        stream,
        turns,
        endless,
        fail,
        fail_later,
        short,
        leave,
        crash,
        slow,
        hints,
        report,
    )
}

validated = validator(hello)
