"""HTTP: a client that repeats nothing by itself, and bytes as they are."""

import contextlib
import http.client
import json
import select
import socket
import time

from .surroundings import SLOWNESS


class Response:
    """An answer: status, headers (names in any case) and body."""

    def __init__(self, status, headers, body, sent_at, received_at):
        self.status = status
        self.headers = headers
        self.body = body
        self.sent_at = sent_at          # time.time() just before the request was written
        self.received_at = received_at  # time.time() when the body was complete

    def header(self, name):
        return self.headers.get(name)

    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The problem's name, e.g. "sold-out"; None when this is no problem document."""
        if (self.header("Content-Type") or "").split(";")[0] != "application/problem+json":
            return None
        return self.json()["type"].rpartition("/problems/")[2]

    def __repr__(self):
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"<{self.status} [{headers}] {self.body[:800]!r}>"


class Client:
    """One keep-alive connection to one listener, for one thread at a time. Never repeats a request by itself: what
    became of one that failed is for the caller to find out."""

    def __init__(self, port, timeout_s=15):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s * SLOWNESS)

    def connect(self):
        if self._connection.sock is None:
            self._connection.connect()
        return self

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, or anything else as JSON."""
        fields = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
            fields.setdefault("Content-Type", "application/json")
        self._drop_if_closed()
        sent_at = time.time()
        try:
            self._connection.request(method, path, body=body, headers=fields)
            answer = self._connection.getresponse()
            content = answer.read()
        except BaseException:
            self._connection.close()
            raise
        return Response(answer.status, answer.headers, content, sent_at, time.time())

    def _drop_if_closed(self):
        """An idle connection that the server has closed is no place for a request."""
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def close(self):
        self._connection.close()

    def __del__(self):
        """Whoever has lost it cannot close it: a thread that has ended, with what Cluster.client() gave it."""
        self.close()


def raw_exchange(port, data, timeout_s=5, half_close=False):
    """Sends bytes as they are and returns all that comes back until the server closes or falls silent, and whether
    it closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s * SLOWNESS) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        received, closed = b"", False
        try:
            while True:
                chunk = sock.recv(65536)
                if not chunk:
                    closed = True
                    break
                received += chunk
        except ConnectionResetError:
            closed = True
        except TimeoutError:
            pass
        return received, closed


def parse_raw(data):
    """The first HTTP response in `data` as (status, {lower-case name: value}, body)."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split()[1]), headers, body[:int(headers.get("content-length", len(body)))]
