"""A TCP switch on loopback: whoever connects to its port reaches the server that it points to. Pointing it elsewhere
cuts what is open, as a proxy does that follows the master."""

import contextlib
import select
import socket
import threading

import harness


class Switch:
    def __init__(self, target=None):
        self.port = harness.free_port()
        self._target = target  # a port; None: connections are closed at once
        self._pairs = set()    # (near, far)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self):
        return self._target

    def point_to(self, target):
        with self._lock:
            self._target = target
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            self._cut(pair)

    def cut(self):
        self.point_to(None)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @staticmethod
    def _cut(pair):
        """Wakes the thread that forwards, which then closes both."""
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        target = self._target
        if target is None:
            return near.close()
        try:
            far = socket.create_connection(("127.0.0.1", target), timeout=2)
        except OSError:
            return near.close()
        with near, far:
            for end in (near, far):
                end.settimeout(10)  # of sending
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (near, far)
            with self._lock:
                if self._target != target:
                    return None
                self._pairs.add(pair)
            with contextlib.suppress(OSError):
                self._forward({near: far, far: near})
            with self._lock:
                self._pairs.discard(pair)
        return None

    @staticmethod
    def _forward(other_of):
        while True:
            for end in select.select(list(other_of), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                other_of[end].sendall(data)
