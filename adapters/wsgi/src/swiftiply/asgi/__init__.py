"""ASGI 3: one event loop of this process runs the application, many requests at a time."""
