"""One account cannot stand in another's way, nor in the merchant's."""

import concurrent.futures
import contextlib
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
            """Ids that could be the customer's own: no others are looked for."""
            for number, sale in enumerate(sales[:10]):
                how = self.cluster.order if number % 2 else self.cluster.cancel
                [unknown] = self.cluster.order_ids(sale, [(customer, "no such key")])
                self.check_status(how(unknown, customer), 404, "unknown-order")
        before, started = self.scripts_run(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(customers)) as pool:
            list(pool.map(poll, customers))
        pulses = (time.monotonic() - started) / self.pulse_s + 2
        asked = self.scripts_run() - before - pulses * len(sales)
        self.assertLess(asked, 2 * 10 * len(customers), "more than one sale was asked for an id")

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


class NobodysIdTest(ClusterCase):
    """Ids that can be no order of whoever asks are answered without PostgreSQL, and without Redis, too, unless they
    name a sale that this instance does not know: another one may just have made it."""

    own_postgres = True

    def test_they_are_answered_while_no_store_answers(self):
        sale = self.cluster.create_sale()
        owner, stranger = self.cluster.new_customer(), self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, owner, "k"), 201).json()["id"]
        [own] = self.cluster.order_ids(sale, [(stranger, "no such key")])
        self.assertEqual(self.cluster.order_ids(sale, [(owner, "k")]), [order])
        nobodys = {
            "another's": order, "of no order": self.cluster.order_ids(sale, [(owner, "no such key")])[0],
            "of another form": str(uuid.uuid4()), "of sale 0": "00000000" + own[8:],
            "of a number that no sale has": "fffffffe" + own[8:],
        }
        of_no_sale = {"of an unknown sale": "7ffffffe" + own[8:]}

        def check_answers(ids):
            for what, order_id in ids.items():
                for how in (self.cluster.order, self.cluster.cancel):
                    with self.subTest(what, how=how.__name__):
                        answer = self.check_status(how(order_id, stranger), 404, "unknown-order")
                        self.assertLess(answer.received_at - answer.sent_at, 0.5 * harness.SLOWNESS)
        self.cluster.postgres.pause()
        try:
            check_answers(nobodys | of_no_sale)
            self.cluster.redis.pause()
            check_answers(nobodys)
            self.check_status(self.cluster.order(own, stranger), 503)  # the stores are away indeed
        finally:
            self.cluster.postgres.resume()
            self.cluster.redis.resume()
        wait_until(lambda: self.cluster.order(own, stranger).problem == "unknown-order", 15, "the stores stay away")
        check_answers(nobodys | of_no_sale)
        self.check_status(self.cluster.order(order, owner), 200)

    def test_they_cost_no_statement(self):
        sale, customer = self.cluster.create_sale(), self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201).json()["id"]
        self.cluster.query("ALTER DATABASE flashsale SET log_statement = 'all'")
        self.cluster.cut_sessions()
        wait_until(lambda: self.cluster.buy(sale, customer).status == 201, 10, "nothing is sold any more")
        for order_id in (order, str(uuid.uuid4()), "7ffffffe" + order[8:]):
            for _ in range(20):
                self.check_status(self.cluster.order(order_id, customer), 404, "unknown-order")
        [mine] = self.cluster.order_ids(sale, [(customer, "no such key")])
        self.check_status(self.cluster.order(mine, customer), 404, "unknown-order")
        log = self.cluster.postgres.process.log_text()
        self.assertIn(mine, log, "the statements are not logged")
        self.assertNotIn("7ffffffe", log)
        # Its own buyer's statements had come before they were logged.
        self.assertNotIn(order, log)


class OtherSalesTest(ClusterCase):
    """A trouble in one sale holds no other (CASES A8)."""

    instances = 2
    settings = {"postgres.lock_timeout_ms": 2000, "postgres.statement_timeout_ms": 2000,
                "payments.webhook_secrets": "whsec_" + "QUFB" * 8}

    def make_sales(self, **members):
        """{sale: (order, customer)}: three to be held, and three that must get on."""
        sales = {}
        for _ in range(6):
            sale, customer = self.cluster.create_sale(stock=3, **members), self.cluster.new_customer()
            sales[sale] = (self.check_status(self.cluster.buy(sale, customer), 201).json()["id"], customer)
        return dict(list(sales.items())[::2]), dict(list(sales.items())[1::2])

    def test_expiry(self):
        held, free = self.make_sales(payment="required", payment_window_s=2)
        with contextlib.ExitStack() as locks:
            for sale in held:
                locks.enter_context(self.cluster.locked_items(sale))
            for sale, (order, customer) in free.items():
                wait_until(lambda o=order, c=customer: self.cluster.order(o, c).json()["status"] == "expired", 10,
                           "an order waits with those of other sales")
                self.cluster.wait_remaining(sale, 3, timeout_s=10)
            for order, customer in held.values():
                self.assertEqual(self.cluster.order(order, customer).json()["status"], "awaiting_payment")
        for sale, (order, customer) in held.items():
            wait_until(lambda o=order, c=customer: self.cluster.order(o, c).json()["status"] == "expired", 15,
                       "it never expires")
            self.cluster.wait_consistent(sale)

    def test_units_that_are_given_back(self):
        """Redis is away for a moment, so that it is not told; then rows of three sales are locked."""
        held, free = self.make_sales()

        def is_given_back(order):
            return self.cluster.query("SELECT given_back FROM orders WHERE order_id = %s", (order,)) == [(True,)]

        locker = self.cluster.postgres.connect(self.cluster.database)
        locker.autocommit = False
        with contextlib.closing(locker), locker.cursor() as cursor:
            self.cluster.redis.pause()
            try:
                for sale, (order, _) in (held | free).items():
                    self.cluster.query(
                        "WITH order_ AS (UPDATE orders SET status = 3, given_back = false, changed_at = now() "
                        "WHERE order_id = %s RETURNING sale_no, item_no) UPDATE items SET sold = 0 FROM order_ "
                        "WHERE items.sale_no = order_.sale_no AND items.item_no = order_.item_no", (order,))
                cursor.execute("SELECT 1 FROM orders WHERE order_id = ANY (%s::uuid[]) FOR UPDATE",
                               ([order for order, _ in held.values()],))
            finally:
                self.cluster.redis.resume()
            for sale, (order, _) in free.items():
                wait_until(lambda o=order: is_given_back(o), 15, "units wait with those of other sales")
            for order, _ in held.values():
                self.assertFalse(is_given_back(order))
            locker.rollback()
        for sale, (order, _) in (held | free).items():
            wait_until(lambda o=order: is_given_back(o), 15, "it is never given back")
            self.cluster.wait_consistent(sale)


class ListTest(ClusterCase):
    instances = 2

    def rows_read(self, statement, types, *parameters):
        """The most rows that any step of the statement's plan has touched."""
        sql = (harness.ROOT / "src/postgres/sql/customers" / statement).read_text()
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as connection, \
                connection.cursor() as database:
            database.execute("SET plan_cache_mode = force_generic_plan")
            database.execute(f"PREPARE list ({types}) AS {sql}")
            places = ", ".join(f"%s::{one.strip()}" for one in types.split(","))
            database.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE list ({places})", parameters)
            plan = database.fetchone()[0]
        plan = json.loads(plan) if isinstance(plan, str) else plan

        def most(node):
            own = node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
            return max([own, *map(most, node.get("Plans", []))])
        return most(plan[0]["Plan"])

    def read_page(self, sale, customer, limit, after=str(uuid.UUID(int=0))):
        return self.rows_read("orders_of_customer.sql", "int, uuid, uuid, uuid, text, bigint, bool",
                              self.cluster.sale_no(sale), after, *self.cluster.customer_range(sale, customer),
                              customer, limit, False)

    def pages(self, customer, query=""):
        """The ids of each page, as the cursors lead from one to the next."""
        pages, cursor = [], ""
        while True:
            page = self.check_status(self.cluster.client().get(f"/v1/orders?limit=100{query}{cursor}",
                                                               self.cluster.bearer(customer)), 200).json()
            pages.append([order["id"] for order in page["orders"]])
            if "next_cursor" not in page:
                return pages
            cursor = f"&cursor={page['next_cursor']}"

    def test_a_list_costs_what_its_page_shows(self):
        """However many orders others have, and the same customer in this sale and in others."""
        sale, other = self.cluster.create_sale(), self.cluster.create_sale()
        self.cluster.insert_orders(sale, [f"other-{n}" for n in range(20_000)], 3, given_back=True)
        self.cluster.insert_orders(other, ["hoarder"] * 5000, 3, given_back=True)
        self.cluster.insert_orders(sale, ["hoarder"] * 5000, 3, given_back=True, seconds_apart=1)
        self.cluster.query("ANALYZE orders")
        by_id = [order_id for (order_id,) in self.cluster.query(
            "SELECT order_id::text FROM orders WHERE customer_id = 'hoarder' AND sale_no = %s ORDER BY order_id",
            (self.cluster.sale_no(sale),))]
        self.assertLessEqual(self.read_page(sale, "hoarder", 11), 11)
        self.assertLessEqual(self.read_page(sale, "hoarder", 11, by_id[3000]), 11)
        ranges = [self.cluster.customer_range(one, "hoarder") for one in (sale, other)]
        numbers = [self.cluster.sale_no(one) for one in (sale, other)]
        self.assertLessEqual(self.rows_read(
            "sales_of_customer.sql", "int[], uuid[], uuid[], text", numbers, [first for first, _ in ranges],
            [last for _, last in ranges], "hoarder"), 10)

        headers, path = self.cluster.bearer("hoarder"), f"/v1/orders?sale_id={sale}&limit=10"
        page = self.check_status(self.cluster.client().get(path, headers), 200).json()
        seen = [order["id"] for order in page["orders"]]
        page = self.check_status(self.cluster.client().get(f"{path}&cursor={page['next_cursor']}", headers), 200).json()
        seen += [order["id"] for order in page["orders"]]
        self.assertEqual(seen, by_id[:20])

    def test_a_sale_that_another_instance_has_just_made(self):
        customer = self.cluster.new_customer()
        for _ in range(10):
            path = f"orders?sale_id={self.cluster.create_sale()}"
            listed = self.cluster.client(1).get(f"/v1/{path}", self.cluster.bearer(customer))
            self.assertEqual(self.check_status(listed, 200).json(), {"orders": []})
            path = f"orders?sale_id={self.cluster.create_sale()}&customer_id={customer}"
            listed = self.cluster.admin("GET", f"/admin/v1/{path}", where=1)
            self.assertEqual(self.check_status(listed, 200).json(), {"orders": []})

    def test_a_list_over_more_sales_than_one_page_looks_into(self):
        customer = self.cluster.new_customer()
        sales = [self.cluster.create_sale() for _ in range(120)]
        expected = {}
        for place in (0, 5, 19, 20, 70, 119):
            ids = [self.check_status(self.cluster.buy(sales[place], customer), 201).json()["id"] for _ in range(2)]
            expected[place] = sorted(ids)
        # The hundred newest sales, then the others: within one sale they go by their ids.
        self.assertEqual(self.pages(customer)[:2],
                         [expected[119] + expected[70] + expected[20], expected[19] + expected[5] + expected[0]])
        self.assertEqual([page for page in self.pages(customer) if page], self.pages(customer)[:2])
        self.assertEqual(self.pages(customer, f"&sale_id={sales[5]}"), [expected[5]])
        self.assertEqual(self.pages(customer, f"&sale_id={sales[6]}"), [[]])
        newest = self.check_status(self.cluster.client().get("/v1/orders?limit=100", self.cluster.bearer(customer)),
                                   200).json()
        self.assertEqual(newest["next_cursor"], str(self.cluster.sale_no(sales[20])))
        path = f"/v1/orders?sale_id={sales[5]}&cursor={newest['next_cursor']}"
        self.check_status(self.cluster.client().get(path, self.cluster.bearer(customer)), 400, "malformed-request")
        self.check_status(self.cluster.client().get("/v1/orders?sale_id=no-such-sale", self.cluster.bearer(customer)),
                          404, "unknown-sale")
        seen, cursor = [], ""
        while cursor is not None:  # by one: a page that ends in a sale goes on there
            page = self.check_status(self.cluster.client().get(f"/v1/orders?limit=1{cursor}",
                                                               self.cluster.bearer(customer)), 200).json()
            seen += [order["id"] for order in page["orders"]]
            cursor = f"&cursor={page['next_cursor']}" if "next_cursor" in page else None
        self.assertEqual(seen, [order_id for place in sorted(expected, reverse=True) for order_id in expected[place]])


if __name__ == "__main__":
    unittest.main()
