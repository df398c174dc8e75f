"""Somebody sends tokens with wrong signatures, as many as they can: who else is hurt?"""

import collections
import contextlib
import re
import signal
import socket
import threading
import time
import unittest

import harness
from harness import ClusterCase

FORGER = "127.0.0.66"  # which is no trusted proxy
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Flood:
    """Forged tokens over two connections, no two alike, until the end of the with statement or its time is over."""

    PIPELINED = 50
    RATE = 3000
    SECONDS_MAX = 60

    def __init__(self, port):
        self.port = port
        self.statuses = collections.Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        harness.wait_until(lambda: self.statuses[503] > 100, 30, "forged tokens are all checked")
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self):
        claims = harness.customer_claims("mallory")
        ends_at = time.monotonic() + self.SECONDS_MAX
        with socket.create_connection(("127.0.0.1", self.port), 30, source_address=(FORGER, 0)) as sock:
            while not self._stop.wait(self.PIPELINED * len(self._threads) / self.RATE) and time.monotonic() < ends_at:
                sock.sendall(b"".join(self._request(harness.Es256Key.forged(claims)) for _ in range(self.PIPELINED)))
                received = b""
                while len(STATUS.findall(received)) < self.PIPELINED:
                    data = sock.recv(1 << 16)
                    if not data:
                        return
                    received += data
                self.statuses.update(map(int, STATUS.findall(received)))

    @staticmethod
    def _request(token):
        return f"GET /v1/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class ForgedTokensTest(ClusterCase):
    instances = 0

    def setUp(self):
        self.key = harness.Es256Key(self.cluster.directory)
        self.instance = self.cluster.add_instance({"jwt.public_key_file": self.key.public,
                                                   "jwt.public_key_algorithm": "ES256", "http.threads": 2})
        self.where = self.cluster.instances.index(self.instance)
        self.sale = self.cluster.create_sale(where=self.where, stock=1000)

    def tearDown(self):
        self.instance.stop()

    def tokens(self, count):
        return [self.key.token(harness.customer_claims(self.cluster.new_customer())) for _ in range(count)]

    def buy(self, token, address=None):
        """One try on a connection of its own, so that it comes to either thread."""
        headers = {"Authorization": f"Bearer {token}"} | ({"X-Forwarded-For": address} if address else {})
        with contextlib.closing(self.instance.client()) as client:
            return self.cluster.buy(self.sale, "nobody", client=client, headers=headers)

    def test_new_customers_from_elsewhere(self):
        tokens = self.tokens(40)
        with Flood(self.instance.port) as flood:
            for number, token in enumerate(tokens):
                self.check_status(self.buy(token, f"198.51.100.{number}"), 201)
                time.sleep(0.02)
        self.assertEqual({401, 503}, set(flood.statuses))

    def test_customers_behind_the_forgers_address(self):
        [early, late] = self.tokens(2)
        self.check_status(self.buy(early, FORGER), 201)
        with Flood(self.instance.port):
            # Whoever is known to one thread is known to both, and not hurt at all.
            for _ in range(20):
                self.check_status(self.buy(early, FORGER), 201)
            # A first token competes with the forged ones, and is known from then on.
            harness.wait_until(lambda: self.buy(late, FORGER).status == 201, 30, "a new customer is never let in")
            for _ in range(20):
                self.check_status(self.buy(late, FORGER), 201)

    def test_a_key_that_is_withdrawn(self):
        [token] = self.tokens(1)
        for _ in range(4):
            self.check_status(self.buy(token), 201)
        other = harness.Es256Key(self.cluster.directory, "other")
        self.key.public.write_text(other.public.read_text())
        before = len(self.instance.process.log_text())
        self.instance.process.send(signal.SIGHUP)
        harness.wait_until(lambda: "settings read again" in self.instance.process.log_text()[before:], 10,
                           "the key is not read again")
        harness.wait_until(lambda: self.buy(token).status == 401, 5, "the key is still known")
        time.sleep(0.1)  # each thread takes the keys in its own turn
        for _ in range(8):
            self.check_status(self.buy(token), 401, "unauthorized")
        self.assertIn("jwt.public_key_file", self.instance.process.log_text()[before:])


if __name__ == "__main__":
    unittest.main()
