"""One account cannot stand in another's way, nor in the merchant's."""

import concurrent.futures
import json
import time
import unittest
import uuid

import harness
from harness import ClusterCase, wait_until


class SwitchTest(ClusterCase):
    """A merchant's switches while buyers' calls wait for a row that somebody holds."""

    instances = 1
    settings = {"postgres.lock_timeout_ms": 4000, "postgres.statement_timeout_ms": 4000}

    def bought(self, sale, customer):
        return self.check_status(self.cluster.buy(sale, customer), 201).json()["id"]

    def test_switches_are_answered_while_cancellations_wait(self):
        sale, other = self.cluster.create_sale(stock=100), self.cluster.create_sale(stock=5)
        orders = {}
        for _ in range(24):
            customer = self.cluster.new_customer()
            orders[customer] = self.bought(sale, customer)
        with concurrent.futures.ThreadPoolExecutor(24) as pool, self.cluster.locked_items(sale):
            calls = [pool.submit(self.cluster.cancel, order, customer) for customer, order in orders.items()]
            wait_until(lambda: self.cluster.query(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )[0][0] >= 2, 10, "no cancellation waits")
            time.sleep(0.5)  # the others are in the queue
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{other}", {"state": "paused"}), 200)
            self.check_status(self.cluster.admin("PUT", "/admin/v1/flags/checkout", {"enabled": True}), 200)
            self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{other}"), 200)
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{other}", {"state": "closed"}), 200)
            left = sum(1 for call in calls if not call.done())
            self.assertGreater(left, 12, "the cancellations had been answered before")
        self.cluster.wait_consistent(sale)

    def test_one_customer_fills_no_queue(self):
        sale = self.cluster.create_sale(stock=100)
        greedy, other = self.cluster.new_customer(), self.cluster.new_customer()
        orders = [self.bought(sale, greedy) for _ in range(60)]
        theirs = self.bought(sale, other)
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            with self.cluster.locked_items(sale):
                calls = [pool.submit(self.cluster.cancel, order, greedy) for order in orders]
                refused = wait_until(lambda: [call.result() for call in calls if call.done()
                                              and call.result().status == 429], 10, "nothing is refused")
                self.check_status(refused[0], 429, "rate-limited")
                self.assertIn("under way", refused[0].json()["detail"])
                self.assertGreaterEqual(int(refused[0].header("Retry-After")), 1)
                self.check_status(self.cluster.order(theirs, other), 200)
            answers = [call.result() for call in calls]
        self.assertEqual(sum(1 for answer in answers if answer.status == 429), 60 - 48)
        # Their calls are over: they may ask again.
        self.check_status(self.cluster.order(orders[0], greedy), 200)
        self.cluster.wait_consistent(sale)


class PollTest(ClusterCase):
    """Polls of ids that nobody knows, as anybody can send them."""

    instances = 1
    pulse_s = 0.2
    settings = {"catalog.pulse_ms": int(1000 * pulse_s), "http.threads": 1}

    def scripts_run(self):
        return self.cluster.redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]

    def test_unknown_ids_do_not_ask_every_sale(self):
        sales = [self.cluster.create_sale() for _ in range(40)]
        for sale in sales:
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        customers = [self.cluster.new_customer() for _ in range(20)]

        def poll(customer):
            for number in range(10):
                how = self.cluster.order if number % 2 else self.cluster.cancel
                self.check_status(how(str(uuid.uuid4()), customer), 404, "unknown-order")
        before, started = self.scripts_run(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(customers)) as pool:
            list(pool.map(poll, customers))
        pulses = (time.monotonic() - started) / self.pulse_s + 2
        asked = self.scripts_run() - before - pulses * len(sales)
        self.assertLess(asked, 10 * len(customers) * len(sales) / 4)

    def test_an_order_that_waits_to_be_written_is_found(self):
        sales = [self.cluster.create_sale() for _ in range(3)]
        orders = {}
        with self.cluster.locked_items(sales[0]), self.cluster.locked_items(sales[2]):
            for number in range(6):
                customer = self.cluster.new_customer()
                response = self.check_status(self.cluster.buy(sales[number % 3], customer,
                                                              headers={"Prefer": "respond-async"}), 202)
                orders[customer] = response.json()["id"]
            for number, (customer, order) in enumerate(orders.items()):
                found = self.check_status(self.cluster.order(order, customer), 200).json()
                self.assertEqual(found["sale_id"], sales[number % 3])
                if number % 3 != 1:
                    self.assertEqual(found["status"], "pending")
                self.check_status(self.cluster.order(order, "somebody-else"), 404, "unknown-order")
        for customer, order in orders.items():
            self.assertEqual(self.cluster.wait_final(order, customer)["status"], "confirmed")


class ListTest(ClusterCase):
    instances = 1

    def read_rows(self, customer, limit, cursor=("", "")):
        """The most rows that any step of the query's plan has touched."""
        sql = (harness.ROOT / "src/postgres/sql/customers/orders_of_customer.sql").read_text()
        connection = self.cluster.postgres.connect(self.cluster.database)
        try:
            with connection.cursor() as database:
                database.execute("PREPARE list AS " + sql)
                database.execute("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE list (%s, %s, %s, %s)",
                                 (customer, *cursor, limit))
                plan = database.fetchone()[0]
        finally:
            connection.close()
        plan = json.loads(plan) if isinstance(plan, str) else plan

        def most(node):
            own = node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
            return max([own, *map(most, node.get("Plans", []))])
        return most(plan[0]["Plan"])

    def test_a_list_costs_what_it_shows(self):
        sale = self.cluster.create_sale()
        self.cluster.query(
            "INSERT INTO orders (order_id, created_at, item_no, quantity, status, customer_id, given_back) "
            "SELECT gen_random_uuid(), now() - n * interval '1 second', (SELECT item_no FROM items JOIN sales "
            "USING (sale_no) WHERE sale_id = %s), 1, 3, 'hoarder', true FROM generate_series(1, 20000) AS n", (sale,))
        self.cluster.query("ANALYZE orders")
        self.assertLessEqual(self.read_rows("hoarder", 11), 100)
        [(created_at, order_id)] = self.cluster.query(
            "SELECT created_at::text, order_id::text FROM orders WHERE customer_id = 'hoarder' "
            "ORDER BY created_at DESC OFFSET 9000 LIMIT 1")
        self.assertLessEqual(self.read_rows("hoarder", 11, (created_at, order_id)), 100)

        headers = self.cluster.bearer("hoarder")
        page = self.check_status(self.cluster.client().get("/v1/orders?limit=10", headers), 200).json()
        seen = [order["id"] for order in page["orders"]]
        page = self.check_status(self.cluster.client().get(f"/v1/orders?limit=10&cursor={page['next_cursor']}",
                                                           headers), 200).json()
        seen += [order["id"] for order in page["orders"]]
        newest = self.cluster.query("SELECT order_id::text FROM orders WHERE customer_id = 'hoarder' "
                                    "ORDER BY created_at DESC LIMIT 20")
        self.assertEqual(seen, [order_id for (order_id,) in newest])


if __name__ == "__main__":
    unittest.main()
