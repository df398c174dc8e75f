"""flashsale-load against real servers: a mixed crowd whose check is green, and lies that it must find."""

import contextlib
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

import harness
from harness import SLOWNESS, ClusterCase
from harness.payment_provider import make_secret

MIX = {"retry_share": 0.1, "duplicate_share": 0.1, "greedy_share": 0.05, "reader_share": 0.1, "cancel_share": 0.1,
       "respond_async_share": 0.1}


SECRET = make_secret()
WINDOW_S = 2
PAYMENTS = {"pay_share": 0.35, "pay_late_share": 0.2, "pay_twice_share": 0.15, "pay_fail_share": 0.1,
            "cancel_share": 0.15, "create_payment_window_s": WINDOW_S, "webhook_secret": SECRET}


class LoadCase(ClusterCase):
    own_postgres = True
    settings = {"rate_limit.enabled": False}

    def start(self, **options):
        # What is settled is not waited for; a machine with other things to do takes its time.
        command = harness.load_command(self.cluster, create_limit=2, settle_s=60, **options)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run_load(self, **options):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            with self.start(**options, json=out.name) as child:
                output = child.communicate(timeout=120 * SLOWNESS)[0]
            text = pathlib.Path(out.name).read_text(encoding="utf-8")
            return child.returncode, output, json.loads(text) if text else None


@unittest.skipUnless(harness.LOAD.exists(), "flashsale-load is not built in this tree")
class LoadTest(LoadCase):
    def state(self, result):
        return self.cluster.admin("GET", f"/admin/v1/sales/{result['sale']}").json()["state"]

    def test_open_loop_of_a_mixed_crowd(self):
        code, output, result = self.run_load(**MIX, rate=1500, seconds=4, buyers=20_000, create_stock=100_000)
        self.assertEqual(code, 0, output)
        self.assertTrue(result["check"]["passed"], output)
        self.assertGreater(result["checkouts"]["created"], 500, output)
        self.assertGreater(result["checkouts"]["replayed"], 20, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("limit-exceeded", 0), 20, output)
        self.assertEqual(self.state(result), "closed")

    def test_closed_loop_that_sells_out(self):
        code, output, result = self.run_load(**MIX, connections=64, seconds=4, buyers=50_000, create_stock=1500,
                                             keep_open=True)
        self.assertEqual(code, 0, output)
        self.assertGreaterEqual(result["checkouts"]["created"], 1000, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("sold-out", 0), 500, output)
        self.assertEqual(self.state(result), "open")

    def test_carts(self):
        # Some 5000 units are wanted. With little less on offer, how many are refused would be chance.
        code, output, result = self.run_load(**MIX, cart_share=0.5, items=4, rate=800, seconds=4, buyers=20_000,
                                             create_stock=400)
        self.assertEqual(code, 0, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("sold-out", 0), 100, output)
        lines = dict(self.cluster.query("SELECT lines, count(*) FROM (SELECT count(*) AS lines FROM order_units"
                                        " WHERE sale_id = %s GROUP BY order_id) AS orders GROUP BY 1",
                                        (result["sale"],)))
        self.assertEqual(set(lines), {1, 2, 3, 4}, output)

    def test_an_order_that_is_lost_is_found(self):
        with self.start(rate=300, seconds=5, buyers=5000, create_stock=100_000) as child:
            def lose_one():
                return self.cluster.query("DELETE FROM orders WHERE order_id IN (SELECT order_id FROM orders LIMIT 1)"
                                          " RETURNING order_id")
            self.assertTrue(harness.wait_until(lose_one, 20 * SLOWNESS, "no order to lose"))
            output = child.communicate(timeout=120 * SLOWNESS)[0]
        self.assertEqual(child.returncode, 1, output)


@unittest.skipUnless(harness.LOAD.exists(), "flashsale-load is not built in this tree")
class PaymentLoadTest(LoadCase):
    instances = 2
    settings = LoadCase.settings | {"payments.webhook_secrets": SECRET}

    def test_buyers_who_pay_in_every_way(self):
        code, output, result = self.run_load(**MIX | PAYMENTS, rate=300, seconds=4, buyers=20_000, create_stock=100_000)
        self.assertEqual(code, 0, output)
        self.assertTrue(result["check"]["settled"], output)
        payments = result["payments"]
        for outcome in ("confirmed", "failed", "refund_required", "repeated"):
            self.assertGreater(payments[outcome], 10, output)
        # What nobody paid has ended, and some of what was paid too late is sold again.
        statuses = dict(self.cluster.query("SELECT status, count(*) FROM order_units WHERE sale_id = %s GROUP BY 1",
                                           (result["sale"],)))
        self.assertEqual(set(statuses), {"confirmed", "cancelled", "expired"}, output)

    def test_carts_are_paid_in_every_way(self):
        code, output, result = self.run_load(**MIX | PAYMENTS, cart_share=0.5, items=3, rate=200, seconds=4,
                                             buyers=20_000, create_stock=300)
        self.assertEqual(code, 0, output)
        self.assertGreater(result["payments"]["confirmed"], 10, output)
        self.assertGreater(result["payments"]["refund_required"], 10, output)

    def test_late_payments_meet_a_sale_that_sells_on(self):
        code, output, result = self.run_load(**PAYMENTS, rate=200, seconds=5, buyers=20_000, create_stock=60)
        self.assertEqual(code, 0, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("sold-out", 0), 100, output)
        self.assertGreater(result["payments"]["refund_required"], 10, output)

    def test_payments_of_orders_that_are_not_written_yet(self):
        """Whoever has a 202 pays at once; the item's row is locked, so the payments are there before the orders."""
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            with self.start(**PAYMENTS, rate=100, seconds=4, buyers=5000, create_stock=100_000, respond_async_share=0.5,
                            json=out.name) as child:
                before = self.orders()
                harness.wait_until(lambda: self.orders() > before, 20 * SLOWNESS, "nobody buys")
                with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as other:
                    other.autocommit = False
                    with other.cursor() as cursor:
                        cursor.execute("SELECT FROM items WHERE item_no = (SELECT max(item_no) FROM items) FOR UPDATE")
                        time.sleep(1)
                output = child.communicate(timeout=120 * SLOWNESS)[0]
            self.assertEqual(child.returncode, 0, output)
            result = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8"))
            self.assertGreater(result["payments"]["waiting"], 10, output)

    def orders(self):
        return self.cluster.query("SELECT count(*) FROM orders")[0][0]

    def test_money_that_is_kept_is_found(self):
        before = self.cluster.query("SELECT now()")[0][0]
        lose = f"""DELETE FROM refunds
                   WHERE payment_id = (SELECT payment_id FROM refunds WHERE at > '{before}' LIMIT 1)
                   RETURNING payment_id"""
        with self.start(**PAYMENTS, rate=100, seconds=3, buyers=5000, create_stock=100_000) as child:
            self.assertTrue(harness.wait_until(lambda: self.cluster.query(lose), 20 * SLOWNESS, "no refund to lose"))
            output = child.communicate(timeout=120 * SLOWNESS)[0]
        self.assertEqual(child.returncode, 1, output)
        self.assertRegex(output, "LIE (money_kept_without_unit|paid_twice_not_refunded): 1 times")


if __name__ == "__main__":
    unittest.main()
