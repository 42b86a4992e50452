#!/usr/bin/env python3
"""A short, honest load: keep-alive connections that ask for one page again and again, and every error counted.

    scripts/load.py URL SECONDS CONNECTIONS

Prints one line: requests, errors, and the slowest reply. Exits 1 if there was an error.
"""

import http.client
import sys
import threading
import time
import urllib.parse


class Client(threading.Thread):
    """One connection, until the time is over."""

    def __init__(self, url, until):
        super().__init__()
        self.url = urllib.parse.urlsplit(url)
        self.until = until
        self.requests = 0
        self.errors = []
        self.slowest = 0.0

    def run(self):
        # The name stands in the Host header; *.localhost need not resolve everywhere.
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port, timeout=15)
        while time.monotonic() < self.until:
            began = time.monotonic()
            self.requests += 1
            try:
                connection.request("GET", self.url.path or "/", headers={"Host": self.url.netloc})
                reply = connection.getresponse()
                reply.read()
                if reply.status != 200:
                    self.errors.append(f"status {reply.status}")
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - began)
        connection.close()


def main(url, seconds, connections):
    until = time.monotonic() + float(seconds)
    clients = [Client(url, until) for _ in range(int(connections))]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    errors = [error for client in clients for error in client.errors]
    requests = sum(client.requests for client in clients)
    slowest = max(client.slowest for client in clients)
    print(f"{requests} requests, {len(errors)} errors, slowest {slowest * 1000:.0f} ms")
    for error in sorted(set(errors)):
        print(f"  {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
