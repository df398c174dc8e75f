"""The admin listener: who may use it, sales, stock, orders, the log, the audit and the metrics."""

import concurrent.futures
import copy
import json
import re
import secrets
import time
import unittest
import uuid

import harness
from harness import ClusterCase, item_definition, sale_definition


class AdminCase(ClusterCase):
    instances = 2

    def patch(self, sale, body, **how):
        return self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", body, **how)

    def add_stock(self, sale, units, key=None, sku="sneaker-42", **how):
        headers = {"Idempotency-Key": key} if key else {}
        return self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/{sku}/stock", {"add": units}, headers, **how)

    def sell(self, sale, units, sku="sneaker-42"):
        customer = self.cluster.new_customer()
        response = self.cluster.buy(sale, customer, sku=sku, quantity=units)
        return customer, self.check_status(response, 201).json()

    def counts(self, sale):
        """(stock, sold) of the only item in PostgreSQL."""
        return self.cluster.query("SELECT stock, sold FROM item_stock WHERE sale_id = %s", (sale,))[0]

    def pages(self, path, member):
        """All entries behind a path with cursor pagination."""
        entries, cursor = [], None
        while True:
            joint = "&" if "?" in path else "?"
            page = self.check_status(self.cluster.admin("GET", path + (f"{joint}cursor={cursor}" if cursor else "")),
                                     200).json()
            entries += page[member]
            cursor = page.get("next_cursor")
            if not cursor:
                return entries


class AuthorisationTest(AdminCase):
    def test_every_admin_call_needs_a_token(self):
        sale = self.cluster.create_sale()
        some_id = str(uuid.uuid4())
        calls = [("GET", "/admin/v1/sales"), ("POST", "/admin/v1/sales"), ("GET", f"/admin/v1/sales/{sale}"),
                 ("PATCH", f"/admin/v1/sales/{sale}"), ("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock"),
                 ("GET", f"/admin/v1/sales/{sale}/audit"), ("GET", f"/admin/v1/sales/{sale}/report"),
                 ("GET", f"/admin/v1/sales/{sale}/orders.csv"), ("POST", "/admin/v1/customers/a/erase"),
                 ("POST", f"/admin/v1/sales/{sale}/reset"), ("GET", "/admin/v1/orders?customer_id=a"),
                 ("GET", f"/admin/v1/orders/{some_id}"), ("GET", "/admin/v1/log"), ("GET", "/admin/v1/flags"),
                 ("PUT", "/admin/v1/flags/checkout")]
        for method, path in calls:
            for token in (False, "wrong", self.cluster.admin_token[:-1], self.cluster.token("a"), ""):
                with self.subTest(f"{method} {path}"):
                    response = self.cluster.admin(method, path, token=token)
                    self.check_status(response, 401, "unauthorized")
                    self.assertTrue((response.header("WWW-Authenticate") or "").startswith("Bearer"))
        self.check_status(self.cluster.admin("GET", "/metrics", token=False), 200)

    def test_listeners_are_apart(self):
        self.check_status(self.cluster.client().get("/admin/v1/sales", {
            "Authorization": f"Bearer {self.cluster.admin_token}"}), 404, "not-found")
        self.check_status(self.cluster.client().get("/metrics"), 404, "not-found")
        self.check_status(self.cluster.admin("GET", "/v1/sales"), 404, "not-found")


class SaleTest(AdminCase):
    def test_create_and_read(self):
        definition = sale_definition(self.cluster.new_sale_id(), items=[item_definition(limit=2), item_definition(
            "sock", 7, amount=900, currency="SEK")])
        response = self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 201)
        self.assertEqual(response.header("Location"), f"/admin/v1/sales/{definition['id']}")
        for where in (0, 1):
            read = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{definition['id']}", where=where),
                                     200).json()
            for member in ("id", "name", "payment"):
                self.assertEqual(read[member], definition[member])
            for member in ("starts_at", "ends_at"):
                self.assertAlmostEqual(harness.unix_time(read[member]), harness.unix_time(definition[member]),
                                       delta=1e-3)
            self.assertEqual(read["queue"], {"enabled": False, "rate_per_s": 500, "prequeue_s": 600})
            self.assertEqual(read["payment_window_s"], 600)
            self.assertEqual([item["sku"] for item in read["items"]], ["sneaker-42", "sock"])
            for item, defined in zip(read["items"], definition["items"]):
                for member in ("sku", "name", "price", "stock", "limit_per_customer"):
                    self.assertEqual(item[member], defined[member])
        self.assertEqual(response.json()["id"], definition["id"])

    def test_exists_already(self):
        sale = self.cluster.create_sale(stock=5)
        self.sell(sale, 2)
        for where in (0, 1):
            response = self.cluster.admin("POST", "/admin/v1/sales", sale_definition(sale, stock=99), where=where)
            self.check_status(response, 409, "sale-exists")
        self.assertEqual(self.counts(sale), (5, 2))

    def test_one_of_many_creates_wins(self):
        sale = self.cluster.new_sale_id()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: self.cluster.admin(
                "POST", "/admin/v1/sales", sale_definition(sale, stock=number + 1), where=number % 2), range(8)))
        self.assertEqual(sorted(answer.status for answer in answers), [201] + [409] * 7)
        won = next(number for number, answer in enumerate(answers) if answer.status == 201)
        self.assertEqual(self.counts(sale), (won + 1, 0))

    def test_definitions_that_are_refused(self):
        good = sale_definition("good", items=[item_definition(), item_definition("sock")])

        def changed(path, value):
            """`good` with the member at `path` replaced; `...` takes it away."""
            definition = copy.deepcopy(good)
            place = definition
            for step in path[:-1]:
                place = place[step]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            return definition

        item = ("items", 0)
        table = {
            "empty id": (("id",), ""), "no id": (("id",), ...), "id with a slash": (("id",), "a/b"),
            "id with a space": (("id",), "a b"), "id with a brace": (("id",), "a{b}"),
            "id too long": (("id",), "i" * 65),
            "id begins with a dash": (("id",), "-a"), "id begins with a dot": (("id",), ".."),
            "id is no text": (("id",), 7), "id is not ASCII": (("id",), "é"),
            "no name": (("name",), ...), "name is no text": (("name",), 7), "empty name": (("name",), ""),
            "name too long": (("name",), "n" * 10_000),
            "no starts_at": (("starts_at",), ...), "no ends_at": (("ends_at",), ...),
            "time without offset": (("starts_at",), "2026-01-01T00:00:00"),
            "no such day": (("starts_at",), "2026-02-30T00:00:00Z"), "time is a number": (("ends_at",), 1_800_000_000),
            "rubbish time": (("ends_at",), "tomorrow"), "ends before it starts": (("ends_at",), "2001-01-01T00:00:00Z"),
            "unknown payment": (("payment",), "later"), "window is negative": (("payment_window_s",), -1),
            "window is no number": (("payment_window_s",), "600"),
            "queue is no object": (("queue",), True), "unknown member in queue": (("queue",), {"speed": 1}),
            "queue without a rate": (("queue",), {"enabled": False, "rate_per_s": 0}),
            "no items": (("items",), ...), "empty items": (("items",), []), "items are no list": (("items",), {}),
            "an item is no object": (("items",), ["sneaker"]), "duplicate sku": (("items", 1, "sku"), "sneaker-42"),
            "no sku": ((*item, "sku"), ...), "bad sku": ((*item, "sku"), "a/b"),
            "sku too long": ((*item, "sku"), "s" * 65),
            "item without name": ((*item, "name"), ...), "no price": ((*item, "price"), ...),
            "price is a number": ((*item, "price"), 12.5), "fractional amount": ((*item, "price", "amount"), 12.5),
            "negative amount": ((*item, "price", "amount"), -1), "huge amount": ((*item, "price", "amount"), 10**19),
            "no currency": ((*item, "price", "currency"), ...),
            "currency with a digit": ((*item, "price", "currency"), "E1R"),
            "long currency": ((*item, "price", "currency"), "EURO"),
            "unknown member in price": ((*item, "price", "vat"), 1),
            "no stock": ((*item, "stock"), ...), "negative stock": ((*item, "stock"), -1),
            "fractional stock": ((*item, "stock"), 1.5), "stock is text": ((*item, "stock"), "50"),
            "huge stock": ((*item, "stock"), 2**63), "negative limit": ((*item, "limit_per_customer"), -1),
            "huge limit": ((*item, "limit_per_customer"), 2**40),
            "no limit said": ((*item, "limit_per_customer"), ...),
            "window of years": (("payment_window_s",), 86_401),
            "no orders": (("max_orders_per_customer",), 0), "huge orders": (("max_orders_per_customer",), 2**31),
            "no quantity": (("max_quantity_per_order",), 0), "huge quantity": (("max_quantity_per_order",), 1_000_001),
            "unknown member": (("colour",), "red"), "unknown member in item": ((*item, "colour"), "red"),
        }
        before = self.cluster.query("SELECT count(*) FROM item_stock")
        for name, (path, value) in table.items():
            with self.subTest(name):
                response = self.cluster.admin("POST", "/admin/v1/sales", changed(path, value))
                self.assertIn(response.status, (400, 422), repr(response))
                self.assertIn(response.problem, ("malformed-request", "invalid-definition", "not-supported"))
        raw = {"no JSON": b"{", "duplicate member": b'{"id":"a","id":"b"}', "trailing bytes": b"{} x", "a list": b"[]",
               "a megabyte of objects": b'{"a":[' + b",".join([b"{}"] * 300_000) + b"]}",
               "a megabyte of a name": json.dumps(good | {"name": "n" * 1_000_000}).encode(),
               "half of a large one": json.dumps(good | {"name": "n" * 100_000}).encode()[:-1]}
        for name, body in raw.items():
            with self.subTest(name):
                response = self.cluster.admin("POST", "/admin/v1/sales", body, {"Content-Type": "application/json"})
                self.check_status(response, 400, "malformed-request")
        response = self.cluster.admin("POST", "/admin/v1/sales", b"{}", {"Content-Type": "text/plain"})
        self.check_status(response, 415, "unsupported-media-type")
        self.assertEqual(self.cluster.query("SELECT count(*) FROM item_stock"), before)

    def test_a_large_definition_is_taken(self):
        """It is read by another thread than the small ones."""
        items = [item_definition(f"sku-{number}", 7.0) for number in range(1000)]
        definition = sale_definition(self.cluster.new_sale_id(), items=items)
        created = self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 201).json()
        self.assertEqual([item["sku"] for item in created["items"]], [item["sku"] for item in items])
        self.assertEqual({item["stock"] for item in created["items"]}, {7})

    def test_list_with_a_cursor(self):
        sales = [self.cluster.create_sale() for _ in range(7)]
        listed = [sale["id"] for sale in self.pages("/admin/v1/sales?limit=3", "sales")]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(set(sales), set(listed))
        first = self.cluster.admin("GET", "/admin/v1/sales?limit=3").json()
        self.assertEqual(len(first["sales"]), 3)
        for query in ("limit=0", "limit=many", "cursor=%ff", "cursor=", "cursor=00", "cursor=-1", "cursor=+1",
                      "cursor=01", "cursor=1x", f"cursor={10**18}"):
            for path in ("/admin/v1/sales", "/admin/v1/log"):
                self.check_status(self.cluster.admin("GET", f"{path}?{query}"), 400, "malformed-request")
            self.check_status(self.cluster.client().get(f"/v1/sales?{query}"), 400, "malformed-request")
        # Numbers that no sale has.
        for number in (10**18 - 1, 2**31 - 1, 1):
            self.check_status(self.cluster.client().get(f"/v1/sales?cursor={number}"), 400, "malformed-request")
            last = self.cluster.admin("GET", f"/admin/v1/sales?cursor={number}")
            self.assertEqual(self.check_status(last, 200).json(), {"sales": []})

    def test_unknown_sale(self):
        for method, path, body in (("GET", "", None), ("PATCH", "", {"state": "open"}), ("GET", "/audit", None),
                                   ("POST", "/items/sneaker-42/stock", {"add": 1})):
            response = self.cluster.admin(method, f"/admin/v1/sales/no-such-sale{path}", body)
            self.check_status(response, 404, "unknown-sale")
        sale = self.cluster.create_sale()
        self.check_status(self.add_stock(sale, 1, sku="no-such-item"), 404, "unknown-item")

    def test_patches_that_are_refused(self):
        sale = self.cluster.create_sale()
        before = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()
        bodies = [{"state": "ended"}, {"state": 1}, {"colour": "red"}, {"id": "other"}, {"items": []},
                  {"starts_at": "tomorrow"}, {"ends_at": "2001-01-01T00:00:00Z"}, {"queue": {"rate_per_s": -5}},
                  {"starts_at": None}]
        for body in bodies:
            with self.subTest(body):
                response = self.patch(sale, body)
                self.assertIn(response.status, (400, 422), repr(response))
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", b'{"state":"open","state":"closed"}',
                                      {"Content-Type": "application/json"})
        self.check_status(response, 400, "malformed-request")
        self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json(), before)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)

    def test_a_sale_that_has_ended(self):
        now = time.time()
        sale = self.cluster.create_sale(starts_at=now - 20, ends_at=now - 10)

        def read(where=0):
            return self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=where).json()
        self.assertEqual(read()["state"], "ended")
        self.assertEqual(self.cluster.sale(sale)["state"], "closed")
        listed = [other for other in self.pages("/admin/v1/sales", "sales") if other["id"] == sale]
        self.assertEqual([other["state"] for other in listed], ["ended"])
        before = read()
        past = harness.rfc3339(now - 5)
        for body in ({"state": "open"}, {"state": "scheduled"}, {"state": "open", "ends_at": past}):
            refused = self.check_status(self.patch(sale, body), 409, "sale-ended")
            self.assertIn("ends_at", refused.json()["detail"])
        self.assertEqual(read(), before)
        # What opens nothing is no promise: to pause it is allowed, and it stays paused with new times.
        self.assertEqual(self.check_status(self.patch(sale, {"state": "paused"}), 200).json()["state"], "ended")
        later = {"ends_at": harness.rfc3339(now + 3600)}
        self.assertEqual(self.check_status(self.patch(sale, later), 200).json()["state"], "paused")
        self.assertEqual(self.check_status(self.patch(sale, {"state": "open"}), 200).json()["state"], "open")
        harness.wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer(), where=1).status == 201, 5,
                           "the sale does not sell")
        # To end it by the clock is not to open it.
        self.assertEqual(self.check_status(self.patch(sale, {"ends_at": past}), 200).json()["state"], "ended")
        again = self.patch(sale, {"state": "open", "ends_at": harness.rfc3339(now + 3600)})
        self.assertEqual(self.check_status(again, 200).json()["state"], "open")
        self.check_status(self.patch(sale, {"state": "closed"}), 200)
        self.assertEqual(read(where=1)["state"], "closed")
        self.check_status(self.patch(sale, {"state": "open"} | later), 409, "sale-closed")

    def test_times_that_cannot_be_stored(self):
        sale = self.cluster.create_sale()
        for moment in ("0000-01-01T00:00:00Z", "0000-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+01:00",
                       "9999-12-31T23:59:59-01:00"):
            definition = sale_definition("times") | {"starts_at": moment}
            self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 400, "malformed-request")
            self.check_status(self.patch(sale, {"starts_at": moment}), 400, "malformed-request")
        for first, last in (("0001-01-01T00:00:00Z", "0001-01-01T00:00:01+00:00"),
                            ("0001-01-01T00:00:00-01:00", "9999-12-31T23:59:59.999999Z")):
            patched = self.patch(sale, {"starts_at": first, "ends_at": last})
            self.check_status(patched, 200)
            self.assertEqual(patched.json()["starts_at"][:4], "0001")
            self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()["ends_at"],
                             patched.json()["ends_at"])

    def test_ids_that_no_store_can_hold(self):
        for path in ("", "/audit", "/report", "/orders.csv"):
            for name in ("%ff", "%c3%28", "%ed%a0%80", "a%20b"):
                response = self.cluster.admin("GET", f"/admin/v1/sales/{name}{path}")
                self.check_status(response, 404, "unknown-sale")
        self.check_status(self.cluster.admin("PATCH", "/admin/v1/sales/%ff", {"state": "paused"}), 404, "unknown-sale")
        self.check_status(self.cluster.admin("POST", "/admin/v1/sales/%ff/reset"), 404, "unknown-sale")
        self.check_status(self.cluster.admin("POST", "/admin/v1/sales/%ff/items/a/stock", {"add": 1}), 404,
                          "unknown-sale")
        self.check_status(self.cluster.client().get("/v1/sales/%ff"), 404, "unknown-sale")

    def test_lengths_are_in_characters(self):
        long = "\u00fc\U0001f45f" * 100
        sale = self.cluster.create_sale(name=long, items=[item_definition(name=long)])
        read = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()
        self.assertEqual((read["name"], read["items"][0]["name"]), (long, long))
        for name in (long + "x", "a\u0085", "a\x7f", "a\n", "\u0000", ""):
            self.check_status(self.patch(sale, {"name": name}), 400, "malformed-request")
            definition = sale_definition("n") | {"name": name}
            self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 400, "malformed-request")

    def test_what_takes_no_body_refuses_one(self):
        for path in (f"/admin/v1/sales/{self.cluster.create_sale(rehearsal=True)}/reset",
                     f"/admin/v1/customers/{self.cluster.new_customer()}/erase"):
            for body in ({"dry_run": True}, ["all"], None):
                response = self.cluster.admin("POST", path, json.dumps(body).encode())
                self.check_status(response, 400, "malformed-request")
            self.check_status(self.cluster.admin("POST", path, {}), 200)
            self.check_status(self.cluster.admin("POST", path), 200)

    def test_currencies_in_any_case(self):
        items = [item_definition(currency="eur"), item_definition("sock", currency="Eur")]
        sale = self.cluster.create_sale(items=items)
        shown = [item["price"]["currency"] for item in self.cluster.sale(sale)["items"]]
        self.assertEqual(shown, ["EUR", "EUR"])

    def test_patch_answers_the_sale_as_it_is_now(self):
        sale = self.cluster.create_sale()
        starts_at, ends_at = time.time() + 100, time.time() + 200
        patched = self.check_status(self.patch(sale, {"starts_at": harness.rfc3339(starts_at),
                                                      "ends_at": harness.rfc3339(ends_at)}), 200).json()
        self.assertAlmostEqual(harness.unix_time(patched["starts_at"]), starts_at, delta=0.001)
        self.assertEqual(patched["state"], "scheduled")
        read = self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=1).json()
        self.assertEqual(read["ends_at"], patched["ends_at"])


class StockTest(AdminCase):
    def test_add_and_take_out(self):
        sale = self.cluster.create_sale(stock=10)
        self.sell(sale, 4)
        self.check_status(self.add_stock(sale, 5), 200)
        self.assertEqual(self.counts(sale), (15, 4))
        self.check_status(self.add_stock(sale, -11, where=1), 200)
        self.assertEqual(self.counts(sale), (4, 4))
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual(audit["items"][0]["remaining"], 0)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")

    def test_never_below_what_is_sold(self):
        sale = self.cluster.create_sale(stock=10)
        self.sell(sale, 4)
        for units in (-7, -10, -1000):
            self.check_status(self.add_stock(sale, units), 409, "not-enough-stock")
        self.assertEqual(self.counts(sale), (10, 4))
        self.check_status(self.add_stock(sale, -6), 200)
        self.check_status(self.add_stock(sale, -1), 409, "not-enough-stock")
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 0)

    def test_repeated_key_adds_once(self):
        sale = self.cluster.create_sale(stock=10)
        for units in (5, -3):
            key = secrets.token_hex(6)
            answers = [self.check_status(self.add_stock(sale, units, key, where=n % 2), 200).json() for n in range(4)]
            self.assertEqual(len({str(answer) for answer in answers}), 1, answers)
            self.check_status(self.add_stock(sale, units + 1, key), 422, "idempotency-key-reused")
        self.assertEqual(self.counts(sale), (12, 0))
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 12)

    def test_repeated_key_at_once(self):
        sale = self.cluster.create_sale(stock=10)
        for units in (5, -4):
            key = secrets.token_hex(6)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda number, k=key, u=units: self.add_stock(sale, u, k, where=number % 2),
                                        range(8)))
            self.assertEqual({answer.status for answer in answers}, {200}, answers)
        self.assertEqual(self.counts(sale), (11, 0))
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 11)

    def test_changes_that_are_refused(self):
        sale = self.cluster.create_sale(stock=10)
        for body in ({}, {"add": 0}, {"add": 1.5}, {"add": "5"}, {"add": 2**63}, {"add": 5, "why": "x"}, []):
            with self.subTest(body):
                response = self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", body)
                self.assertIn(response.status, (400, 422), repr(response))
        self.assertEqual(self.counts(sale), (10, 0))

    def test_stock_moves_while_a_crowd_buys(self):
        sale = self.cluster.create_sale(stock=40)
        ports = [instance.port for instance in self.cluster.instances]
        with harness.Shoppers(self.cluster, sale, ports, threads=16, pause_s=0.01) as shoppers:
            for units in (10, -5, 20, -10, 3, -30, 15, -200, 7):
                self.assertIn(self.add_stock(sale, units).status, (200, 409))
                time.sleep(0.05)
            time.sleep(0.3)
            purchases = shoppers.finish()
        self.assertEqual(shoppers.violations, [])
        harness.check_buyers(self.cluster, purchases)
        stock, sold = self.counts(sale)
        self.assertLessEqual(sold, stock)


class OrdersTest(AdminCase):
    def test_orders_of_a_customer(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        ids = [self.check_status(self.cluster.buy(sale, customer, f"k-{n}"), 201).json()["id"] for n in range(5)]
        self.sell(sale, 1)
        listed = self.pages(f"/admin/v1/orders?customer_id={customer}&limit=2", "orders")
        self.assertEqual([order["id"] for order in listed], sorted(ids))
        self.assertEqual({order["customer_id"] for order in listed}, {customer})
        self.assertEqual(self.pages("/admin/v1/orders?customer_id=nobody", "orders"), [])
        self.check_status(self.cluster.admin("GET", "/admin/v1/orders"), 400, "malformed-request")

    def test_customer_with_an_unusual_name(self):
        sale = self.cluster.create_sale()
        order = self.check_status(self.cluster.buy(sale, "a&b=c d/ü", "k"), 201).json()
        listed = self.pages("/admin/v1/orders?customer_id=a%26b%3Dc%20d%2F%C3%BC", "orders")
        self.assertEqual([entry["id"] for entry in listed], [order["id"]])

    def test_why_an_order_is_cancelled(self):
        sale = self.cluster.create_sale()
        _, order = self.sell(sale, 1)
        path = f"/admin/v1/orders/{order['id']}/cancel"
        for reason in ("\u00fc" * 201, "", "a\u0090", 7):
            self.check_status(self.cluster.admin("POST", path, {"reason": reason}), 400, "malformed-request")
        answer = self.check_status(self.cluster.admin("POST", path, {"reason": "\u00fc" * 200}), 200).json()
        self.assertEqual(answer["reason"], "\u00fc" * 200)

    def test_cursors(self):
        sale = self.cluster.create_sale()
        customer, order = self.sell(sale, 1)
        paths = ((self.cluster.client(), "/v1/orders?", self.cluster.bearer(customer)),
                 (self.cluster.instances[0], f"/admin/v1/orders?customer_id={customer}&", None))
        order_id = order["id"]
        for asked, path, headers in paths:
            get = asked.get if headers else lambda target, _: self.cluster.admin("GET", target)
            for cursor in ("", "2147483647", "2147483648", "0", f"01-{order_id}", f"1-{order_id}", order_id[:-1],
                           order_id + "0", order_id[:14] + "5" + order_id[15:], "7fffffff" + order_id[8:]):
                self.check_status(get(f"{path}cursor={cursor}", headers), 400, "malformed-request")
            before, behind = order_id[:-11] + 11 * "0", order_id[:-11] + 11 * "f"
            for cursor, seen in ((before, [order_id]), (order_id, []), (order_id.upper(), []), (behind, []),
                                 (order_id[:9] + "0000-8000-8000-" + 12 * "0", [order_id])):
                page = self.check_status(get(f"{path}cursor={cursor}", headers), 200).json()
                self.assertEqual([one["id"] for one in page["orders"]], seen)

    def test_order_by_id(self):
        sale = self.cluster.create_sale()
        customer, order = self.sell(sale, 2)
        read = self.check_status(self.cluster.admin("GET", f"/admin/v1/orders/{order['id']}", where=1), 200).json()
        self.assertEqual({member: read[member] for member in order}, order)
        self.assertEqual(read["customer_id"], customer)
        unknown = self.cluster.admin("GET", f"/admin/v1/orders/{uuid.uuid4()}")
        self.check_status(unknown, 404, "unknown-order")


class LogTest(AdminCase):
    def test_a_cancellation_by_an_admin_is_named(self):
        sale = self.cluster.create_sale()
        orders = [self.check_status(self.cluster.buy(sale, "erin", key), 201).json() for key in ("k", "l")]
        cancel = f"/admin/v1/orders/{orders[0]['id']}/cancel"
        for _ in range(2):
            self.check_status(self.cluster.admin("POST", cancel, {"reason": "erin has called"}), 200)
        self.check_status(self.cluster.cancel(orders[1]["id"], "erin"), 200)
        entries = self.cluster.admin("GET", "/admin/v1/log?limit=10").json()["entries"]
        cancelled = [entry for entry in entries if entry["action"] == "order.cancelled"]
        # Once, by whom, and nothing of what was written about a person.
        self.assertEqual([(entry["who"], entry["subject"], entry["change"]) for entry in cancelled],
                         [(harness.ADMIN_NAME, orders[0]["id"], {})])

    def test_who_changed_what_newest_first(self):
        self.cluster.write_admin_tokens({harness.ADMIN_NAME: self.cluster.admin_token, "anna": "token-of-anna"})
        self.cluster.add_instance()
        sale = self.cluster.create_sale()
        self.check_status(self.patch(sale, {"state": "paused"}, where=2, token="token-of-anna"), 200)
        self.check_status(self.add_stock(sale, 3), 200)
        entries = [entry for entry in self.pages("/admin/v1/log?limit=2", "entries") if sale in str(entry)]
        self.assertEqual(len(entries), 3, entries)
        self.assertEqual([entry["who"] for entry in entries], [harness.ADMIN_NAME, "anna", harness.ADMIN_NAME])
        times = [harness.unix_time(entry["at"]) for entry in entries]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertLess(abs(times[0] - time.time()), 30)
        self.assertNotEqual(entries[0]["action"], entries[1]["action"])


class MetricsTest(AdminCase):
    SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? '
                        r'(NaN|[+-]?Inf|[+-]?[0-9.eE+-]+)( [0-9]+)?$')

    def samples(self, where=0):
        response = self.check_status(self.cluster.admin("GET", "/metrics", token=False, where=where), 200)
        self.assertTrue(response.header("Content-Type").startswith("text/plain"), repr(response))
        samples = {}
        for line in response.body.decode().splitlines():
            if line and not line.startswith("#"):
                self.assertRegex(line, self.SAMPLE)
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def test_text_parses_and_counts(self):
        sale = self.cluster.create_sale(stock=3)
        before = self.samples()
        for _ in range(3):
            self.sell(sale, 1)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")
        after = self.samples()

        def grown(pattern):
            return sum(value - before.get(name, 0) for name, value in after.items() if re.search(pattern, name))

        self.assertEqual(grown(r'^flashsale_.*route="/v1/sales/\{sale_id\}/orders".*status="201"|'
                               r'^flashsale_.*status="201".*route="/v1/sales/\{sale_id\}/orders"'), 3)
        self.assertEqual(grown(r'^flashsale_.*route="/v1/sales/\{sale_id\}/orders".*status="409"|'
                               r'^flashsale_.*status="409".*route="/v1/sales/\{sale_id\}/orders"'), 1)
        for name in before:
            self.assertTrue(name.startswith(("flashsale_", "http_server_", "exposer_", "process_")), name)
        for part in ("reservation", "batch", "queue", "pending_log"):
            self.assertTrue(any(part in name for name in after), f"no metric about {part}")


class AuditTest(AdminCase):
    def test_members_and_numbers(self):
        sale = self.cluster.create_sale(items=[item_definition(stock=10), item_definition("sock", 5)])
        self.sell(sale, 3)
        customer, order = self.sell(sale, 2)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.sell(sale, 5, "sock")
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual(set(audit), {"sale_id", "consistent", "checked_at", "items"})
        self.assertEqual(audit["sale_id"], sale)
        self.assertIs(audit["consistent"], True)
        self.assertLess(abs(harness.unix_time(audit["checked_at"]) - time.time()), 10)
        self.assertEqual(audit["items"], [
            {"sku": "sneaker-42", "stock": 10, "sold": 3, "remaining": 7, "pending": 0, "live_units": 3,
             "consistent": True},
            {"sku": "sock", "stock": 5, "sold": 5, "remaining": 0, "pending": 0, "live_units": 5, "consistent": True}])

    def test_it_is_consistent_under_load(self):
        """In mid-sale orders are pending, and an audit that cried wolf then would be of no use."""
        sale = self.cluster.create_sale(stock=100_000)
        ports = [instance.port for instance in self.cluster.instances]
        with harness.Shoppers(self.cluster, sale, ports, threads=12) as shoppers:
            for number in range(10):
                audit = self.cluster.audit(sale, where=number % 2)
                self.assertTrue(audit["consistent"], audit)
                time.sleep(0.05)
            purchases = shoppers.finish()
        harness.check_buyers(self.cluster, purchases)

    def test_it_sees_what_somebody_did_by_hand(self):
        sale = self.cluster.create_sale(stock=10)
        self.sell(sale, 3)
        self.cluster.wait_consistent(sale)
        done = self.cluster.flashsaled("audit", "--sale", sale)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tamper = ("UPDATE items SET sold = sold + %s WHERE item_no IN "
                  "(SELECT item_no FROM items i JOIN sales s USING (sale_no) WHERE s.sale_id = %s)")
        self.cluster.query(tamper, (1, sale))
        try:
            audit = self.cluster.audit(sale)
            self.assertIs(audit["consistent"], False)
            self.assertIs(audit["items"][0]["consistent"], False)
            done = self.cluster.flashsaled("audit", "--sale", sale)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertEqual(self.cluster.flashsaled("audit").returncode, 1)
        finally:
            self.cluster.query(tamper, (-1, sale))
        done = self.cluster.flashsaled("audit", "--sale", sale)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_sees_a_lost_order(self):
        sale = self.cluster.create_sale(stock=10)
        _, order = self.sell(sale, 3)
        self.cluster.wait_consistent(sale)
        self.cluster.query("DELETE FROM orders WHERE order_id = %s", (order["id"],))
        done = self.cluster.flashsaled("audit", "--sale", sale)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_it_says_when_it_cannot_tell(self):
        sale = self.cluster.create_sale()
        self.assertNotEqual(self.cluster.flashsaled("audit", "--sale", "no-such-sale").returncode, 0)
        for name, value in (("redis.url", f"redis://127.0.0.1:{harness.free_port()}/0"),
                            ("postgres.url", f"postgresql://postgres@127.0.0.1:{harness.free_port()}/none")):
            done = self.cluster.flashsaled("audit", "--sale", sale, settings={name: value})
            self.assertNotEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
