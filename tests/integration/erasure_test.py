"""Erasure of a customer: the name goes from both stores, everything that is counted stays."""

import concurrent.futures
import contextlib
import re
import threading
import time
import unittest
import urllib.parse

import harness
from harness import ClusterCase, item_definition, wait_until
from harness.order_sums import wait_numbered

PSEUDONYM = re.compile(r"erased-[0-9a-f]{32}")


class ErasureCase(ClusterCase):
    instances = 2

    def erase(self, customer, where=0, status=200, **how):
        path = f"/admin/v1/customers/{urllib.parse.quote(customer, safe='')}/erase"
        return self.check_status(self.cluster.admin("POST", path, where=where, **how), status).json()

    def buy(self, sale, customer, key=None, quantity=1, sku="sneaker-42", where=0):
        response = self.cluster.buy(sale, customer, key, sku=sku, quantity=quantity, where=where)
        self.assertIn(response.status, (201, 202), repr(response))
        return self.cluster.wait_final(response.json()["id"], customer, where)

    def rows_of(self, sale):
        """{order id: (customer, status, reason)} in PostgreSQL."""
        return {row[0]: row[1:] for row in self.cluster.query(
            "SELECT order_id::text, customer_id, status, reason FROM orders JOIN sales USING (sale_no) "
            "WHERE sale_id = %s", (sale,))}

    def redis_text(self):
        """All that Redis holds."""
        client, parts = self.cluster.redis.client, []
        for key in client.scan_iter(count=1000):
            kind = client.type(key)
            parts.append(key)
            if kind == b"hash":
                parts += [part for pair in client.hgetall(key).items() for part in pair]
            elif kind == b"stream":
                parts += [part for _, fields in client.xrange(key) for pair in fields.items() for part in pair]
            elif kind == b"string":
                parts.append(client.get(key) or b"")
            elif kind != b"none":  # a lease may end between the scan and this
                self.fail(f"{key} is a {kind}")
        return b"\n".join(parts)

    def wait_sold_by_all(self, sale):
        """Until the sale that was rebuilt sells at every instance again."""
        for where in range(len(self.cluster.instances)):
            wait_until(lambda w=where: self.cluster.buy(sale, self.cluster.new_customer(), where=w).status == 201, 10,
                       f"{sale} does not sell at instance {where}", 0.1)


class ErasureTest(ErasureCase):
    def counted_report(self, sale, checkouts):
        """Whoever comes is counted a little later; None: not all are yet."""
        report = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()
        counted = sum(point["checkouts"] or 0 for point in report["curve"]["points"])
        return report if counted == checkouts else None

    def test_the_name_goes_and_the_counts_stay(self):
        sales = [self.cluster.create_sale(stock=20, limit=5) for _ in range(2)]
        customer, other = "Erasmus of Rotterdam", self.cluster.new_customer()
        mine = {self.buy(sale, customer, quantity=2)["id"]: sale for sale in sales for _ in range(2)}
        others = {self.buy(sale, other, quantity=3)["id"]: sale for sale in sales}
        cancelled = next(iter(mine))
        self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{cancelled}/cancel", {
            "reason": "Erasmus of Rotterdam has called"}), 200)
        reports = [wait_until(lambda s=sale: self.counted_report(s, 3), 10, "not all are counted") for sale in sales]
        self.assertIn(customer.encode(), self.redis_text())

        self.assertEqual(self.erase(customer), {"orders": 4, "sales": sorted(sales)})

        names = set()
        for sale in sales:
            rows = self.rows_of(sale)
            for order_id in (one for one, where in mine.items() if where == sale):
                name, status, reason = rows[order_id]
                self.assertRegex(name, PSEUDONYM)
                self.assertEqual((status, reason), (3, None) if order_id == cancelled else (1, None))
                names.add(name)
            for order_id in (one for one, where in others.items() if where == sale):
                self.assertEqual(rows[order_id], (other, 1, None))
            self.cluster.wait_consistent(sale)
        self.assertEqual(len(names), 1)
        self.assertNotIn(customer.encode(), self.redis_text())
        self.assertIn(names.pop().encode(), self.redis_text())
        for sale, before in zip(sales, reports):
            after = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()
            for member in ("totals", "items", "curve"):
                self.assertEqual(after[member], before[member])
        for where in (0, 1):
            self.check_status(self.cluster.order(next(iter(others)), other, where), 200)
        for instance in self.cluster.instances:
            self.assertNotIn("Erasmus", instance.process.log_text())

    def test_the_log_knows_the_pseudonym_alone(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer("logged")
        order = self.buy(sale, customer)
        self.erase(customer, where=1)
        entry = self.cluster.admin("GET", "/admin/v1/log?limit=1").json()["entries"][0]
        self.assertEqual((entry["who"], entry["action"], entry["change"]),
                         (harness.ADMIN_NAME, "customer.erased", {"orders": 1}))
        self.assertEqual(entry["subject"], self.rows_of(sale)[order["id"]][0])
        self.assertNotIn(customer, str(self.cluster.query("SELECT * FROM admin_log")))

    def test_each_sale_is_logged(self):
        sales = [self.cluster.create_sale() for _ in range(2)]
        customer = self.cluster.new_customer("logged-twice")
        for sale in sales:
            self.buy(sale, customer)
        self.assertEqual(self.erase(customer), {"orders": 2, "sales": sorted(sales)})
        entries = self.cluster.admin("GET", "/admin/v1/log?limit=2").json()["entries"]
        self.assertEqual([(entry["action"], entry["change"]) for entry in entries],
                         [("customer.erased", {"orders": 1})] * 2)
        self.assertEqual(len({entry["subject"] for entry in entries}), 1)
        # Its pseudonym is no customer, whose orders could be listed.
        listed = self.cluster.admin("GET", f"/admin/v1/orders?customer_id={entries[0]['subject']}").json()
        self.assertEqual(listed, {"orders": []})

    def test_again_there_is_nothing_left(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        self.buy(sale, customer)
        self.erase(customer)
        log = self.cluster.query("SELECT count(*) FROM admin_log")
        epoch = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"]
        for where in (0, 1):
            self.assertEqual(self.erase(customer, where=where), {"orders": 0, "sales": []})
        self.assertEqual(self.erase("nobody-ever"), {"orders": 0, "sales": []})
        self.assertEqual(self.cluster.query("SELECT count(*) FROM admin_log"), log)
        self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"], epoch)

    def test_two_at_once_do_it_once(self):
        """Both of them wait for the customer's first order, and go on at the same moment."""
        sales = [self.cluster.create_sale(stock=50) for _ in range(3)]
        customer, other = self.cluster.new_customer("twice"), self.cluster.new_customer()
        for sale in sales:
            self.buy(sale, customer, quantity=2)
            self.buy(sale, other)
            # More than one transaction takes.
            self.cluster.insert_orders(sale, [customer] * 1200, 3, given_back=True, reason="twice-1 has called")
        begin = wait_numbered(self.cluster)
        total = 3 * 1201
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as holding, \
                concurrent.futures.ThreadPoolExecutor() as pool:
            holding.autocommit = False
            holding.cursor().execute("SELECT 1 FROM orders WHERE customer_id = %s FOR UPDATE", (customer,))
            asking = [pool.submit(self.insist, customer, where) for where in (0, 1)]
            wait_until(lambda: self.cluster.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event_type = 'Lock'") == [(2,)], 10, "they do not meet", 0.005)
            holding.rollback()
            answers = [one.result() for one in asking]

        # Of each order one of them tells, wherever it is told.
        self.assertEqual(sum(answer["orders"] for answer in answers), total)
        self.assertEqual({sale for answer in answers for sale in answer["sales"]}, set(sales))
        pseudonyms = list({row[0] for sale in sales for row in self.rows_of(sale).values()})
        logged = self.cluster.query("SELECT change FROM admin_log WHERE subject = ANY (%s)", (pseudonyms,))
        self.assertEqual(sum(change["orders"] for (change,) in logged), total)
        told = [event["data"] for event in self.events_after(begin) if event["type"] == "flashsale.customer.erased"]
        self.assertEqual({data["customer_id"] for data in told}, {customer})
        for sale in sales:
            self.assertEqual(sum(data["orders"] for data in told if data["sale_id"] == sale), 1201)
            names = {row[0] for row in self.rows_of(sale).values()} - {other}
            self.assertEqual({name for name in names if not PSEUDONYM.fullmatch(name)}, set())
            self.assertEqual({data["pseudonym"] for data in told if data["sale_id"] == sale}, names)
            self.assertEqual({row[2] for row in self.rows_of(sale).values()}, {None})
            self.cluster.wait_consistent(sale)
        self.assertNotIn(b"twice-", self.redis_text())
        self.assertEqual(self.erase(customer), {"orders": 0, "sales": []})

    def insist(self, customer, where):
        """As whoever is told that it is not done: what all the calls have done, the last of which was 200."""
        done = {"orders": 0, "sales": []}
        until = time.monotonic() + 20 * harness.SLOWNESS
        while True:
            answer = self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase", where=where)
            self.assertIn(answer.status, (200, 202), repr(answer))
            done["orders"] += answer.json()["orders"]
            done["sales"] += answer.json()["sales"]
            if answer.status == 200:
                return done
            self.assertLess(time.monotonic(), until, "it is never complete")
            time.sleep(0.2)

    def events_after(self, begin):
        last, events = wait_numbered(self.cluster), []
        while begin < last:
            page = self.cluster.admin("GET", f"/admin/v1/events?after={begin}&limit=1000").json()
            events += page["events"]
            begin = page["next_after"]
        return events

    def test_the_orders_are_nobodys_any_more(self):
        sale = self.cluster.create_sale(stock=50)
        customer = self.cluster.new_customer()
        order = self.buy(sale, customer, "key-1")
        self.erase(customer)
        for where in (0, 1):
            self.check_status(self.cluster.order(order["id"], customer, where), 404, "unknown-order")
            self.check_status(self.cluster.cancel(order["id"], customer, where), 404, "unknown-order")
            orders = self.cluster.client(where).get("/v1/orders", self.cluster.bearer(customer))
            self.assertEqual(orders.json(), {"orders": []})
        self.wait_sold_by_all(sale)
        for where in (0, 1):
            for quantity in (1, 2):
                self.check_status(self.cluster.buy(sale, customer, "key-1", quantity=quantity, where=where), 422,
                                  "idempotency-key-reused")
        self.assertEqual(self.rows_of(sale)[order["id"]][1], 1)
        self.cluster.wait_consistent(sale)

    def test_it_is_no_outage(self):
        """A hundred accounts that are deleted one after another must not keep the shop shut."""
        sale = self.cluster.create_sale(stock=10_000)
        customers = [self.cluster.new_customer("deleted") for _ in range(10)]
        for customer in customers:
            self.buy(sale, customer)
        epoch = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"]
        statuses, stop = [], threading.Event()

        def shop():
            with contextlib.closing(self.cluster.instances[1].client()) as client:
                while not stop.is_set():
                    statuses.append(self.cluster.buy(sale, self.cluster.new_customer(), client=client).status)
        thread = threading.Thread(target=shop)
        thread.start()
        for customer in customers:
            self.assertEqual(self.erase(customer), {"orders": 1, "sales": [sale]})
        stop.set()
        thread.join()
        self.assertEqual(set(statuses), {201})
        self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"], epoch)
        self.assertNotIn(b"deleted-", self.redis_text())
        self.cluster.wait_consistent(sale)

    def test_carts_and_ended_orders(self):
        sale = self.cluster.create_sale(items=[item_definition(sku, 20, limit=9) for sku in "abc"])
        customer, other = self.cluster.new_customer("cart"), self.cluster.new_customer()
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in zip("abc", (1, 2, 3))]
        carts = [self.check_status(self.cluster.buy(sale, who, body={"lines": lines}), 201).json()["id"]
                 for who in (customer, customer, other)]
        self.check_status(self.cluster.cancel(carts[0], customer), 200)
        self.assertEqual(self.erase(customer), {"orders": 2, "sales": [sale]})
        self.assertNotIn(b"cart-", self.redis_text())
        # Units of what was erased come back as those of any order.
        self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{carts[1]}/cancel"), 200)
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([item["remaining"] for item in audit["items"]], [19, 18, 17])
        self.assertNotIn(b"cart-", self.redis_text())

    def test_an_old_key_while_it_is_erased(self):
        """Before the answer it may be the order, after it never."""
        sale = self.cluster.create_sale(stock=50)
        customer = self.cluster.new_customer()
        order = self.buy(sale, customer, "key-1")
        answers, stop = [], threading.Event()

        def repeat(where):
            with contextlib.closing(self.cluster.instances[where].client()) as client:
                while not stop.is_set():
                    answers.append(self.cluster.buy(sale, customer, "key-1", client=client))
                    time.sleep(0.02)
        threads = [threading.Thread(target=repeat, args=(where,)) for where in (0, 1)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        self.erase(customer)
        erased_at = time.time()
        time.sleep(1.5 * harness.SLOWNESS)
        stop.set()
        for thread in threads:
            thread.join()
        after = {answer.status for answer in answers if answer.sent_at > erased_at}
        self.assertIn(422, after)
        self.assertLessEqual(after, {422, 503})
        self.assertLessEqual({answer.status for answer in answers}, {200, 422, 503})
        self.assertEqual(len(self.rows_of(sale)), 1)
        self.assertRegex(self.rows_of(sale)[order["id"]][0], PSEUDONYM)
        self.cluster.wait_consistent(sale)

    def test_a_customer_who_buys_meanwhile(self):
        """Orders that are placed during the call can come after it; the next one finds them."""
        sale = self.cluster.create_sale(stock=10_000)
        customer = self.cluster.new_customer("busy")
        bought, stop = [], threading.Event()

        def buy(client):
            while not stop.is_set():
                response = self.cluster.buy(sale, customer, client=client, headers={"Prefer": "respond-async"})
                if response.status == 202:
                    bought.append(response.json()["id"])
                time.sleep(0.02)
        with contextlib.closing(self.cluster.instances[1].client()) as client:
            thread = threading.Thread(target=buy, args=(client,))
            thread.start()
            wait_until(lambda: len(bought) > 20, 10, "nothing is bought")
            first = self.erase(customer)
            stop.set()
            thread.join()
        self.assertGreater(first["orders"], 0)
        self.cluster.wait_consistent(sale)
        wait_until(lambda: self.erase(customer)["orders"] == 0, 10, "there is always something left")
        self.cluster.wait_consistent(sale)
        rows = self.rows_of(sale)
        self.assertEqual({row[0] for row in rows.values() if not PSEUDONYM.fullmatch(row[0])}, set())
        self.assertLessEqual(set(bought), set(rows))
        self.assertNotIn(customer.encode(), self.redis_text())

    def test_an_old_key_of_a_sale_that_is_sold_out(self):
        sale = self.cluster.create_sale(stock=1)
        customer = self.cluster.new_customer()
        self.buy(sale, customer, "key-1")
        self.erase(customer)
        for where in (0, 1):
            wait_until(lambda w=where: self.cluster.buy(sale, self.cluster.new_customer(), where=w).problem ==
                       "sold-out", 10, f"instance {where} does not know that it is sold out", 0.1)
        time.sleep(0.4 * harness.SLOWNESS)
        for where in (0, 1):
            self.check_status(self.cluster.buy(sale, customer, "key-1", where=where), 422, "idempotency-key-reused")
            self.check_status(self.cluster.buy(sale, customer, "key-2", where=where), 409, "sold-out")

    def test_limits_hold_for_whoever_comes_back(self):
        sale = self.cluster.create_sale(stock=50, limit=2)
        customer, other = self.cluster.new_customer(), self.cluster.new_customer()
        self.buy(sale, customer, quantity=2)
        self.buy(sale, other, quantity=2)
        self.erase(customer)
        self.wait_sold_by_all(sale)
        self.check_status(self.cluster.buy(sale, other), 409, "limit-exceeded")
        self.buy(sale, customer, quantity=2)
        self.check_status(self.cluster.buy(sale, customer, where=1), 409, "limit-exceeded")
        units = dict(self.cluster.query("SELECT customer_id, sum(quantity) FROM order_units WHERE sale_id = %s "
                                        "GROUP BY customer_id", (sale,)))
        self.assertLessEqual(max(units.values()), 2)
        self.cluster.wait_consistent(sale)

    def test_while_a_crowd_buys(self):
        sale = self.cluster.create_sale(stock=100_000, limit=3)
        customers = [self.cluster.new_customer("leaving") for _ in range(5)]
        with harness.Shoppers(self.cluster, sale, self.cluster.ports, threads=16) as shoppers:
            for number, customer in enumerate(customers):
                # Not one that is taken and has no row yet: the erasure would not find it.
                wait_until(lambda c=customer: self.cluster.buy(sale, c, "k").json().get("status") == "confirmed", 10,
                           "no order", 0.1)
                self.assertEqual(self.erase(customer, where=number % 2), {"orders": 1, "sales": [sale]})
            purchases = shoppers.finish()
        self.assertEqual(shoppers.violations, [])
        self.assertEqual({purchase.outcome for purchase in purchases}, {"confirmed"})
        self.cluster.wait_consistent(sale)
        rows = self.rows_of(sale)
        self.assertEqual(sum(1 for row in rows.values() if PSEUDONYM.fullmatch(row[0])), 5)
        for purchase in purchases:
            self.assertEqual([rows[order_id][0] for order_id in purchase.ids], [purchase.customer])
        self.assertNotIn(b"leaving-", self.redis_text())

    def test_many_orders(self):
        sale = self.cluster.create_sale()
        self.cluster.insert_orders(sale, ["the-shop-itself"] * 2500, 3, given_back=True)
        self.assertEqual(self.erase("the-shop-itself"), {"orders": 2500, "sales": [sale]})
        entries = self.cluster.admin("GET", "/admin/v1/log?limit=3").json()["entries"]
        self.assertEqual([entry["change"] for entry in entries], [{"orders": 500}, {"orders": 1000}, {"orders": 1000}])
        self.assertEqual(len({(entry["action"], entry["subject"]) for entry in entries}), 1)
        self.assertEqual(len({row[0] for row in self.rows_of(sale).values()}), 1)
        self.cluster.wait_consistent(sale)

    def test_more_orders_than_one_call_takes(self):
        sales = [self.cluster.create_sale() for _ in range(2)]
        self.cluster.insert_orders(sales[0], ["the-hoarder"] * 60_000, 3, given_back=True)
        self.cluster.insert_orders(sales[1], ["the-hoarder"] * 41_000, 3, given_back=True)
        with contextlib.closing(harness.Client(self.cluster.instances[0].admin_port, timeout_s=120)) as client:
            for status, orders in ((202, 100_000), (200, 1000), (200, 0)):
                answer = client.request("POST", "/admin/v1/customers/the-hoarder/erase",
                                        headers={"Authorization": f"Bearer {self.cluster.admin_token}"})
                self.assertEqual(self.check_status(answer, status).json()["orders"], orders)

    def test_names_of_all_kinds(self):
        sale = self.cluster.create_sale(items=[item_definition(stock=50), item_definition("sock", 50)])
        for name in ("a/b", "100%", "a b&c=d", "Jürgen 'x' \"y\"", "{a,b}", "x" * 255):
            with self.subTest(name):
                self.wait_sold_by_all(sale)
                self.buy(sale, name, sku="sock")
                self.assertEqual(self.erase(name), {"orders": 1, "sales": [sale]})
                self.assertEqual(self.cluster.query("SELECT count(*) FROM orders WHERE customer_id = %s", (name,)),
                                 [(0,)])

    def test_what_is_refused(self):
        for customer in ("x" * 256, "\x7f"):
            path = f"/admin/v1/customers/{urllib.parse.quote(customer, safe='')}/erase"
            self.check_status(self.cluster.admin("POST", path), 400, "malformed-request")
        self.check_status(self.cluster.admin("POST", "/admin/v1/customers/a/erase", {"why": "x"}), 400,
                          "malformed-request")
        self.erase("a", status=401, token=False)
        self.check_status(self.cluster.client().request("POST", "/admin/v1/customers/a/erase"), 404, "not-found")


class ErasureInFlightTest(ErasureCase):
    """Of orders that are accepted and have no row: nothing can be written while the item's row is locked."""

    def accept(self, sale, customer):
        response = self.cluster.buy(sale, customer, headers={"Prefer": "respond-async"})
        return self.check_status(response, 202).json()["id"]

    def ask(self, customer):
        return self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase")

    def erase_wholly(self, customer, response=None):
        """As whoever is answered 202 does: again, until it is 200. What was changed in all."""
        orders, sales = 0, set()
        until = time.monotonic() + 20 * harness.SLOWNESS
        while True:
            response = response or self.ask(customer)
            self.assertIn(response.status, (200, 202), repr(response))
            orders += response.json()["orders"]
            sales |= set(response.json()["sales"])
            if response.status == 200:
                return orders, sales
            self.assertEqual(response.header("Retry-After"), "1")
            self.assertLess(time.monotonic(), until, "it is never complete")
            response = None
            time.sleep(0.5)

    def check_gone(self, customer):
        self.assertEqual(self.cluster.query("SELECT count(*) FROM orders WHERE customer_id = %s", (customer,)), [(0,)])
        self.assertNotIn(customer.encode(), self.redis_text())

    def test_an_order_that_has_no_row_is_waited_for(self):
        sale, other = self.cluster.create_sale(), self.cluster.create_sale()
        for has_rows in (False, True):
            with self.subTest(has_rows=has_rows), concurrent.futures.ThreadPoolExecutor() as pool:
                customer = self.cluster.new_customer("unwritten")
                if has_rows:
                    self.buy(other, customer)
                with self.cluster.locked_items(sale):
                    order_id = self.accept(sale, customer)
                    asking = pool.submit(self.ask, customer)
                    time.sleep(0.7)
                sales = {sale, other} if has_rows else {sale}
                self.assertEqual(self.erase_wholly(customer, asking.result()), (len(sales), sales))
                self.check_gone(customer)
                wait_until(lambda one=order_id: one in self.rows_of(sale), 10, "the order is not written")
                self.check_gone(customer)
        for one in (sale, other):
            self.cluster.wait_consistent(one)

    def test_what_takes_too_long_is_not_called_done(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer("unwritten")
        with self.cluster.locked_items(sale):
            order_id = self.accept(sale, customer)
            response = self.check_status(self.ask(customer), 202)
            self.assertEqual(response.json(), {"orders": 0, "sales": []})
            self.assertEqual(response.header("Retry-After"), "1")
        self.assertEqual(self.erase_wholly(customer), (1, {sale}))
        self.assertEqual(list(self.rows_of(sale)), [order_id])
        self.check_gone(customer)


class NamesThatCannotBeToldTest(ErasureCase):
    def erase_in_rows_alone(self, sale, count, prefix):
        """As though whoever erased these had died before Redis was told."""
        names = [f"{prefix}{number:04}" for number in range(1, count + 1)]
        ids = self.cluster.insert_orders(sale, names, 3, given_back=True)
        self.cluster.query("INSERT INTO erased_names (sale_no, pseudonym, first_order_id) "
                           "SELECT %s, name, id FROM unnest(%s, %s::uuid[]) AS erased (name, id)",
                           (self.cluster.sale_no(sale), names, ids))

    def test_they_stand_in_nobodys_way(self):
        away, sale = self.cluster.create_sale(), self.cluster.create_sale()
        customer = self.cluster.new_customer("behind")
        order = self.buy(sale, customer)
        client, lease = self.cluster.redis.client, f"fs:{{{away}}}:lease:rebuild"
        client.set(lease, "somebody 600000", px=600_000)
        client.delete(f"fs:{{{away}}}")  # and nobody can rebuild it
        try:
            self.erase_in_rows_alone(away, 450, "erased-0")
            self.cluster.query(
                "WITH row AS (UPDATE orders SET customer_id = 'erased-9' WHERE order_id = %s RETURNING sale_no) "
                "INSERT INTO erased_names (sale_no, pseudonym, first_order_id) SELECT sale_no, 'erased-9', %s FROM row",
                (order["id"], self.cluster.customer_range(sale, customer)[0]))
            wait_until(lambda: customer.encode() not in self.redis_text(), 20, "redis keeps the name", 0.2)
            self.assertEqual(self.cluster.query("SELECT count(*) FROM erased_names WHERE pseudonym < 'erased-9'"),
                             [(450,)])
        finally:
            client.delete(lease)
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM erased_names") == [(0,)], 20, "redis is not told",
                   0.2)
        self.cluster.wait_consistent(sale)


class ErasureWithoutRedisTest(ErasureCase):
    def test_redis_forgets_when_it_is_back(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer("absent")
        self.buy(sale, customer)
        self.cluster.redis.kill()
        self.assertEqual(self.erase(customer, status=202), {"orders": 1, "sales": [sale]})
        self.cluster.redis.start()
        self.wait_sold_by_all(sale)
        self.cluster.wait_consistent(sale)
        self.assertNotIn(customer.encode(), self.redis_text())

    def test_redis_forgets_when_it_speaks_again(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer("unheard")
        self.buy(sale, customer)
        self.cluster.redis.pause()
        try:
            self.assertEqual(self.erase(customer, status=202), {"orders": 1, "sales": [sale]})
        finally:
            self.cluster.redis.resume()
        wait_until(lambda: customer.encode() not in self.redis_text(), 15, "redis keeps the name", 0.2)
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM erased_names") == [(0,)], 15, "redis is not told")
        self.wait_sold_by_all(sale)
        self.cluster.wait_consistent(sale)

    def test_all_or_nothing(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        order = self.buy(sale, customer)
        self.cluster.query("ALTER TABLE admin_log RENAME TO admin_log_away")
        try:
            refused = self.erase(customer, status=503)
        finally:
            self.cluster.query("ALTER TABLE admin_log_away RENAME TO admin_log")
        self.assertEqual(refused["type"], "/problems/unavailable")
        self.assertEqual(self.rows_of(sale)[order["id"]][0], customer)
        self.check_status(self.cluster.order(order["id"], customer), 200)
        self.assertEqual(self.erase(customer), {"orders": 1, "sales": [sale]})


class ErasureOfThePastTest(ErasureCase):
    settings = {"retention.redis_keep_s": 1}

    def keys(self, sale):
        return self.cluster.redis.client.keys(f"fs:{{{sale}}}*")

    def test_a_sale_that_was_let_go_stays_out_of_redis(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer("past")
        order = self.buy(sale, customer, "key-1")
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)
        for where in (0, 1):
            wait_until(lambda w=where: self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=w).json()
                       .get("let_go"), 20, "the sale is not let go", 0.1)
        wait_until(lambda: not self.keys(sale), 20, "the sale is still in Redis", 0.1)
        epoch = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"]
        self.assertEqual(self.erase(customer), {"orders": 1, "sales": [sale]})
        self.assertRegex(self.rows_of(sale)[order["id"]][0], PSEUDONYM)
        for where in (0, 1):
            self.check_status(self.cluster.order(order["id"], customer, where), 404, "unknown-order")
            self.check_status(self.cluster.buy(sale, customer, "key-1", where=where), 422, "idempotency-key-reused")
        time.sleep(1.5)
        self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["epoch"], epoch)
        self.assertEqual(self.keys(sale), [])
        self.assertNotIn(customer.encode(), self.redis_text())


if __name__ == "__main__":
    unittest.main()
