"""HTTP as bytes: what is no HTTP, request smuggling, slow and pipelining clients, and the bounds on connections."""

import contextlib
import json
import re
import socket
import time
import unittest

import harness
from harness import SLOWNESS, ClusterCase


class RawCase(ClusterCase):
    def exchange(self, data, **how):
        return harness.raw_exchange(self.cluster.instances[0].port, data, **how)

    def assert_refused_and_closed(self, data, status=400, problem="malformed-request"):
        received, closed = self.exchange(data)
        answer, headers, body = harness.parse_raw(received)
        self.assertEqual(answer, status, received)
        self.assertTrue(headers.get("content-type", "").startswith("application/problem+json"), received)
        self.assertEqual(json.loads(body)["type"], f"/problems/{problem}")
        self.assertTrue(closed, "the connection stays open")
        self.assertEqual(len(re.findall(rb"HTTP/1\.1 \d{3} ", received)), 1, f"more than one answer: {received}")


class BytesTest(RawCase):
    def test_bytes_that_are_no_http(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"hello\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/sales\r\n\r\n", b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", b"\x00" * 32 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"):
            with self.subTest(data[:40]):
                self.assert_refused_and_closed(data)

    def test_smuggling(self):
        inner = b"GET /v1/sales HTTP/1.1\r\nHost: a\r\n\r\n"
        chunks = b"0\r\n\r\n"
        post = b"POST /v1/sales/x/orders HTTP/1.1\r\nHost: a\r\n"
        forms = {
            "not ending in chunked": post + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + chunks,
            "another coding": post + b"Transfer-Encoding: gzip\r\n\r\n" + inner,
            "a coding before chunked": post + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks,
            "an unknown coding": post + b"Transfer-Encoding: xchunked\r\n\r\n" + inner,
            "both": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
            "both, the other way round": post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks,
            "length behind another coding": post + b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n" + chunks,
            "twice": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
            "identity": post + b"Transfer-Encoding: identity\r\n\r\n" + inner,
            "chunked on HTTP/1.0": b"POST /v1/sales/x/orders HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                   b"Connection: keep-alive\r\n\r\n" + chunks,
            "two lengths": post + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + inner,
            "a list of lengths": post + b"Content-Length: 0, 5\r\n\r\n" + inner,
            "a folded line": post + b"X-A: a\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n" + inner,
            "a space before the colon": post + b"Transfer-Encoding : chunked\r\n\r\n" + chunks,
        }
        for name, data in forms.items():
            with self.subTest(name):
                self.assert_refused_and_closed(data)

    def test_chunked_body(self):
        sale = self.cluster.create_sale()
        head = (f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                f"{self.cluster.token('chunky')}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
                "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n").encode()
        received, closed = self.exchange(head + b'10\r\n{"sku":"sneaker-\r\n11;x=y\r\n42","quantity":1}\r\n'
                                         b"0\r\nTrailer: t\r\n\r\n")
        self.assertEqual(harness.parse_raw(received)[0], 201, received)
        self.assertTrue(closed)

    def test_http_1_0_and_close(self):
        received, closed = self.exchange(b"GET /livez HTTP/1.0\r\n\r\n")
        self.assertEqual(harness.parse_raw(received)[0], 200, received)
        self.assertTrue(closed)
        received, closed = self.exchange(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertEqual(harness.parse_raw(received)[0], 200, received)
        self.assertTrue(closed)

    def test_pipelined_requests_are_answered_in_order(self):
        sale = self.cluster.create_sale()
        body = b'{"sku":"sneaker-42","quantity":1}'
        buy = (f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
               f"{self.cluster.token('piper')}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
               f"X-Request-Id: n-2\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        get = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: n-%d\r\n%s\r\n"
        received, closed = self.exchange(get % (1, b"") + buy + get % (3, b"Connection: close\r\n"))
        self.assertTrue(closed)
        lines = received.split(b"\r\n")
        self.assertEqual([line.split()[1] for line in lines if b"HTTP/1.1 " in line], [b"200", b"201", b"200"],
                         received)
        ids = [line.split(b":")[1].strip() for line in lines if line.lower().startswith(b"x-request-id:")]
        self.assertEqual(ids, [b"n-1", b"n-2", b"n-3"])

    def test_expect_100_continue(self):
        sale = self.cluster.create_sale()
        body = b'{"sku":"sneaker-42","quantity":1}'
        with socket.create_connection(("127.0.0.1", self.cluster.instances[0].port), timeout=5) as sock:
            sock.sendall((f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                          f"{self.cluster.token('polite')}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n").encode())
            received = sock.recv(4096)
            self.assertTrue(received.startswith(b"HTTP/1.1 100 "), received)
            sock.sendall(body)
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
        self.assertEqual(harness.parse_raw(received)[0], 201, received)

    def test_client_that_leaves_before_its_answer(self):
        """The order stands all the same, and the server lives."""
        sale = self.cluster.create_sale(stock=100)
        body = b'{"sku":"sneaker-42","quantity":1}'
        for number in range(40):
            with socket.create_connection(("127.0.0.1", self.cluster.instances[0].port), timeout=5) as sock:
                sock.sendall((f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                              f"{self.cluster.token(f'leaver-{number}')}\r\nIdempotency-Key: k\r\nContent-Type: "
                              f"application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
        harness.wait_until(lambda: self.cluster.query("SELECT sold FROM item_stock WHERE sale_id = %s",
                                                      (sale,)) == [(40,)], 5, "orders of clients that left are gone")
        self.cluster.wait_consistent(sale)
        response = self.cluster.buy(sale, "leaver-7", "k")
        self.check_status(response, 200)

    def test_query_and_escapes_in_the_target(self):
        sale = self.cluster.create_sale()
        client = self.cluster.client()
        self.check_status(client.get(f"/v1/sales/{sale}?utm_source=mail"), 200)
        escaped = "".join(f"%{ord(letter):02x}" for letter in sale)
        self.check_status(client.get(f"/v1/sales/{escaped}"), 200)
        for target in ("/v1/sales/%", "/v1/sales/%zz", "/v1/sales/%2", "/v1/sales/a%2fb", "//v1/sales",
                       "/v1/../v1/sales"):
            with self.subTest(target):
                self.assertIn(client.get(target).status, (400, 404))


class BoundsTest(RawCase):
    settings = {"http.connections_max": 20, "http.header_timeout_ms": 600, "http.body_timeout_ms": 600,
                "http.idle_timeout_ms": 1500}

    def test_slow_headers_and_bodies_are_cut_off(self):
        for data in (b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ",
                     b"POST /v1/sales/x/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", self.cluster.instances[0].port), timeout=10) as sock:
                sock.sendall(data)
                received = b""
                with contextlib.suppress(ConnectionResetError):
                    while chunk := sock.recv(4096):
                        received += chunk
            self.assertGreater(time.monotonic() - began, 0.5)
            self.assertLess(time.monotonic() - began, 3 * SLOWNESS)
            if received:
                self.assertEqual(harness.parse_raw(received)[0], 408, received)

    def test_trickling_does_not_help(self):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.cluster.instances[0].port), timeout=10) as sock:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ")
                for _ in range(100):
                    sock.sendall(b"x")
                    time.sleep(0.05)
        self.assertLess(time.monotonic() - began, 3 * SLOWNESS)

    def test_idle_connections_are_closed(self):
        with contextlib.closing(self.cluster.instances[0].client()) as client:
            self.check_status(client.get("/livez"), 200)
            sock = client._connection.sock
            sock.settimeout(5 * SLOWNESS)
            began = time.monotonic()
            self.assertEqual(sock.recv(1), b"")
            self.assertGreater(time.monotonic() - began, 1.0)

    def test_one_connection_too_many(self):
        held = []
        try:
            for _ in range(20):
                held.append(self.cluster.instances[0].client().connect())
            time.sleep(0.1)
            received, closed = self.exchange(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(closed)
            if received:
                status, headers, _ = harness.parse_raw(received)
                self.assertEqual(status, 503, received)
                self.assertIn("retry-after", headers)
        finally:
            for client in held:
                client.close()

        def free():
            with contextlib.suppress(OSError, ValueError, IndexError):
                received, _ = self.exchange(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return harness.parse_raw(received)[0] == 200
            return False
        harness.wait_until(free, 5, "connections that were closed still count")


if __name__ == "__main__":
    unittest.main()
