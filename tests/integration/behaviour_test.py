"""The score of how unlike people a customer's checkouts are: what is seen, where it is shown, that it goes."""

import csv
import io
import json
import secrets
import socket
import time
import unittest

import harness
from harness import ClusterCase, wait_until

# So many that a machine which stands still for a moment now and then cuts no row of them short enough to matter.
BURST = 40


class BehaviourCase(ClusterCase):
    def listed(self, sale, where=0, **query):
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/behaviour?{text}", where=where),
                                 200).json()

    def of(self, sale, customer, where=0):
        """What is told of this customer; None: nothing."""
        return next(iter(self.listed(sale, where, customer_id=customer)["customers"]), None)

    def wait_told(self, sale, customer, condition=lambda one: True, where=0):
        def told():
            one = self.of(sale, customer, where)
            return one if one and condition(one) else None
        return wait_until(told, 20, f"nothing is told of {customer} in {sale}", 0.1)

    def burst(self, sale, customer, count=BURST, where=0, address=None):
        """Checkouts of a sale that is sold out, in one piece: nothing lies between them but the server's own work."""
        body = json.dumps({"sku": "sneaker-42", "quantity": 1}).encode()
        requests = b""
        for number in range(count):
            head = (f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: test\r\n"
                    f"Authorization: Bearer {self.cluster.token(customer)}\r\n"
                    f"Idempotency-Key: {secrets.token_hex(8)}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n")
            if address:
                head += f"X-Forwarded-For: {address}\r\n"
            if number == count - 1:
                head += "Connection: close\r\n"
            requests += head.encode() + b"\r\n" + body
        with socket.create_connection(("127.0.0.1", self.ports[where]), timeout=30 * harness.SLOWNESS) as connection:
            connection.sendall(requests)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        self.assertEqual(answer.count(b"HTTP/1.1 "), count, answer[-2000:])

    def sold_out_sale(self, **members):
        sale = self.cluster.create_sale(stock=1, **members)
        self.assertIn(self.cluster.buy(sale, self.cluster.new_customer()).status, (201, 202))
        for where in range(len(self.cluster.instances)):
            self.cluster.wait_remaining(sale, 0, where=where)
        return sale


class BehaviourTest(BehaviourCase):
    instances = 2

    def test_who_behaves_as_people_do_is_not_named(self):
        sale = self.cluster.create_sale(stock=50)
        for _ in range(5):
            self.assertIn(self.cluster.buy(sale, self.cluster.new_customer()).status, (201, 202))
        bot = self.cluster.new_customer("bot")
        sold_out = self.sold_out_sale()
        self.burst(sold_out, bot)
        # What came before is looked at by then.
        self.wait_told(sold_out, bot)
        self.assertEqual(self.listed(sale), {"sale_id": sale, "unlike_people_from": 50, "customers": [],
                                             "bands": {"low": 0, "some": 0, "high": 0, "very_high": 0}})

    def test_a_burst_is_told_with_its_reason_and_blocks_nobody(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        self.burst(sale, bot)
        told = self.wait_told(sale, bot, lambda one: one["checkouts"] == BURST)
        self.assertGreaterEqual(told["score"], 75)
        self.assertEqual(told["band"], "very_high")
        self.assertRegex(told["reasons"][0], r"^\d+ checkouts within \d+ ms$")
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", {"add": 5}), 200)
        wait_until(lambda: self.cluster.buy(sale, bot).status in (201, 202), 20, "the customer cannot buy", 0.2)

    def test_what_two_instances_have_seen_is_one_customer(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        for where in (0, 1):
            self.burst(sale, bot, BURST, where)
        for where in (0, 1):
            told = self.wait_told(sale, bot, lambda one: one["checkouts"] == 2 * BURST, where)
            report = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report", where=where).json()
            self.assertEqual(report["behaviour"] | {told["band"]: 0}, dict.fromkeys(report["behaviour"], 0))
            self.assertEqual(report["behaviour"][told["band"]], 1)
            self.assertEqual(len(self.listed(sale, where)["customers"]), 1)
            self.assertGreaterEqual(told["score"], 50)
        rows = self.cluster.query("SELECT count(*) FROM customer_behaviour WHERE customer_id = %s", (bot,))
        self.assertEqual(rows, [(2,)])

    def test_pages_go_from_the_highest_score_down(self):
        sale = self.sold_out_sale()
        bots = [self.cluster.new_customer("bot") for _ in range(5)]
        for number, bot in enumerate(bots):
            self.burst(sale, bot, 8 + 8 * number)
        for bot in bots:
            self.wait_told(sale, bot)
        shown, cursor = [], "0"
        while cursor:
            page = self.listed(sale, limit=2, cursor=cursor)
            self.assertLessEqual(len(page["customers"]), 2)
            shown += page["customers"]
            cursor = page.get("next_cursor")
        self.assertEqual({one["customer_id"] for one in shown}, set(bots))
        order = [(-one["score"], one["customer_id"]) for one in shown]
        self.assertEqual(order, sorted(order))
        self.assertEqual(sum(page["bands"].values()), len(bots))
        self.assertEqual(self.listed(sale, cursor="99")["customers"], [])

    def test_bad_questions(self):
        sale = self.cluster.create_sale()
        for query in ("limit=0", "limit=x", "cursor=-1", "score=3", "customer_id=", "limit=1&limit=2"):
            with self.subTest(query=query):
                self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/behaviour?{query}"), 400,
                                  "malformed-request")
        self.check_status(self.cluster.admin("GET", "/admin/v1/sales/none/behaviour"), 404, "unknown-sale")

    def test_who_reads_it_stands_in_the_log(self):
        sale = self.cluster.create_sale()
        self.listed(sale)
        entries = self.cluster.admin("GET", "/admin/v1/log").json()["entries"]
        self.assertIn(("behaviour.read", sale), [(entry["action"], entry["subject"]) for entry in entries])

    def test_the_export_has_a_column_for_who_asks(self):
        sale = self.cluster.create_sale(stock=2)
        person, bot = self.cluster.new_customer(), self.cluster.new_customer("bot")
        for customer in (person, bot):
            self.cluster.wait_final(self.cluster.buy(sale, customer).json()["id"], customer)
        self.cluster.wait_remaining(sale, 0)
        self.burst(sale, bot)
        told = self.wait_told(sale, bot, lambda one: one["checkouts"] == BURST + 1)
        path = f"/admin/v1/sales/{sale}/orders.csv"
        plain = self.check_status(self.cluster.admin("GET", path), 200).body.decode()
        self.assertNotIn("behaviour_score", plain)
        text = self.check_status(self.cluster.admin("GET", path + "?behaviour=true"), 200).body.decode()
        rows = {row["customer_id"]: row["behaviour_score"] for row in csv.DictReader(io.StringIO(text))}
        self.assertEqual(rows, {person: "", bot: str(told["score"])})
        without = self.check_status(self.cluster.admin("GET", path + "?behaviour=false"), 200)
        self.assertEqual(without.body.decode(), plain)
        self.check_status(self.cluster.admin("GET", path + "?behaviour=yes"), 400, "malformed-request")

    def test_explain_tells_of_a_customer(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        self.burst(sale, bot)
        self.wait_told(sale, bot)
        outcome = self.cluster.flashsaled("explain", bot)
        self.assertIn(f"behaviour of {bot} in {sale}: ", outcome.stdout)
        self.assertIn("checkouts within", outcome.stdout)


class GoneTest(BehaviourCase):
    instances = 2

    def wait_looked_at(self, sale):
        """Until what this instance was asked before has been looked at, and written if it was to be."""
        other = self.cluster.new_customer("other")
        self.burst(sale, other)
        self.wait_told(sale, other)

    def test_an_erasure_reaches_it_though_there_is_no_order(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        for where in (0, 1):
            self.burst(sale, bot, where=where)
        self.wait_told(sale, bot, lambda one: one["checkouts"] == 2 * BURST)
        erased = self.check_status(self.cluster.admin("POST", f"/admin/v1/customers/{bot}/erase"), 200).json()
        self.assertEqual(erased, {"orders": 0, "sales": []})
        self.assertIsNone(self.of(sale, bot))
        # One checkout more is nothing unlike people, and what went before is not remembered.
        self.cluster.buy(sale, bot)
        self.wait_looked_at(sale)
        self.assertIsNone(self.of(sale, bot))
        self.assertEqual(self.cluster.query("SELECT 1 FROM customer_behaviour WHERE customer_id = %s", (bot,)), [])

    def test_a_reset_of_a_rehearsal_removes_it(self):
        sale = self.sold_out_sale(rehearsal=True)
        bot = self.cluster.new_customer("bot")
        self.burst(sale, bot)
        self.wait_told(sale, bot)
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/reset"), 200)
        self.assertEqual(self.listed(sale)["customers"], [])


class BoundedTest(BehaviourCase):
    settings = {"behaviour.customers_max": 1024}

    def remembered(self):
        text = self.cluster.admin("GET", "/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith("flashsale_behaviour_customers{")]
        self.assertEqual(len(lines), 4)
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def test_a_flood_of_new_customers_hides_nobody(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        self.burst(sale, bot)
        self.wait_told(sale, bot)
        for _ in range(3000):
            self.cluster.buy(sale, self.cluster.new_customer("flood"))
        wait_until(lambda: self.remembered() > 900, 20, "the table does not fill", 0.2)
        self.assertLessEqual(self.remembered(), 1024)
        # It is still remembered: what comes on top is added.
        self.cluster.buy(sale, bot)
        told = self.wait_told(sale, bot, lambda one: one["checkouts"] == BURST + 1)
        self.assertGreaterEqual(told["score"], 75)


class OffTest(BehaviourCase):
    settings = {"behaviour.enabled": False}

    def test_nothing_is_kept(self):
        sale = self.sold_out_sale()
        self.burst(sale, self.cluster.new_customer("bot"))
        self.assertEqual(self.listed(sale)["customers"], [])
        self.assertEqual(self.cluster.query("SELECT count(*) FROM customer_behaviour"), [(0,)])

    def test_what_is_left_still_goes_by_its_time(self):
        sale = self.cluster.create_sale()
        for customer, days in (("old", 31), ("new", 29)):
            self.cluster.query(
                "INSERT INTO customer_behaviour SELECT %s, %s, 1, now() - %s * interval '1 day', 50, 1, 1, 0, now(), 0,"
                " 0, 0, 12, 0, 0, 1, 1, 0, 0, 0", (self.cluster.sale_no(sale), customer, days))
        self.assertEqual({one["customer_id"] for one in self.listed(sale)["customers"]}, {"old", "new"})
        wait_until(lambda: self.of(sale, "old") is None, 60, "it is kept for ever", 0.2)
        self.assertIsNotNone(self.of(sale, "new"))


class RewrittenTest(BehaviourCase):
    def test_whoever_goes_on_is_not_written_with_each_checkout(self):
        sale = self.sold_out_sale()
        bot = self.cluster.new_customer("bot")
        self.burst(sale, bot, 100)
        self.wait_told(sale, bot, lambda one: one["checkouts"] == 100)
        writers = set()
        # For some looks, without a pause that would be quiet.
        for _ in range(12):
            self.cluster.buy(sale, bot)
            time.sleep(1)
            writers.update(self.cluster.query("SELECT xmin::text FROM customer_behaviour WHERE customer_id = %s",
                                              (bot,)))
        self.assertLessEqual(len(writers), 2, "transactions that have written the row")
        self.wait_told(sale, bot, lambda one: one["checkouts"] == 112)


if __name__ == "__main__":
    unittest.main()
