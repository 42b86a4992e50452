"""A small Flask application: a form, a session, a file, a stream."""

import io

from flask import Flask, Response, request, send_file, session, stream_with_context

app = Flask(__name__)
app.secret_key = "for tests only"


def create_app(name="made"):
    made = Flask(__name__)
    made.add_url_rule("/", view_func=lambda: name)
    return made


@app.get("/")
def counter():
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"], "client": request.remote_addr, "url": request.url}


@app.post("/form")
def form():
    return f"{request.form['name']} sent {len(request.files['upload'].read())} bytes"


@app.put("/raw")
def raw():
    return str(len(request.get_data()))


@app.get("/stream")
def stream():
    return Response(stream_with_context(f"{n}\n" for n in range(3)), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(io.BytesIO(b"0123456789"), mimetype="application/octet-stream", conditional=True, etag="x")


@app.get("/items/<path:name>")
def item(name):
    return name


@app.get("/fail")
def fail():
    raise RuntimeError("in a view")
