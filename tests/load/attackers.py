"""Clients that mean harm: a stream of requests at a steady rate, and connections that are no use to anybody.

Each runs in a process of its own, so that the buyers beside it are not held up by this side.
"""

import collections
import contextlib
import multiprocessing
import re
import selectors
import signal
import socket
import time

# An attack comes from elsewhere: here from other addresses of loopback.
SOURCE = "127.0.2."
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
TICK_S = 0.01


def connect(port, number, timeout_s=2):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s,
                                    source_address=(f"{SOURCE}{1 + number % 200}", 0))


class Stream:
    """Requests at a rate over some connections in turn, whether answers come or not; a connection that is closed is
    opened again. At most so many are unanswered on one connection."""

    UNANSWERED_MAX = 64

    def __init__(self, port, requests, rate, connections, from_one_address=False):
        self.port, self.requests, self.rate = port, requests, rate
        self.from_one_address = from_one_address
        self.selector = selectors.DefaultSelector()
        self.sockets, self.pending, self.unanswered = [], [], []
        self.statuses = collections.Counter()
        self.sent = 0
        for number in range(connections):
            self.sockets.append(None)
            self.pending.append(b"")
            self.unanswered.append(0)
            self._open(number)

    def _open(self, number):
        if self.sockets[number] is not None:
            with contextlib.suppress(KeyError):
                self.selector.unregister(self.sockets[number])
            self.sockets[number].close()
            self.sockets[number] = None
        self.pending[number], self.unanswered[number] = b"", 0
        try:
            sock = connect(self.port, 0 if self.from_one_address else number)
        except OSError:
            self.statuses["no connection"] += 1
            return
        sock.setblocking(False)
        self.sockets[number] = sock
        self.selector.register(sock, selectors.EVENT_READ, number)

    def run(self, stop):
        started, turn = time.monotonic(), 0
        while not stop.is_set():
            due = int((time.monotonic() - started) * self.rate) - self.sent
            for _ in range(min(due, 1000)):
                turn += 1
                self._send(turn % len(self.sockets))
            for key, _ in self.selector.select(TICK_S):
                self._read(key.data)
        for sock in self.sockets:
            if sock is not None:
                sock.close()

    def _send(self, number):
        self.sent += 1
        if self.sockets[number] is None:
            self._open(number)
        if self.sockets[number] is None:
            return
        if self.unanswered[number] >= self.UNANSWERED_MAX or len(self.pending[number]) > 1 << 20:
            self.statuses["held back"] += 1
            return
        self.pending[number] += next(self.requests)
        self.unanswered[number] += 1
        self._flush(number)

    def _flush(self, number):
        try:
            while self.pending[number]:
                sent = self.sockets[number].send(self.pending[number])
                self.pending[number] = self.pending[number][sent:]
        except BlockingIOError:
            pass
        except OSError:
            self._open(number)

    def _read(self, number):
        try:
            data = self.sockets[number].recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.statuses["closed"] += 1
            return self._open(number)
        # A status line that is cut in two is not counted: these are tallies, not proofs.
        for status in STATUS.findall(data):
            self.statuses[int(status)] += 1
            self.unanswered[number] = max(0, self.unanswered[number] - 1)
        if self.pending[number]:
            self._flush(number)


class ConnectionFlood:
    def __init__(self, port, count):
        self.port, self.count = port, count
        self.statuses = collections.Counter()

    def run(self, stop):
        number = 0
        while not stop.wait(0.05):
            opened = []
            for _ in range(self.count):
                number += 1
                with contextlib.suppress(OSError):
                    opened.append(connect(self.port, number))
            self.statuses["connections"] += len(opened)
            for sock in opened:
                sock.close()


class Idle:
    """Connections that are opened and then say nothing, or say `first` and stop in the middle."""

    def __init__(self, port, count, first=b""):
        self.port, self.count, self.first = port, count, first
        self.statuses = collections.Counter()

    def run(self, stop):
        sockets = []
        for number in range(self.count):
            if stop.is_set():
                break
            with contextlib.suppress(OSError):
                sockets.append(connect(self.port, number))
                sockets[-1].sendall(self.first)
        self.statuses["connections"] = len(sockets)
        stop.wait()
        for sock in sockets:
            sock.close()


class Trickle:
    """Requests that arrive a byte at a time and never end."""

    def __init__(self, port, count, first, rest):
        self.port, self.count, self.first, self.rest = port, count, first, rest
        self.statuses = collections.Counter()

    def run(self, stop):
        sockets = [self._begin(number) for number in range(self.count)]
        position = 0
        while not stop.wait(0.2):
            position += 1
            for number, sock in enumerate(sockets):
                try:
                    sock.sendall(self.rest[position % len(self.rest):][:1])
                except OSError:
                    self.statuses["cut off"] += 1
                    sock.close()
                    sockets[number] = self._begin(number)
        for sock in sockets:
            sock.close()

    def _begin(self, number):
        sock = socket.socket()
        with contextlib.suppress(OSError):
            sock = connect(self.port, number)
            sock.sendall(self.first)
        return sock


class NonReaders:
    """Clients that ask for much and read nothing."""

    def __init__(self, port, count, data):
        self.port, self.count, self.data = port, count, data
        self.statuses = collections.Counter()

    def run(self, stop):
        sockets = []
        for number in range(self.count):
            sock = connect(self.port, number)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            sockets.append(sock)
        while not stop.wait(0.2):
            for sock in sockets:
                with contextlib.suppress(OSError):
                    self.statuses["bytes asked"] += sock.send(self.data)
        for sock in sockets:
            sock.close()


class Attack:
    """Runs attackers, each in a process of its own, until the end of the with statement. `make` are functions that make
    them there."""

    def __init__(self, make):
        self._context = multiprocessing.get_context("fork")
        self._stop = self._context.Event()
        self._tallies = self._context.SimpleQueue()
        self._processes = [self._context.Process(target=self._run, args=(one,), daemon=True) for one in make]

    def _run(self, make):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        attacker = make()
        with contextlib.suppress(OSError):
            attacker.run(self._stop)
        self._tallies.put(dict(attacker.statuses))

    def __enter__(self):
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        deadline = time.monotonic() + 20
        for process in self._processes:
            process.join(max(0.1, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()

    def statuses(self):
        total = collections.Counter()
        while not self._tallies.empty():
            total.update(self._tallies.get())
        return dict(total.most_common())
