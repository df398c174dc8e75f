"""The checkers themselves: one that cannot fail shows nothing."""

import base64
import contextlib
import copy
import json
import time
import types
import unittest
import unittest.mock
import uuid

import psycopg2

import harness
from harness import Purchase, check_buyers
from harness.event_readers import QueueReader


class CannedCluster:
    """What PostgreSQL and the audit would say."""

    def __init__(self, stock, rows, limit=0, sold=None, remaining=None):
        self.rows = rows
        live = sum(row[3] for row in rows if row[4] in ("confirmed", "awaiting_payment"))
        self.stock = [("shoe", stock, live if sold is None else sold)]
        self.limit = limit
        self.remaining = stock - live if remaining is None else remaining

    def wait_consistent(self, _sale, _timeout_s, _where):
        return {"items": [{"sku": "shoe", "remaining": self.remaining}]}

    def query(self, sql, _parameters):
        return self.rows if "order_units" in sql else self.stock

    def admin(self, _method, _path, where=0):
        body = {"items": [{"sku": "shoe", "limit_per_customer": self.limit}]}
        return types.SimpleNamespace(json=lambda: body)


def purchase(customer, status=201, outcome="confirmed", quantity=1, order_id=None, key="k"):
    one = Purchase("sale", customer, key, "shoe", quantity, statuses=[status], outcome=outcome)
    if order_id or status in (200, 201, 202):
        one.ids = {order_id or str(uuid.uuid4())}
    return one


def row_of(one, **changes):
    row = {"id": next(iter(one.ids)), "customer": one.customer, "sku": one.sku, "quantity": one.quantity,
           "status": one.outcome} | changes
    return tuple(row.values())


class CheckBuyersTest(unittest.TestCase):
    def setUp(self):
        self.winners = [purchase("ann"), purchase("bob"), purchase("cid", 202, "rejected")]
        self.losers = [purchase("dan", 409, "refused")]
        self.rows = [row_of(winner) for winner in self.winners]

    def assert_breach(self, what, cluster, purchases=None):
        with self.assertRaisesRegex(AssertionError, what):
            check_buyers(cluster, purchases if purchases is not None else self.winners + self.losers)

    def test_nothing_is_wrong(self):
        check_buyers(CannedCluster(5, self.rows), self.winners + self.losers)

    def test_oversold(self):
        self.assert_breach("OVERSOLD", CannedCluster(1, self.rows))

    def test_sold_that_does_not_agree(self):
        self.assert_breach("sold is 1, live units are 2", CannedCluster(5, self.rows, sold=1))

    def test_stranded_unit(self):
        self.assert_breach("but the audit says", CannedCluster(5, self.rows, remaining=2))

    def test_lost_order(self):
        self.assert_breach("LOST", CannedCluster(5, self.rows[1:]))

    def test_order_that_is_there_twice(self):
        self.assert_breach("twice", CannedCluster(5, [*self.rows, self.rows[0]]))

    def test_order_that_nobody_was_told_of(self):
        extra = (str(uuid.uuid4()), "dan", "shoe", 1, "confirmed")
        self.assert_breach("dan was told of 0 units and has 1", CannedCluster(5, [*self.rows, extra]))

    def test_promise_that_was_taken_back(self):
        self.winners[0].outcome = "rejected"
        self.rows[0] = row_of(self.winners[0])
        self.assert_breach("taken back", CannedCluster(5, self.rows))

    def test_row_of_another_quantity(self):
        self.rows[0] = row_of(self.winners[0], quantity=2)
        self.assert_breach("does not agree", CannedCluster(5, self.rows))

    def test_two_ids_for_one_key(self):
        self.winners[0].ids.add(str(uuid.uuid4()))
        self.assert_breach("one key, several orders", CannedCluster(5, self.rows))

    def test_one_id_for_two_keys(self):
        other = purchase("eve", order_id=next(iter(self.winners[0].ids)))
        self.assert_breach("one order for two keys", CannedCluster(5, self.rows), [*self.winners, other])

    def test_two_created_for_one_key(self):
        self.winners[0].statuses = [201, 201]
        self.assert_breach("more than once", CannedCluster(5, self.rows))

    def test_over_the_limit(self):
        second = purchase("ann", key="k-2")
        self.assert_breach("OVER THE LIMIT", CannedCluster(5, [*self.rows, row_of(second)], limit=1),
                           [*self.winners, second])

    def test_endless_pending(self):
        self.winners.append(purchase("eve", 202, "unknown"))
        self.assert_breach("without an end", CannedCluster(5, self.rows))

    def test_open_question_is_no_breach(self):
        self.winners.append(purchase("eve", 503, "unknown"))
        extra = (str(uuid.uuid4()), "eve", "shoe", 1, "confirmed")
        check_buyers(CannedCluster(5, [*self.rows, extra]), copy.copy(self.winners))


class ReadersTest(unittest.TestCase):
    def test_one_stops_without_its_broker(self):
        with unittest.mock.patch.object(QueueReader, "_connect"):
            reader = QueueReader(f"amqp://127.0.0.1:{harness.free_port()}/")
        reader.stop()


class PiecesTest(unittest.TestCase):
    def test_token(self):
        head, payload, signature = harness.make_token("s" * 32, {"sub": "a"}).split(".")
        decoded = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.assertEqual(decoded, {"sub": "a"})
        self.assertNotIn("=", head + payload + signature)

    def test_time(self):
        self.assertEqual(harness.rfc3339(0), "1970-01-01T00:00:00.000000Z")
        self.assertAlmostEqual(harness.unix_time(harness.rfc3339(1_790_000_000.25)), 1_790_000_000.25, places=5)

    def test_settings_as_environment(self):
        self.assertEqual(harness.setting_environment({"rate_limit.enabled": False, "http.port": 1, "log.level": None}),
                         {"FLASHSALE_RATE_LIMIT_ENABLED": "false", "FLASHSALE_HTTP_PORT": "1"})


    def test_order_ids(self):
        """Those of tests/unit/order_id_test.cpp."""
        salt = "01234567-89ab-cdef-fedc-ba9876543210"
        for parts, order_id in (((7, "alice", "key-1"), "00000007-7c29-8421-a178-1d002844a74d"),
                                ((1, "", ""), "00000001-8843-8641-86c4-bf0a5849b8df"),
                                ((2_147_483_647, "zo\u00eb", "k" * 255), "7fffffff-e59c-8522-be62-439704ab5eff")):
            self.assertEqual(harness.order_id(salt, *parts), order_id)
            first, last = harness.customer_range(salt, *parts[:2])
            self.assertLess(first, order_id)
            self.assertLess(order_id, last)


class StoresTest(unittest.TestCase):
    def test_paused_and_crashed_postgres(self):
        server = harness.PostgresServer(harness.run_directory() / "own")
        try:
            self.assertEqual(server.execute("postgres", "SHOW fsync"), [("on",)])
            server.pause()
            with self.assertRaises(psycopg2.OperationalError):
                psycopg2.connect(server.url("postgres"), connect_timeout=2)
            server.resume()
            server.crash()
            server.start()
            self.assertEqual(server.execute("postgres", "SELECT 1"), [(1,)])
        finally:
            server.stop()

    def test_redis_keeps_its_data_over_a_kill(self):
        server = harness.RedisServer(harness.run_directory() / "own-redis")
        try:
            server.client.set("a", "1")
            harness.wait_until(lambda: server.client.info("persistence")["aof_pending_bio_fsync"] == 0, 5, "fsync")
            time.sleep(1.1)
            server.restart()
            self.assertEqual(server.client.get("a"), b"1")
        finally:
            server.stop()

    def test_nginx_starts(self):
        nginx = harness.Nginx(harness.run_directory() / "nginx-alone", [harness.free_port()])
        try:
            with contextlib.closing(nginx.client()) as client:
                self.assertEqual(client.get("/livez").status, 503)
        finally:
            nginx.stop()


if __name__ == "__main__":
    unittest.main()
