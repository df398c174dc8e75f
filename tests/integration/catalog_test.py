"""The catalog: content, freshness on every instance, caching, and sales that open and end by the clock."""

import concurrent.futures
import secrets
import threading
import time
import unittest

import harness
from harness import FRESH_MS, SLOWNESS, ClusterCase, item_definition


class CatalogCase(ClusterCase):
    instances = 2

    def buy_new(self, sale, where=0, **how):
        return self.cluster.buy(sale, self.cluster.new_customer(), where=where, **how)


class ContentTest(CatalogCase):
    def test_single_sale(self):
        starts_at, ends_at = time.time() - 60, time.time() + 3600
        sale = self.cluster.create_sale(name="Autumn drop – “42”", starts_at=starts_at, ends_at=ends_at, items=[
            item_definition("sneaker-42", 5, limit=2, amount=12_999, currency="EUR", name="Sneaker, size 42"),
            item_definition("yen", 7, amount=0, currency="JPY")])
        response = self.check_status(self.cluster.client().get(f"/v1/sales/{sale}"), 200)
        self.assertIn("application/json", response.header("Content-Type"))
        self.assertEqual(response.header("Cache-Control"), "public, max-age=1")
        body = response.json()
        self.assertEqual(body["id"], sale)
        self.assertEqual(body["name"], "Autumn drop – “42”")
        self.assertEqual(body["state"], "open")
        self.assertAlmostEqual(harness.unix_time(body["starts_at"]), starts_at, delta=0.001)
        self.assertAlmostEqual(harness.unix_time(body["ends_at"]), ends_at, delta=0.001)
        self.assertEqual([item["sku"] for item in body["items"]], ["sneaker-42", "yen"])
        item = body["items"][0]
        self.assertEqual(item["name"], "Sneaker, size 42")
        self.assertEqual(item["price"], {"amount": 12_999, "currency": "EUR"})
        self.assertEqual(item["remaining"], 5)
        self.assertEqual(item["availability"], "available")
        self.assertEqual(item["limit_per_customer"], 2)

    def test_sold_out_item_says_so_on_both_instances(self):
        sale = self.cluster.create_sale(stock=2)
        self.check_status(self.buy_new(sale, quantity=2), 201)
        bought_at = time.time()
        for where in (0, 1):
            def probe(where=where):
                response = self.cluster.client(where).get(f"/v1/sales/{sale}")
                item = response.json()["items"][0]
                return response.sent_at, (item["remaining"], item["availability"]) == (0, "sold_out")
            self.check_fresh(probe, bought_at, f"instance {where}: sold out")

    def test_list_holds_every_sale_once(self):
        sales = {self.cluster.create_sale(where=number % 2) for number in range(5)}
        for where in (0, 1):
            response = self.check_status(self.cluster.client(where).get("/v1/sales"), 200)
            self.assertEqual(response.header("Cache-Control"), "public, max-age=1")
            listed = [sale["id"] for sale in response.json()["sales"]]
            self.assertEqual(len(listed), len(set(listed)))
            # A list may be as old as the catalog may be; a single sale may not be missing at all.
            if not sales <= set(listed):
                time.sleep(FRESH_MS / 1000 * SLOWNESS)
                listed = [sale["id"] for sale in self.cluster.client(where).get("/v1/sales").json()["sales"]]
            self.assertLessEqual(sales, set(listed))
            one = next(sale for sale in response.json()["sales"] if sale["id"] in listed)
            self.assertIn("remaining", one["items"][0])
            self.assertIn("availability", one["items"][0])

    def test_unknown_sale(self):
        for where in (0, 1):
            self.check_status(self.cluster.client(where).get("/v1/sales/no-such-sale"), 404, "unknown-sale")

    def test_new_sale_is_there_at_once_on_the_other_instance(self):
        for number in range(10):
            sale = self.cluster.create_sale(where=number % 2)
            self.check_status(self.cluster.client(1 - number % 2).get(f"/v1/sales/{sale}"), 200)
            self.check_status(self.buy_new(sale, where=1 - number % 2), 201)

    def test_etag(self):
        sale = self.cluster.create_sale(stock=50)
        time.sleep(FRESH_MS / 1000 * SLOWNESS)
        for path in (f"/v1/sales/{sale}", "/v1/sales"):
            with self.subTest(path):
                first = self.check_status(self.cluster.client().get(path), 200)
                tag = first.header("ETag")
                self.assertRegex(tag, r'^(W/)?"[\x21\x23-\x7e]*"$')
                for condition in (tag, f'"other", {tag}', "*"):
                    response = self.check_status(self.cluster.client().get(path, {"If-None-Match": condition}), 304)
                    self.assertEqual(response.body, b"")
                    self.assertEqual(response.header("ETag"), tag)
                    self.assertEqual(response.header("Cache-Control"), "public, max-age=1")
                response = self.cluster.client().get(path, {"If-None-Match": '"other"'})
                self.check_status(response, 200)
                self.check_status(self.buy_new(sale), 201)
                time.sleep(FRESH_MS / 1000 * SLOWNESS)
                changed = self.check_status(self.cluster.client().get(path, {"If-None-Match": tag}), 200)
                self.assertNotEqual(changed.header("ETag"), tag)

    def test_etag_is_the_same_on_both_instances(self):
        sale = self.cluster.create_sale(stock=50)
        time.sleep(FRESH_MS / 1000 * SLOWNESS)
        tags = {self.cluster.client(where).get(f"/v1/sales/{sale}").header("ETag") for where in (0, 1)}
        self.assertEqual(len(tags), 1, "a client that is balanced over instances would never see a 304")

    def test_head(self):
        sale = self.cluster.create_sale()
        get = self.cluster.client().get(f"/v1/sales/{sale}")
        head = self.check_status(self.cluster.client().request("HEAD", f"/v1/sales/{sale}"), 200)
        self.assertEqual(head.body, b"")
        self.assertEqual(head.header("Content-Type"), get.header("Content-Type"))
        self.assertEqual(head.header("Content-Length"), get.header("Content-Length"))


class ListTest(ClusterCase):
    """More sales than a page has."""

    def test_pages_hold_every_sale_once(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            sales = set(pool.map(lambda _: self.cluster.create_sale(), range(110)))

        def all_pages():
            listed, cursor = set(), "0"
            while cursor is not None:
                page = self.cluster.client().get(f"/v1/sales?cursor={cursor}").json()
                listed.update(sale["id"] for sale in page["sales"])
                cursor = page.get("next_cursor")
            return listed
        harness.wait_until(lambda: sales <= all_pages(), 5, "the list does not know of all sales")
        for limit, most in ((None, 100), (1000, 100), (100, 100), (37, 37)):
            with self.subTest(limit=limit):
                listed, cursor = [], ""
                while cursor is not None:
                    query = "&".join([f"limit={limit}"] * (limit is not None) + [f"cursor={cursor}"] * bool(cursor))
                    response = self.check_status(self.cluster.client().get(f"/v1/sales?{query}"), 200)
                    page = response.json()
                    self.assertLessEqual(len(page["sales"]), most)
                    # It is the last, or full.
                    self.assertTrue("next_cursor" not in page or len(page["sales"]) == most or
                                    len(response.body) > 256 * 1024, query)
                    listed += [sale["id"] for sale in page["sales"]]
                    cursor = page.get("next_cursor")
                self.assertEqual(len(listed), len(set(listed)))
                self.assertLessEqual(sales, set(listed))

    def test_one_question_in_many_forms(self):
        self.cluster.create_sale()
        time.sleep(FRESH_MS / 1000 * SLOWNESS)
        path = "/v1/sales"
        plain = self.check_status(self.cluster.client().get(path), 200)
        for query in ("limit=100", "limit=0100", "limit=%31%30%30", "limit=1000", "limit=999", "cursor=0",
                      "fbclid=IwAR0", "utm_source=a&utm_source=b", "q=%zz&limit=100", "&&", "=", "x" * 2000,
                      "&".join(f"p{number}={number}" for number in range(100))):
            with self.subTest(query):
                response = self.check_status(self.cluster.client().get(f"{path}?{query}"), 200)
                self.assertEqual((response.body, response.header("ETag")), (plain.body, plain.header("ETag")))
        for query in ("limit=0", "limit=1001", "limit=abc", "limit=", "limit=1&limit=1", "limit=%3", "cursor=x",
                      "cursor=00"):
            with self.subTest(query):
                response = self.cluster.client().get(f"{path}?{query}&fbclid=x")
                self.check_status(response, 400, "malformed-request")

    def test_a_page_of_large_sales_ends_sooner(self):
        items = [item_definition(f"sku-{number}", name="n" * 100) for number in range(1000)]
        sales = [self.cluster.create_sale(items=items) for _ in range(3)]
        time.sleep(FRESH_MS / 1000 * SLOWNESS)
        listed, cursor = [], "0"
        while cursor is not None:
            response = self.check_status(self.cluster.client().get(f"/v1/sales?cursor={cursor}"), 200)
            # What is written last may be a large one.
            self.assertLess(len(response.body), 2 * 256 * 1024)
            self.assertTrue(response.json()["sales"])
            listed += [sale["id"] for sale in response.json()["sales"]]
            cursor = response.json().get("next_cursor")
        self.assertEqual(listed[-3:], sales)


class FreshnessTest(CatalogCase):
    def test_remaining_follows_within_the_bound(self):
        sale = self.cluster.create_sale(stock=1000)
        for turn in range(6):
            quantity = turn + 1
            want = self.cluster.audit(sale)["items"][0]["remaining"] - quantity
            self.check_status(self.buy_new(sale, where=turn % 2, quantity=quantity), 201)
            bought_at = time.time()
            for where in (0, 1):
                def probe(where=where):
                    response = self.cluster.client(where).get(f"/v1/sales/{sale}")
                    return response.sent_at, response.json()["items"][0]["remaining"] == want
                self.check_fresh(probe, bought_at, f"instance {where}: remaining {want}")

    def _both_follow(self, sale, changed_at, is_new, what):
        for where in (0, 1):
            def probe(where=where):
                response = self.buy_new(sale, where)
                return response.sent_at, is_new(response)
            self.check_fresh(probe, changed_at, f"instance {where}: {what}")

    def test_pause_open_and_close(self):
        sale = self.cluster.create_sale(stock=100_000)
        for where in (0, 1):
            self.check_status(self.buy_new(sale, where), 201)
        for turn, (state, status) in enumerate([("paused", 409), ("open", 201), ("paused", 409), ("scheduled", 201),
                                                ("closed", 409)]):
            response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": state}, where=turn % 2)
            self.check_status(response, 200)
            changed_at = time.time()
            self._both_follow(sale, changed_at, lambda answer, want=status: answer.status == want, state)
            shown = {"scheduled": "open"}.get(state, state)
            for where in (0, 1):
                answer = self.buy_new(sale, where)
                self.check_status(answer, *((201,) if status == 201 else (409, "sale-not-open")))

                def probe(where=where):
                    response = self.cluster.client(where).get(f"/v1/sales/{sale}")
                    return response.sent_at, response.json()["state"] == shown
                self.check_fresh(probe, changed_at, f"instance {where}: shown as {shown}")
        for state in ("open", "paused", "scheduled"):
            response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": state})
            self.check_status(response, 409, "sale-closed")
        self.check_status(self.buy_new(sale), 409, "sale-not-open")

    def test_new_times_take_effect(self):
        sale = self.cluster.create_sale(stock=100_000)
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {
            "starts_at": harness.rfc3339(time.time() + 600), "ends_at": harness.rfc3339(time.time() + 900)}, where=1)
        self.check_status(response, 200)
        self._both_follow(sale, time.time(), lambda answer: answer.status == 409, "moved to later")
        # An open sale sells until its end whatever its start says.
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "open"}), 200)
        self._both_follow(sale, time.time(), lambda answer: answer.status == 201, "opened by hand")
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {
            "starts_at": harness.rfc3339(time.time() - 600), "ends_at": harness.rfc3339(time.time() - 1)})
        self.check_status(response, 200)
        self._both_follow(sale, time.time(), lambda answer: answer.status == 409, "ended")

    def test_added_stock_is_sold(self):
        sale = self.cluster.create_sale(stock=1)
        self.check_status(self.buy_new(sale), 201)
        for where in (0, 1):
            self.check_status(self.buy_new(sale, where), 409, "sold-out")
        response = self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", {"add": 10})
        self.check_status(response, 200)
        for where in (0, 1):
            harness.wait_until(lambda where=where: self.buy_new(sale, where).status == 201, 2,
                               f"instance {where} does not sell the added stock")
        self.cluster.wait_consistent(sale)


class RestTest(CatalogCase):
    def test_what_comes_back_is_shown_when_it_sells(self):
        sale = self.cluster.create_sale(stock=1)
        owner = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, owner), 201).json()
        for _ in range(5):
            self.cluster.wait_remaining(sale, 0)
            self.check_status(self.cluster.cancel(order["id"], owner), 200)

            def shown():
                item = self.cluster.item(sale)
                self.assertEqual(item["remaining"] > 0, item["availability"] == "available", item)
                return item["remaining"] == 1
            harness.wait_until(shown, 5, "the unit is not shown again", interval_s=0.005)
            owner = self.cluster.new_customer()
            order = self.check_status(self.cluster.buy(sale, owner), 201).json()


class ClockTest(CatalogCase):
    """State by Redis's clock, which on one machine is ours. Buyers hammer both instances all along."""

    def _hammer(self, sale, until):
        """Answers of buyers from both instances until then."""
        answers = [[], []]

        def hammer(where):
            client = self.cluster.instances[where].client()
            while time.time() < until:
                answers[where].append(self.cluster.buy(sale, self.cluster.new_customer(), secrets.token_hex(6),
                                                       client=client))
                time.sleep(0.004)
            client.close()

        threads = [threading.Thread(target=hammer, args=(where,)) for where in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_opens_by_the_clock_and_never_before(self):
        starts_at = time.time() + 1.2
        sale = self.cluster.create_sale(stock=100_000, starts_at=starts_at, ends_at=starts_at + 600)
        self.assertEqual(self.cluster.sale(sale)["state"], "scheduled")
        for where, answers in enumerate(self._hammer(sale, starts_at + 0.8 * SLOWNESS)):
            self.assertEqual({answer.status for answer in answers}, {201, 409})
            for answer in answers:
                if answer.status == 201:
                    self.assertGreaterEqual(answer.received_at, starts_at, f"instance {where} sold before the start")
                    self.assertGreaterEqual(harness.unix_time(answer.json()["created_at"]), starts_at - 1e-6)
                else:
                    self.check_status(answer, 409, "sale-not-open")
                    self.assertAlmostEqual(harness.unix_time(answer.json()["starts_at"]), starts_at, delta=0.001)
                    late_ms = (answer.sent_at - starts_at) * 1000
                    self.assertLess(late_ms, FRESH_MS * SLOWNESS, f"instance {where} opened {late_ms:.0f} ms late")
            self.assertEqual(self.cluster.sale(sale, where)["state"], "open")
        self.cluster.wait_consistent(sale)

    def test_ends_by_the_clock(self):
        ends_at = time.time() + 1.0
        sale = self.cluster.create_sale(stock=100_000, ends_at=ends_at)
        for where, answers in enumerate(self._hammer(sale, ends_at + 0.8 * SLOWNESS)):
            self.assertEqual({answer.status for answer in answers}, {201, 409})
            for answer in answers:
                if answer.status == 201:
                    self.assertLess(harness.unix_time(answer.json()["created_at"]), ends_at)
                    self.assertLess(answer.sent_at, ends_at, f"instance {where} sold after the end")
                else:
                    self.check_status(answer, 409, "sale-not-open")
                    self.assertGreaterEqual(answer.received_at, ends_at, f"instance {where} ended too early")
            harness.wait_until(lambda where=where: self.cluster.sale(sale, where)["state"] == "closed", 1,
                               "the catalog shows an ended sale as open")
        self.cluster.wait_consistent(sale)


if __name__ == "__main__":
    unittest.main()
