"""orders.csv: what stands in it, how it is sent, and that a file which is not whole never looks whole."""

import contextlib
import csv
import http.client
import io
import pathlib
import socket
import time
import unittest

import harness
from harness import ClusterCase, item_definition, wait_until

COLUMNS = ["order_id", "sale_id", "customer_id", "sku", "quantity", "unit_price", "currency", "total", "status",
           "created_at", "expires_at", "reason"]
MANY = 300_000  # rows of a large sale: some 45 MB of CSV
MEMORY_GROWTH_MAX = 32 * 1024 * 1024


class ExportCase(ClusterCase):
    def path(self, sale):
        return f"/admin/v1/sales/{sale}/orders.csv"

    def export(self, sale, **how):
        return self.cluster.admin("GET", self.path(sale), **how)

    def rows(self, response):
        self.check_status(response, 200)
        text = response.body.decode()
        self.assertTrue(text.endswith("\r\n"))
        lines = list(csv.reader(io.StringIO(text, newline="")))
        self.assertEqual(lines[0], COLUMNS)
        return [dict(zip(COLUMNS, line, strict=True)) for line in lines[1:]]

    def large_sale(self, count):
        """Cancelled orders, so that no store misses their units."""
        sale = self.cluster.create_sale()
        self.cluster.insert_orders(sale, [f"customer-{n}" for n in range(1, count + 1)], 3, given_back=True,
                                   reason="cancelled by the customer", seconds_apart=0.001)
        return sale

    @contextlib.contextmanager
    def begun(self, sale, version="1.1", port=None, receive_buffer=8192):
        """The socket of a client that has asked for an export and read the head and a little more."""
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(30 * harness.SLOWNESS)
            sock.connect(("127.0.0.1", port or self.cluster.instances[0].admin_port))
            sock.sendall(f"GET {self.path(sale)} HTTP/{version}\r\nHost: h\r\n"
                         f"Authorization: Bearer {self.cluster.admin_token}\r\n\r\n".encode())
            received = b""
            while len(received) < 2000:
                piece = sock.recv(500)
                self.assertTrue(piece, received)
                received += piece
            self.assertTrue(received.startswith(b"HTTP/1.1 200 OK\r\n"), received)
            yield sock

    def read_rest(self, sock):
        """What still comes, and how it ended: "closed" or "reset"."""
        received = []
        try:
            while piece := sock.recv(1 << 20):
                received.append(piece)
        except ConnectionResetError:
            return b"".join(received), "reset"
        return b"".join(received), "closed"

    def sessions(self):
        """What the exports' sessions are at in PostgreSQL: (state, holds a snapshot)."""
        return self.cluster.query("SELECT state, backend_xmin IS NOT NULL FROM pg_stat_activity "
                                  "WHERE datname = %s AND application_name LIKE 'exports-%%'", (self.cluster.database,))


class ContentTest(ExportCase):
    instances = 2

    def test_it_is_the_table(self):
        sale = self.cluster.create_sale(items=[item_definition(amount=250), item_definition(
            "sock", 9, amount=0, currency="SEK")])
        other = self.cluster.create_sale()
        self.check_status(self.cluster.buy(other, self.cluster.new_customer()), 201)
        orders = {}
        for number in range(20):
            customer = self.cluster.new_customer()
            response = self.check_status(self.cluster.buy(
                sale, customer, sku="sock" if number % 5 == 0 else "sneaker-42", quantity=1 + number % 2), 201)
            orders[response.json()["id"]] = (customer, response.json())
        cancelled = next(iter(orders))
        self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{cancelled}/cancel", {
            "reason": "called, \"at night\""}), 200)
        rows = self.rows(self.export(sale, where=1))
        self.assertEqual({row["order_id"] for row in rows}, set(orders))
        self.assertEqual(len(rows), 20)
        for row in rows:
            customer, order = orders[row["order_id"]]
            is_cancelled = row["order_id"] == cancelled
            self.assertEqual(row, {
                "order_id": order["id"], "sale_id": sale, "customer_id": customer, "sku": order["sku"],
                "quantity": str(order["quantity"]), "unit_price": str(order["unit_price"]["amount"]),
                "currency": order["unit_price"]["currency"], "total": str(order["total"]["amount"]),
                "status": "cancelled" if is_cancelled else "confirmed", "created_at": order["created_at"],
                "expires_at": "", "reason": "called, \"at night\"" if is_cancelled else ""})

    def test_no_customer_is_a_formula(self):
        sale = self.cluster.create_sale()
        names = ["=1+1", "+49", "-7", "@x", "a,b", 'say "hi"', "Jürgen", " ="]
        for name in names:
            self.check_status(self.cluster.buy(sale, name), 201)
        seen = {row["customer_id"] for row in self.rows(self.export(sale))}
        self.assertEqual(seen, {"'=1+1", "'+49", "'-7", "'@x", "a,b", 'say "hi"', "Jürgen", "' ="})

    def test_an_empty_sale_is_a_header(self):
        sale = self.cluster.create_sale()
        response = self.check_status(self.export(sale), 200)
        self.assertEqual(response.body.decode(), ",".join(COLUMNS) + "\r\n")

    def test_how_it_is_sent(self):
        sale = self.cluster.create_sale()
        response = self.check_status(self.export(sale), 200)
        self.assertEqual(response.header("Content-Type"), "text/csv; charset=utf-8; header=present")
        self.assertEqual(response.header("Content-Disposition"), f'attachment; filename="orders-{sale}.csv"')
        self.assertEqual(response.header("Transfer-Encoding"), "chunked")
        self.assertIsNone(response.header("Content-Length"))
        self.assertEqual(response.header("Cache-Control"), "no-store")

    def test_head_and_a_kept_connection(self):
        sale = self.large_sale(2000)
        fields = {"Authorization": f"Bearer {self.cluster.admin_token}"}
        with contextlib.closing(harness.Client(self.cluster.instances[0].admin_port)) as client:
            head = self.check_status(client.request("HEAD", self.path(sale), headers=fields), 200)
            self.assertEqual(head.body, b"")
            self.assertIn(sale, head.header("Content-Disposition"))
            client.connect()
            source = client._connection.sock.getsockname()
            for _ in range(3):
                self.assertEqual(len(self.rows(client.get(self.path(sale), fields))), 2000)
                self.check_status(client.get("/livez"), 200)
            self.assertEqual(client._connection.sock.getsockname(), source)

    def test_an_old_client_reads_to_the_end_of_the_connection(self):
        sale = self.large_sale(5000)
        with self.begun(sale, version="1.0") as sock:
            rest, end = self.read_rest(sock)
        self.assertEqual(end, "closed")
        self.assertTrue(rest.endswith(b",cancelled by the customer\r\n"))

    def test_who_may_have_it(self):
        sale = self.cluster.create_sale()
        for method in ("GET", "HEAD"):
            response = self.cluster.admin(method, self.path(sale), token=False)
            self.assertEqual(response.status, 401)
        self.check_status(self.export("no-such-sale"), 404, "unknown-sale")
        self.check_status(self.cluster.client().get(self.path(sale)), 404, "not-found")

    def test_while_the_sale_sells_it_is_one_moment(self):
        sale = self.cluster.create_sale(stock=100_000)
        with harness.Shoppers(self.cluster, sale, self.cluster.ports, threads=8) as shoppers:
            sizes = [len({row["order_id"] for row in self.rows(self.export(sale))}) for _ in range(5)]
            shoppers.finish()
        self.assertEqual(sizes, sorted(sizes))
        rows = self.rows(self.export(sale))
        self.assertEqual(len(rows), shoppers.count("confirmed"))
        self.cluster.wait_consistent(sale)


class LargeTest(ExportCase):
    def peak(self, work):
        """The most resident memory that the instance had during the work."""
        process = pathlib.Path("/proc", str(self.cluster.instances[0].process.pid))
        (process / "clear_refs").write_text("5")
        work()
        line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def test_memory_does_not_grow_with_the_sale(self):
        small, large = self.large_sale(1000), self.large_sale(MANY)
        self.assertEqual(len(self.rows(self.export(small))), 1000)
        few = self.peak(lambda: self.export(small))
        started = time.monotonic()
        rows = []
        many = self.peak(lambda: rows.append(self.export(large)))
        seconds = time.monotonic() - started
        self.assertEqual(rows[0].body.count(b"\r\n"), MANY + 1)
        print(f"peak of resident memory: {few / 2**20:.1f} MiB for 1,000 rows, {many / 2**20:.1f} MiB for {MANY:,}; "
              f"{len(rows[0].body) / 2**20:.0f} MiB in {seconds:.1f} s")
        if harness.SLOWNESS == 1:  # a sanitizer's quarantine has its own ideas
            self.assertLessEqual(many - few, MEMORY_GROWTH_MAX)
        ids = {line.partition(b",")[0].decode() for line in rows[0].body.split(b"\r\n")[1:-1]}
        self.assertEqual(ids, {row[0] for row in self.cluster.query(
            "SELECT order_id::text FROM order_units WHERE sale_id = %s", (large,))})

    def test_a_slow_reader_costs_little_and_holds_no_snapshot(self):
        sale = self.large_sale(50_000)
        with self.begun(sale) as sock:
            time.sleep(7)  # beyond every time-out of an ordinary session
            self.assertEqual(self.sessions(), [("idle", False)])
            self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report"), 200)
            rest, _ = self.read_whole(sock)
        self.assertTrue(rest.endswith(b"\r\n0\r\n\r\n"))

    def read_whole(self, sock):
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            piece = sock.recv(1 << 20)
            if not piece:
                return received, "closed"
            received += piece
        return received, "whole"

    def test_two_at_once_and_those_who_leave_make_room(self):
        sale = self.large_sale(50_000)
        with self.begun(sale), self.begun(sale):
            refused = self.check_status(self.export(sale), 503, "overloaded")
            self.assertGreater(int(refused.header("Retry-After")), 0)
            self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report"), 200)
        wait_until(lambda: self.export(sale).status == 200, 10, "the places of those who left are not free")
        with self.begun(sale):
            self.assertEqual(len(self.rows(self.export(sale))), 50_000)


class StalledClientTest(ExportCase):
    settings = {"http.write_timeout_ms": 500}

    def test_whoever_does_not_read_is_cut(self):
        sale = self.large_sale(50_000)
        for version in ("1.1", "1.0"):
            with self.subTest(version), self.begun(sale, version) as sock:
                time.sleep(3 * harness.SLOWNESS)
                rest, end = self.read_rest(sock)
                self.assertEqual(end, "reset")
                self.assertFalse(rest.endswith(b"\r\n0\r\n\r\n"))
        wait_until(lambda: self.export(sale).status == 200, 10, "no place is free")


class PostgresDiesTest(ExportCase):
    own_postgres = True

    def test_a_broken_export_never_looks_whole(self):
        sale = self.large_sale(50_000)
        for version in ("1.1", "1.0"):
            with self.subTest(version), self.begun(sale, version) as sock:
                self.cluster.postgres.crash()
                rest, end = self.read_rest(sock)
                self.assertFalse(rest.endswith(b"\r\n0\r\n\r\n"))
                self.assertEqual(end, "reset")
            self.check_status(self.export(sale), 503, "unavailable")
            self.cluster.postgres.start()
        wait_until(lambda: self.export(sale).status == 200, 10, "no export after the restart")
        self.assertEqual(len(self.rows(self.export(sale))), 50_000)

    def test_as_an_ordinary_client_sees_it(self):
        sale = self.large_sale(50_000)
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.instances[0].admin_port, timeout=30)
        connection.request("GET", self.path(sale), headers={"Authorization": f"Bearer {self.cluster.admin_token}"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        answer.read(1000)
        self.cluster.cut_sessions()
        with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
        connection.close()


class StopTest(ExportCase):
    def test_a_stop_does_not_wait_for_a_slow_reader(self):
        sale = self.large_sale(50_000)
        instance = self.cluster.add_instance()
        with self.begun(sale, port=instance.admin_port) as sock:
            started = time.monotonic()
            self.assertEqual(instance.stop(), 0)
            self.assertLess(time.monotonic() - started, 15 * harness.SLOWNESS)
            rest, end = self.read_rest(sock)
        self.assertEqual(end, "reset")
        self.assertFalse(rest.endswith(b"\r\n0\r\n\r\n"))


if __name__ == "__main__":
    unittest.main()
