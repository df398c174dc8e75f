"""Somebody's HTTP server that events are sent to: it behaves as it is told, and keeps what it has got."""

import base64
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import struct
import threading
import time


class Delivery:
    """One request, and what was answered."""

    def __init__(self, headers, body, status):
        self.at = time.time()
        self.headers = headers
        self.body = body
        self.status = status  # None: no whole answer
        self.event = json.loads(body)


def is_signed(delivery, secret):
    """As Standard Webhooks 1.0 says, written down once more."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return expected in delivery.headers["webhook-signature"].split()


class EventEndpoint:
    """`behave(event)` gives a status, or "hang", "reset", "slow", "big" or "redirect"; it can be replaced at any time.
    `location`: where a redirect leads. `tls`: files of a certificate and its key. With `keeps` false it keeps nothing,
    for more events than fit into memory."""

    def __init__(self, behave=lambda event: 200, location="", tls=None, keeps=True):
        self.behave = behave
        self.location = location
        self.keeps = keeps
        self.deliveries = []
        self.connections = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with endpoint.lock:
                    endpoint.connections += 1

            def do_POST(self):
                endpoint.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                """Clients go away when they like."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake is a connection's own business, not that of whoever accepts it.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self.scheme = "http" if tls is None else "https"
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def answer(self, handler, body):
        what = self.behave(json.loads(body))
        status = what if isinstance(what, int) else {"slow": 200, "big": 200, "redirect": 302}.get(what)
        if self.keeps:
            with self.lock:
                self.deliveries.append(Delivery(dict(handler.headers), body, status))
        if what == "hang":
            self.ended.wait(60)
            return
        if what == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        length = {"slow": 1000, "big": 100_000_000}.get(what, 2)
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\n"
        if what == "redirect":
            head += f"Location: {self.location}\r\n"
        handler.wfile.write(head.encode() + b"\r\n" + (b"ok" if length == 2 else b""))
        while length > 2 and not self.ended.is_set():
            piece = b"x" if what == "slow" else b"x" * 65536
            handler.wfile.write(piece)
            length -= len(piece)
            if what == "slow":
                self.ended.wait(0.2)

    def taken(self):
        """Of those that were answered with 2xx, in order."""
        with self.lock:
            return [delivery for delivery in self.deliveries if (delivery.status or 0) // 100 == 2]

    def events(self, *types):
        """The events taken, of these types or all."""
        return [delivery.event for delivery in self.taken() if not types or delivery.event["type"] in types]

    def stop(self):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
