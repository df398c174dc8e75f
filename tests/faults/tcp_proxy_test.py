"""The proxy that breaks the network for the fault scenarios breaks what it says, and nothing else."""

import contextlib
import socket
import threading
import time
import unittest

import harness
from tcp_proxy import BACK, TOWARDS, Cut, TcpProxy

QUIET_S = 0.1  # so long nothing may come
SOON_S = 5 * harness.SLOWNESS


class EchoServer:
    """Answers each piece with the same bytes; keeps what it got, and how each connection ended."""

    def __init__(self):
        self.received = b""
        self.ends = []  # "FIN" or "RST"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                while data := client.recv(65536):
                    self.received += data
                    client.sendall(data)
                self.ends.append("FIN")
            except OSError:
                self.ends.append("RST")

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class TcpProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = EchoServer()
        self.addCleanup(self.server.stop)
        self.proxy = TcpProxy(harness.free_port(), self.server.port)
        self.addCleanup(self.proxy.stop)

    def connect(self, timeout_s=SOON_S):
        client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=timeout_s)
        self.addCleanup(client.close)
        return client

    def receive(self, client, count):
        data = b""
        while len(data) < count and (more := client.recv(count - len(data))):
            data += more
        return data

    def assert_echo(self, client, data=b"hello"):
        client.sendall(data)
        self.assertEqual(self.receive(client, len(data)), data)

    def assert_silent(self, client):
        client.settimeout(QUIET_S)
        with self.assertRaises(TimeoutError):
            client.recv(1)
        client.settimeout(SOON_S)

    def wait_for_server(self, what, condition):
        harness.wait_until(condition, 5, what, 0.005)

    def connected(self):
        client = self.connect()
        self.assert_echo(client)
        return client

    def test_passes_everything_and_both_ways(self):
        client = self.connect()
        sent = bytes(range(256)) * 8192
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        self.assertEqual(self.receive(client, len(sent)), sent)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(1), b"")
        self.assertEqual(self.server.ends, ["FIN"])
        harness.wait_until(lambda: self.proxy.connections == 0, 5, "the connection is kept")

    def test_stalls_one_direction(self):
        for direction, arrives in ((TOWARDS, b""), (BACK, b"a")):
            with self.subTest(direction):
                client = self.connected()
                self.server.received = b""
                self.proxy.stall(direction)
                client.sendall(b"a")
                self.assert_silent(client)
                self.assertEqual(self.server.received, arrives)
                self.proxy.mend()
                self.assertEqual(self.receive(client, 1), b"a")

    def test_stalls_new_connections_alone(self):
        old = self.connected()
        self.proxy.stall(existing=False)
        self.assert_echo(old)
        new = self.connect()
        new.sendall(b"a")
        self.assert_silent(new)
        self.proxy.mend()
        self.assertEqual(self.receive(new, 1), b"a")

    def test_a_stall_keeps_the_end_back_too(self):
        client = self.connected()
        self.proxy.stall(TOWARDS)
        client.close()
        time.sleep(QUIET_S)
        self.assertEqual(self.server.ends, [])
        self.proxy.mend()
        self.wait_for_server("no FIN", lambda: self.server.ends == ["FIN"])

    def test_throttles(self):
        client = self.connected()
        self.proxy.throttle(20_000, TOWARDS)
        began = time.monotonic()
        self.assert_echo(client, b"x" * 6000)
        self.assertGreater(time.monotonic() - began, 0.2)

    def test_delays(self):
        client = self.connected()
        self.proxy.delay(0.1)
        began = time.monotonic()
        self.assert_echo(client)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        self.proxy.mend()
        self.assert_echo(client)

    def test_cuts_with_rst(self):
        client = self.connected()
        self.assertEqual(self.proxy.cut(), 1)
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        self.wait_for_server("no RST", lambda: self.server.ends == ["RST"])
        self.connected()

    def test_cuts_with_fin(self):
        client = self.connected()
        self.proxy.cut(Cut.FIN)
        self.assertEqual(client.recv(1), b"")
        self.wait_for_server("no FIN", lambda: self.server.ends == ["FIN"])
        self.server.received = b""
        client.sendall(b"nobody reads this")
        time.sleep(QUIET_S)
        self.assertEqual(self.server.received, b"")

    def test_a_black_hole_says_nothing_of_the_end(self):
        client = self.connected()
        self.server.received = b""
        self.proxy.black_hole()
        client.sendall(b"a")
        self.assert_silent(client)
        self.connected()
        client.close()
        self.proxy.mend()
        time.sleep(QUIET_S)
        self.assertEqual((self.server.received, self.server.ends), (b"hello", []))

    def test_stops_once(self):
        self.connected()
        self.proxy.stop()
        self.proxy.stop()

    def test_refuses_and_listens_again(self):
        client = self.connected()
        self.proxy.refuse()
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.assert_echo(client)
        self.proxy.mend()
        self.connected()

    def test_ignores_new_connections(self):
        client = self.connected()
        self.proxy.ignore_new()
        with self.assertRaises(TimeoutError):
            self.connect(0.3)
        self.assert_echo(client)
        self.proxy.mend()
        self.connected()

    def test_cuts_before_and_after_a_pattern(self):
        for keep, passed in ((0, b"begin "), (6, b"begin COMMIT")):
            with self.subTest(keep):
                self.server.received = b""
                client = self.connect()
                seen = []

                def act(connection, data, at, keep=keep, seen=seen):
                    seen.append((connection.opening, data[at:]))
                    return at + keep

                with self.proxy.watching(TOWARDS, b"COMMIT", act):
                    client.sendall(b"begin COMMIT; and more")
                    with self.assertRaises(ConnectionResetError):
                        while client.recv(100):
                            pass
                self.assertEqual(seen, [(b"begin COMMIT; and more", b"COMMIT; and more")])
                self.wait_for_server("not all has come", lambda passed=passed: self.server.received == passed)

    def test_a_pattern_in_pieces(self):
        client = self.connect()
        places = []
        with self.proxy.watching(TOWARDS, b"COMMIT", lambda _connection, _data, at: places.append(at)):
            for piece in (b"xCOM", b"M", b"ITCOMMITCOM", b"x"):
                self.assert_echo(client, piece)
        self.assertEqual(places, [-4, 2])

    def test_loses_the_answer_and_not_the_request(self):
        client = self.connected()
        self.server.received = b""
        with self.proxy.watching(TOWARDS, b"COMMIT", lambda connection, _data, _at: connection.lose_next(BACK)):
            client.sendall(b"COMMIT")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
        self.assertEqual(self.server.received, b"COMMIT")

    def test_half_an_answer(self):
        client = self.connected()
        with self.proxy.watching(BACK, b"", lambda _connection, data, _at: len(data) // 2, Cut.FIN):
            client.sendall(b"0123456789")
            self.assertEqual(self.receive(client, 10), b"01234")


if __name__ == "__main__":
    unittest.main()
