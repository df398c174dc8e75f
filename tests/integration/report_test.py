"""The report of a sale: totals, sell-out, refusals, the curve and what became of reservations."""

import contextlib
import datetime
import secrets
import time
import unittest

import harness
from harness import ClusterCase, item_definition, wait_until

STATUSES = ("confirmed", "awaiting_payment", "cancelled", "expired", "rejected")


class ReportCase(ClusterCase):
    instances = 2

    def report(self, sale, where=0):
        return self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report", where=where), 200).json()

    def buy(self, sale, quantity=1, sku="sneaker-42", status=201, problem=None, where=0):
        customer = self.cluster.new_customer()
        response = self.cluster.buy(sale, customer, sku=sku, quantity=quantity, where=where)
        return customer, self.check_status(response, status, problem).json()

    def add_rows(self, sale, count, status, seconds_apart=0.0, quantity=1):
        """Rows of orders that no store but PostgreSQL knows, of the sale's first item, the last one now."""
        self.cluster.insert_orders(sale, [f"customer-{n}" for n in range(count)], status, quantity, given_back=True,
                                   seconds_apart=seconds_apart)


class ReportTest(ReportCase):
    def test_a_sale_that_sold_nothing(self):
        sale = self.cluster.create_sale(stock=7)
        report = self.report(sale)
        self.assertEqual(report["sale_id"], sale)
        none = dict.fromkeys(STATUSES, 0)
        self.assertEqual(report["totals"], {"stock": 7, "sold": 0, "sold_out_at": None, "orders": none, "units": none,
                                            "revenue": [{"amount": 0, "currency": "EUR"}]})
        self.assertEqual(report["items"][0] | {"sku": ""}, report["totals"] | {
            "sku": "", "revenue": {"amount": 0, "currency": "EUR"}})
        self.assertEqual(report["refusals"], {})
        self.assertEqual(report["unavailable"], [])
        self.assertEqual(report["curve"], {"bucket_s": 1, "points": []})
        self.assertIsNone(report["conversion"])
        self.assertLess(abs(harness.unix_time(report["as_of"]) - time.time()), 30)

    def test_totals_of_items_and_currencies(self):
        sale = self.cluster.create_sale(items=[
            item_definition(stock=5, amount=100), item_definition("sock", 10, amount=7, currency="SEK"),
            item_definition("shoe", 3, amount=1000)])
        self.buy(sale, 3)
        customer, order = self.buy(sale, 1)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.buy(sale, 4, "sock")
        report = self.report(sale, where=1)
        sneaker, sock, shoe = report["items"]
        self.assertEqual([item["sku"] for item in report["items"]], ["sneaker-42", "sock", "shoe"])
        self.assertEqual((sneaker["stock"], sneaker["sold"], sneaker["sold_out_at"]), (5, 3, None))
        self.assertEqual(sneaker["orders"], dict.fromkeys(STATUSES, 0) | {"confirmed": 1, "cancelled": 1})
        self.assertEqual(sneaker["units"], dict.fromkeys(STATUSES, 0) | {"confirmed": 3, "cancelled": 1})
        self.assertEqual(sneaker["revenue"], {"amount": 300, "currency": "EUR"})
        self.assertEqual(sock["revenue"], {"amount": 28, "currency": "SEK"})
        self.assertEqual(shoe["revenue"], {"amount": 0, "currency": "EUR"})
        totals = report["totals"]
        self.assertEqual((totals["stock"], totals["sold"]), (18, 7))
        self.assertEqual(totals["orders"], dict.fromkeys(STATUSES, 0) | {"confirmed": 2, "cancelled": 1})
        self.assertEqual(totals["revenue"], [{"amount": 300, "currency": "EUR"}, {"amount": 28, "currency": "SEK"}])

    def test_moment_of_the_sell_out(self):
        sale = self.cluster.create_sale(items=[item_definition(stock=2), item_definition("sock", 1)])
        self.buy(sale)
        customer, order = self.buy(sale)
        report = self.report(sale)
        self.assertEqual(report["items"][0]["sold_out_at"], order["created_at"])
        self.assertIsNone(report["items"][1]["sold_out_at"])
        self.assertIsNone(report["totals"]["sold_out_at"])
        last = self.buy(sale, sku="sock")[1]
        self.assertEqual(self.report(sale)["totals"]["sold_out_at"], last["created_at"])
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        report = self.report(sale)
        self.assertIsNone(report["items"][0]["sold_out_at"])
        self.assertIsNone(report["totals"]["sold_out_at"])

    def test_who_has_how_many_units_and_who_came(self):
        sale = self.cluster.create_sale(stock=8)
        self.assertEqual(self.report(sale)["customers"], {"count": 0, "by_units": []})
        for quantity in (1, 1, 3):
            self.buy(sale, quantity)
        customer, order = self.buy(sale, 2)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.buy(sale, 7, status=409, problem="sold-out", where=1)
        self.assertEqual(self.report(sale)["customers"], {"count": 3, "by_units": [
            {"units": 1, "customers": 2, "units_in_all": 2}, {"units": 3, "customers": 1, "units_in_all": 3}]})

    def test_the_curve_has_everybody_who_came_between_two_orders(self):
        sale = self.cluster.create_sale(stock=2)
        self.add_rows(sale, 2, status=3, seconds_apart=10)
        for where in (0, 1):
            self.buy(sale, where=where)
        self.buy(sale, status=409, problem="sold-out")
        wait_until(lambda: (self.report(sale)["forecast"]["hindsight"] or {}).get("checkouts") == 3, 20,
                   "those who came are not counted")
        self.add_rows(sale, 1, status=3)
        points = self.report(sale)["curve"]["points"]
        self.assertEqual(sum(point["checkouts"] for point in points), 3)
        self.assertEqual(points[0]["checkouts"], 0)

    def test_of_very_different_customers_the_last_ones_are_added_up(self):
        sale = self.cluster.create_sale(stock=10_000)
        for number in range(60):
            self.cluster.insert_orders(sale, [f"customer-{number}"], 1, number + 1)
        customers = self.report(sale)["customers"]
        self.assertEqual(customers["count"], 60)
        self.assertEqual(len(customers["by_units"]), 50)
        self.assertEqual(customers["by_units"][-1], {"units": 50, "customers": 11, "units_in_all": sum(range(50, 61))})
        self.assertEqual(sum(group["units_in_all"] for group in customers["by_units"]), sum(range(61)))

    def test_the_curve_has_every_order_that_took_units(self):
        sale = self.cluster.create_sale(stock=1000)
        self.add_rows(sale, 500, status=3, seconds_apart=0.1, quantity=2)
        self.add_rows(sale, 50, status=5)
        curve = self.report(sale)["curve"]
        self.assertEqual(curve["bucket_s"], 1)
        self.assertEqual(sum(point["orders"] for point in curve["points"]), 500)
        self.assertEqual(sum(point["units"] for point in curve["points"]), 1000)
        times = [harness.unix_time(point["at"]) for point in curve["points"]]
        self.assertEqual(times, [times[0] + n for n in range(len(times))])
        self.assertIn(len(times), (50, 51, 52))

    def test_the_curve_of_a_long_sale_has_a_bound(self):
        sale = self.cluster.create_sale(stock=1000)
        self.add_rows(sale, 400, status=3, seconds_apart=3600.0)
        curve = self.report(sale)["curve"]
        self.assertLessEqual(len(curve["points"]), 600)
        self.assertGreaterEqual(len(curve["points"]), 300)
        self.assertEqual(curve["bucket_s"], 3600)
        self.assertEqual(sum(point["orders"] for point in curve["points"]), 400)
        self.assertTrue(all(datetime.datetime.fromisoformat(point["at"][:19]).minute == 0
                            for point in curve["points"]))

    def test_what_became_of_reservations(self):
        sale = self.cluster.create_sale(stock=1000)
        for status, count in ((1, 6), (2, 1), (3, 2), (4, 3), (5, 9)):
            self.add_rows(sale, count, status)
        self.assertIsNone(self.report(sale)["conversion"])
        self.cluster.query("UPDATE sales SET payment = 1 WHERE sale_id = %s", (sale,))
        self.assertEqual(self.report(sale)["conversion"],
                         {"reserved": 12, "confirmed": 6, "expired": 3, "cancelled": 2, "ratio": 0.5})

    def test_what_cannot_be_read_is_named_and_the_rest_is_told(self):
        sale = self.cluster.create_sale(stock=2)
        for _ in range(2):
            self.buy(sale)
        self.buy(sale, status=409, problem="sold-out")
        wait_until(lambda: (self.report(sale)["forecast"]["hindsight"] or {}).get("checkouts") == 3, 20,
                   "those who came are not counted")
        whole = wait_until(lambda: (report := self.report(sale))["refusals"] and report, 10, "no refusals")
        for tables, parts in (("customer_behaviour", ["behaviour"]),
                              ("arrivals", ["curve.points.checkouts", "forecast.hindsight"]),
                              ("refusals", ["refusals"]),
                              ("customer_behaviour, arrivals, refusals",
                               ["refusals", "curve.points.checkouts", "forecast.hindsight", "behaviour"])):
            with self.subTest(tables), self.locked(tables):
                report = self.report(sale)
            self.assertEqual(report["unavailable"], parts)
            for core in ("totals", "items", "customers", "conversion"):
                self.assertEqual(report[core], whole[core])
            points = [point | {"checkouts": None} for point in whole["curve"]["points"]]
            self.assertEqual(report["curve"]["points"],
                             points if "curve.points.checkouts" in parts else whole["curve"]["points"])
            self.assertEqual(report["forecast"]["hindsight"],
                             None if "forecast.hindsight" in parts else whole["forecast"]["hindsight"])
            for part in ("refusals", "behaviour"):
                self.assertEqual(report[part], None if part in parts else whole[part])
            told = f'"sale":"{sale}","parts":"{", ".join(parts)}"'
            wait_until(lambda text=told: text in self.log_text(), 5, "the log does not say so")
            self.assertEqual(self.log_text().count(told), 1)
        self.assertEqual(self.report(sale)["unavailable"], [])

    def log_text(self):
        return self.cluster.instances[0].process.log_text()

    @contextlib.contextmanager
    def locked(self, tables):
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as other:
            other.autocommit = False
            with other.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
                yield
            other.rollback()

    def test_who_may_read_it(self):
        sale = self.cluster.create_sale()
        self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report", token=False), 401, "unauthorized")
        self.check_status(self.cluster.admin("GET", "/admin/v1/sales/no-such-sale/report"), 404, "unknown-sale")
        self.check_status(self.cluster.client().get(f"/admin/v1/sales/{sale}/report"), 404, "not-found")


class RefusalsTest(ReportCase):
    def wait_refusals(self, sale, expected):
        wait_until(lambda: self.report(sale)["refusals"] == expected, 10,
                   f"refusals are {self.report(sale)['refusals']}, not {expected}")

    def test_all_instances_count_together(self):
        sale = self.cluster.create_sale(items=[item_definition(stock=1), item_definition("sock", 10, limit=1)])
        self.buy(sale)
        for where in (0, 1, 1):
            self.buy(sale, status=409, problem="sold-out", where=where)
        customer = self.cluster.new_customer()
        self.check_status(self.cluster.buy(sale, customer, "k", sku="sock"), 201)
        self.check_status(self.cluster.buy(sale, customer, "other", sku="sock", where=1), 409, "limit-exceeded")
        # Other lines of the same item: who asks for what is sold out may be refused from memory instead.
        self.check_status(self.cluster.buy(sale, customer, "k", sku="sock", quantity=2), 422, "idempotency-key-reused")
        self.check_status(self.cluster.buy(sale, customer, "k", sku="sock"), 200)
        self.wait_refusals(sale, {"sold_out": 3, "limit_exceeded": 1, "key_reused": 1})

    def test_a_sale_that_is_not_open(self):
        sale = self.cluster.create_sale(starts_at=time.time() + 1000)
        for where in (0, 1):
            self.buy(sale, status=409, problem="sale-not-open", where=where)
        self.wait_refusals(sale, {"sale_not_open": 2})

    def test_refusals_from_memory_are_all_there(self):
        """Once the sold-out mark is set, every thread refuses by itself."""
        sale = self.cluster.create_sale(stock=1)
        self.buy(sale)
        time.sleep(0.5 * harness.SLOWNESS)

        def be_refused(_number, client):
            for _ in range(50):
                response = self.cluster.buy(sale, self.cluster.new_customer(), secrets.token_hex(8), client=client)
                self.assertEqual(response.status, 409)
        harness.crowd(self.cluster.ports, 8, be_refused)
        self.wait_refusals(sale, {"sold_out": 400})


class StopTest(ReportCase):
    instances = 1

    def test_a_stop_writes_what_was_counted(self):
        instance = self.cluster.add_instance()
        sale = self.cluster.create_sale(stock=0)
        with contextlib.closing(instance.client()) as client:
            for _ in range(5):
                self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), client=client), 409, "sold-out")
        self.assertEqual(instance.stop(), 0)
        self.assertEqual(self.report(sale)["refusals"], {"sold_out": 5})


class RefusalsWithoutPostgresTest(ReportCase):
    instances = 1
    own_postgres = True

    def test_counts_wait_for_postgres(self):
        sale = self.cluster.create_sale(stock=0)
        self.buy(sale, status=409, problem="sold-out")
        self.cluster.postgres.crash()
        for _ in range(3):
            self.buy(sale, status=409, problem="sold-out")
        time.sleep(1.5)
        self.cluster.postgres.start()
        wait_until(lambda: self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").status == 200, 15, "no report")
        wait_until(lambda: self.report(sale)["refusals"] == {"sold_out": 4}, 15, "refusals were lost")


if __name__ == "__main__":
    unittest.main()
