"""WSGI (PEP 3333): threads of this process run the application, one request each at a time."""
