"""Orders of several items of one sale: all of their lines or none, wherever an order goes."""

import collections
import csv
import io
import random
import time
import unittest

import harness
from harness import ClusterCase, crowd, item_definition
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()
SHOE, SOCK, LACE = "shoe", "sock", "lace"


def lines(**quantities):
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}


class CartCase(ClusterCase):
    instances = 2
    settings = {"payments.webhook_secrets": SECRET, "payments.patience_s": 3}

    def sale_of(self, shoe=10, sock=10, lace=10, limit=0, **members):
        return self.cluster.create_sale(items=[item_definition(SHOE, shoe, limit, 1000),
                                               item_definition(SOCK, sock, limit, 20),
                                               item_definition(LACE, lace, limit, 3)], **members)

    def buy(self, sale, customer=None, key="k", where=0, headers=None, **quantities):
        return self.cluster.buy(sale, customer or self.cluster.new_customer(), key, where=where, headers=headers,
                                body=lines(**quantities))

    def bought(self, sale, customer, key="k", **quantities):
        return self.check_status(self.buy(sale, customer, key, **quantities), 201).json()

    def remaining(self, sale):
        return {item["sku"]: item["remaining"] for item in self.cluster.audit(sale)["items"]}

    def wait_remaining(self, sale, **wanted):
        harness.wait_until(lambda: self.remaining(sale) == wanted, 5, f"{wanted} do not remain")
        self.cluster.wait_consistent(sale)

    def units(self, order):
        return self.cluster.query("SELECT sku, quantity, status FROM order_units WHERE order_id = %s ORDER BY sku",
                                  (order["id"],))


class CheckoutTest(CartCase):
    def test_it_is_one_order(self):
        sale, customer = self.sale_of(), self.cluster.new_customer()
        response = self.check_status(self.buy(sale, customer, lace=3, shoe=1), 201)
        order = response.json()
        self.assertEqual(response.header("Location"), f"/v1/orders/{order['id']}")
        eur = {"currency": "EUR"}
        self.assertEqual(order["lines"], [{"sku": SHOE, "quantity": 1, "unit_price": {"amount": 1000} | eur},
                                          {"sku": LACE, "quantity": 3, "unit_price": {"amount": 3} | eur}])
        self.assertEqual(order["total"], {"amount": 1009} | eur)
        for member in ("sku", "quantity", "unit_price"):
            self.assertNotIn(member, order)
        self.assertEqual(self.units(order), [(LACE, 3, "confirmed"), (SHOE, 1, "confirmed")])
        self.wait_remaining(sale, shoe=9, sock=10, lace=7)
        for where in (0, 1):
            self.assertEqual(self.cluster.order(order["id"], customer, where).json(), order)
            listed = self.cluster.client(where).get("/v1/orders", self.cluster.bearer(customer)).json()["orders"]
            self.assertEqual(listed, [order])
            shown = self.cluster.admin("GET", f"/admin/v1/orders/{order['id']}", where=where).json()
            self.assertEqual(shown, order | {"customer_id": customer})

    def test_an_order_of_one_line_is_the_same_in_both_forms(self):
        sale, customer = self.sale_of(), self.cluster.new_customer()
        one = self.check_status(self.cluster.buy(sale, customer, "a", SOCK, 2), 201).json()
        self.assertEqual({name: one[name] for name in ("sku", "quantity", "unit_price")}, one["lines"][0])
        self.assertEqual(len(one["lines"]), 1)
        self.assertEqual(self.check_status(self.buy(sale, customer, "a", sock=2), 200).json(), one)
        cart = self.bought(sale, customer, "b", sock=1)
        self.assertEqual(self.check_status(self.cluster.buy(sale, customer, "b", SOCK, 1), 200).json(), cart)

    def test_a_key_is_its_lines_in_any_order(self):
        sale, customer = self.sale_of(), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=1, sock=2)
        for where in (0, 1):
            again = self.check_status(self.buy(sale, customer, where=where, sock=2, shoe=1), 200)
            self.assertEqual(again.header("Idempotency-Replayed"), "true")
            self.assertEqual(again.json(), order)
            for other in ({"shoe": 1}, {"sock": 2}, {"shoe": 1, "sock": 1}, {"shoe": 1, "sock": 2, "lace": 1}):
                self.check_status(self.buy(sale, customer, where=where, **other), 422, "idempotency-key-reused")
        self.wait_remaining(sale, shoe=9, sock=8, lace=10)

    def test_all_or_nothing(self):
        sale, customer = self.sale_of(shoe=5, sock=1, limit=3), self.cluster.new_customer()
        self.check_status(self.buy(sale, customer, shoe=1, sock=2), 409, "sold-out")
        self.check_status(self.buy(sale, customer, shoe=4, lace=1), 409, "limit-exceeded")
        self.check_status(self.buy(sale, customer, shoe=1, boot=1), 404, "unknown-item")
        self.wait_remaining(sale, shoe=5, sock=1, lace=10)
        self.bought(sale, customer, shoe=2, sock=1)
        self.check_status(self.buy(sale, customer, "2", lace=1, shoe=2), 409, "limit-exceeded")
        other = self.cluster.new_customer()
        for _ in range(5):
            for where in (0, 1):
                self.check_status(self.buy(sale, other, where=where, lace=1, sock=1), 409, "sold-out")
            time.sleep(0.1)
        self.wait_remaining(sale, shoe=3, sock=0, lace=10)
        # The key has an order of the shoe alone, though the sock is sold out: other lines, and no refusal (R9).
        self.bought(sale, other, "shoe", shoe=1)
        self.check_status(self.buy(sale, other, "shoe", sock=1, shoe=1), 422, "idempotency-key-reused")
        # Who has the last unit in a cart gets that cart.
        self.assertEqual(self.check_status(self.buy(sale, customer, shoe=2, sock=1), 200).json()["status"], "confirmed")

    def test_bodies_that_are_no_cart(self):
        sale, customer = self.sale_of(), self.cluster.new_customer()
        sock = {"sku": SOCK, "quantity": 1}
        for body in ({"lines": []}, {"lines": [sock, sock]}, {"lines": [sock] * 11}, {"lines": sock}, {"lines": [SOCK]},
                     {"lines": [sock], "sku": SOCK, "quantity": 1}, {"lines": [sock | {"x": 1}]},
                     {"lines": [{"sku": SOCK}]}, {"lines": [sock], "x": 1}, {"lines": None}):
            self.check_status(self.cluster.buy(sale, customer, "k", body=body), 400, "malformed-request")
        for quantity in (0, -1, 1_000_001, 10 ** 30):
            body = {"lines": [sock, {"sku": SHOE, "quantity": quantity}]}
            self.check_status(self.cluster.buy(sale, customer, "k", body=body), 422, "invalid-quantity")
        self.wait_remaining(sale, shoe=10, sock=10, lace=10)

    def test_one_currency_an_order(self):
        sale = self.cluster.create_sale(items=[item_definition(SHOE), item_definition(SOCK, currency="SEK")])
        self.check_status(self.buy(sale, shoe=1, sock=1), 400, "malformed-request")
        self.check_status(self.buy(sale, sock=1), 201)

    def test_an_order_of_an_item_that_nobody_knows(self):
        """As after a restore in which numbers were given out anew: not readable, and harmless to whoever reads on."""
        sale, customer = self.sale_of(), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=1, sock=1)
        self.cluster.query("UPDATE orders SET more_items = '{2000000000}' WHERE order_id = %s", (order["id"],))
        self.check_status(self.cluster.order(order["id"], customer), 503, "unavailable")
        listed = self.cluster.client().get("/v1/orders", self.cluster.bearer(customer))
        self.check_status(listed, 503, "unavailable")
        text = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/orders.csv").body.decode()
        self.assertEqual(text.count(order["id"]), 2)
        self.cluster.query("UPDATE orders SET more_items = (SELECT array_agg(item_no) FROM items JOIN sales"
                           " USING (sale_no) WHERE sale_id = %s AND sku = %s) WHERE order_id = %s",
                           (sale, SOCK, order["id"]))
        self.assertEqual(self.check_status(self.cluster.order(order["id"], customer), 200).json(), order)

    def test_a_cart_of_the_most_lines(self):
        skus = [f"s{number}" for number in range(12)]
        sale = self.cluster.create_sale(items=[item_definition(sku, 20) for sku in skus])
        bought = collections.Counter()

        def work(number, client):
            chosen = random.Random(number).sample(skus, 10)
            body = {"lines": [{"sku": sku, "quantity": 1} for sku in chosen]}
            response = self.cluster.buy(sale, self.cluster.new_customer(), client=client, body=body)
            return chosen, response

        for chosen, response in crowd(self.ports, 40, work):
            if response.status == 201:
                self.assertEqual([line["sku"] for line in response.json()["lines"]], sorted(chosen, key=skus.index))
                bought.update(chosen)
            else:
                self.check_status(response, 409, "sold-out")
        self.assertEqual({sku: 20 - bought[sku] for sku in skus}, self.remaining(sale))
        self.cluster.wait_consistent(sale)

    def test_a_crowd_whose_carts_cross(self):
        """Two items in both orders: who is refused has taken no unit of the other item, and nothing deadlocks."""
        sale = self.sale_of(shoe=30, sock=25)

        def work(number, client):
            body = lines(shoe=1, sock=1) if number % 2 else lines(sock=1, shoe=1, lace=1)
            return self.cluster.buy(sale, self.cluster.new_customer(), client=client,
                                    body=body if number % 3 else {"sku": SHOE, "quantity": 1})

        statuses = collections.Counter(response.status for response in crowd(self.ports, 90, work))
        self.assertLessEqual(set(statuses), {201, 409}, statuses)
        audit = self.cluster.wait_consistent(sale)
        left = {item["sku"]: item["remaining"] for item in audit["items"]}
        self.assertEqual(left[SHOE], 0)
        orders = self.cluster.query("SELECT count(DISTINCT order_id) FROM order_units WHERE sale_id = %s", (sale,))
        self.assertEqual(orders, [(statuses[201],)])


class LifeTest(CartCase):
    def test_cancelling_gives_every_line_back(self):
        sale, customer = self.sale_of(sock=2, limit=2), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=2, sock=2)
        self.check_status(self.buy(sale, customer, "2", lace=1, shoe=1), 409, "limit-exceeded")
        cancelled = self.check_status(self.cluster.cancel(order["id"], customer, where=1), 200).json()
        self.assertEqual(cancelled, order | {"status": "cancelled"})
        self.assertEqual(self.units(order), [(SHOE, 2, "cancelled"), (SOCK, 2, "cancelled")])
        self.wait_remaining(sale, shoe=10, sock=2, lace=10)
        self.assertEqual(self.check_status(self.buy(sale, customer, shoe=2, sock=2), 200).json(), cancelled)

        def taken():
            return self.buy(sale, customer, "2", sock=2, shoe=2).status == 201
        harness.wait_until(taken, 3, "units of the cancelled cart are not sold again")
        self.wait_remaining(sale, shoe=8, sock=0, lace=10)

    def test_a_pending_cart(self):
        sale, customer = self.sale_of(), self.cluster.new_customer()
        with self.cluster.locked_items(sale):
            response = self.buy(sale, customer, shoe=1, lace=2, headers={"Prefer": "respond-async"})
            order = self.check_status(response, 202).json()
            self.assertEqual(order["status"], "pending")
            self.assertEqual([line["sku"] for line in order["lines"]], [SHOE, LACE])
            polled = self.check_status(self.cluster.order(order["id"], customer, where=1), 200).json()
            self.assertEqual(polled, order)
            pending = {item["sku"]: item["pending"] for item in self.cluster.audit(sale)["items"]}
            self.assertEqual(pending, {SHOE: 1, SOCK: 0, LACE: 2})
            self.check_status(self.buy(sale, customer, shoe=2), 422, "idempotency-key-reused")
        self.assertEqual(self.cluster.wait_final(order["id"], customer)["status"], "confirmed")
        self.wait_remaining(sale, shoe=9, sock=10, lace=8)

    def test_redis_is_rebuilt_with_carts(self):
        sale, customer = self.sale_of(limit=3), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=2, sock=1)
        gone = self.bought(sale, customer, "gone", lace=1, sock=1)
        self.check_status(self.cluster.cancel(gone["id"], customer), 200)
        self.cluster.redis.client.flushall()

        def replayed():
            response = self.buy(sale, customer, sock=1, shoe=2)
            return response if response.status != 503 else None
        self.assertEqual(self.check_status(harness.wait_until(replayed, 10, "unavailable"), 200).json(), order)
        self.wait_remaining(sale, shoe=8, sock=9, lace=10)

        def refused():
            response = self.buy(sale, customer, "2", lace=1, shoe=2)
            return response if response.status != 503 else None
        self.check_status(harness.wait_until(refused, 3, "the sale rests on"), 409, "limit-exceeded")
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.wait_remaining(sale, shoe=10, sock=10, lace=10)

    def test_drift_of_one_item_refuses_the_whole_cart(self):
        """PostgreSQL has the last word (R11): Redis believes in socks that are not there."""
        sale = self.sale_of(shoe=20, sock=10)
        self.cluster.query("UPDATE items SET stock = 3 FROM sales WHERE sales.sale_no = items.sale_no"
                           " AND sale_id = %s AND sku = %s", (sale, SOCK))

        def work(number, client):
            customer = self.cluster.new_customer()

            def decided():
                response = self.cluster.buy(sale, customer, "k", client=client, body=lines(shoe=1, sock=1))
                return response if response.status != 503 else None
            return harness.wait_until(decided, 15, "unavailable", 0.1)

        statuses = collections.Counter()
        for response in crowd(self.ports, 12, work):
            order = response.json()
            statuses[order["status"] if response.status in (200, 201) else response.problem] += 1
        self.assertEqual(statuses["confirmed"], 3, statuses)
        self.assertLessEqual(set(statuses), {"confirmed", "rejected", "sold-out"}, statuses)
        self.cluster.wait_consistent(sale)
        self.assertEqual(self.remaining(sale), {SHOE: 17, SOCK: 0, LACE: 10})

    def test_reports_and_exports(self):
        sale, customer = self.sale_of(shoe=1, sock=3), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=1, sock=2)
        self.check_status(self.cluster.buy(sale, customer, "2", SOCK, 1), 201)
        report = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()
        shoe, sock, _ = report["items"]
        self.assertEqual((shoe["orders"]["confirmed"], sock["orders"]["confirmed"]), (1, 2))
        self.assertEqual((shoe["units"]["confirmed"], sock["units"]["confirmed"]), (1, 3))
        self.assertEqual(shoe["revenue"]["amount"] + sock["revenue"]["amount"], 1060)
        self.assertEqual(report["totals"]["orders"]["confirmed"], 2)
        self.assertEqual(report["totals"]["units"]["confirmed"], 4)
        self.assertEqual(report["totals"]["revenue"], [{"amount": 1060, "currency": "EUR"}])
        self.assertEqual((shoe["sold_out_at"] is None, sock["sold_out_at"] is None), (False, False))
        self.assertEqual(sum(point["orders"] for point in report["curve"]["points"]), 2)
        self.assertEqual(sum(point["units"] for point in report["curve"]["points"]), 4)

        text = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/orders.csv").body.decode()
        rows = [row for row in csv.DictReader(io.StringIO(text)) if row["order_id"] == order["id"]]
        self.assertEqual([(row["sku"], row["quantity"], row["total"]) for row in rows],
                         [(SHOE, "1", "1000"), (SOCK, "2", "40")])
        self.check_status(self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase"), 200)
        self.cluster.wait_consistent(sale)
        self.assertEqual(self.units(order), [(SHOE, 1, "confirmed"), (SOCK, 2, "confirmed")])


class PaymentTest(CartCase):
    def setUp(self):
        super().setUp()
        self.provider = PaymentProvider(self.cluster, SECRET)

    def sale_to_pay(self, window_s=600, **stock):
        return self.sale_of(payment="required", payment_window_s=window_s, **stock)

    def outcome(self, response):
        return self.check_status(response, 200).json()["outcome"]

    def expired(self, sale, customer, **quantities):
        order = self.bought(sale, customer, **quantities)

        def is_over():
            return self.cluster.order(order["id"], customer).json()["status"] == "expired"
        harness.wait_until(is_over, 5, "the cart does not expire")
        return order

    def test_what_is_due_is_the_sum(self):
        sale, customer = self.sale_to_pay(), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=1, sock=2, lace=1)
        self.assertEqual((order["status"], order["total"]["amount"]), ("awaiting_payment", 1043))
        self.assertEqual(self.outcome(self.provider.pay(order, amount=1000)), "refund_required")
        self.assertEqual(self.outcome(self.provider.pay(order)), "confirmed")
        self.assertEqual(self.cluster.order(order["id"], customer).json()["status"], "confirmed")

    def test_a_failed_payment_gives_every_line_back(self):
        sale, customer = self.sale_to_pay(), self.cluster.new_customer()
        order = self.bought(sale, customer, shoe=1, sock=2)
        self.assertEqual(self.outcome(self.provider.fail(order)), "failed")
        self.wait_remaining(sale, shoe=10, sock=10, lace=10)

    def test_items_of_unpaid_carts_are_held(self):
        sale = self.sale_to_pay(shoe=5, sock=2)
        order = self.bought(sale, self.cluster.new_customer(), shoe=1, sock=2)

        def shows(availability):
            return lambda: self.cluster.item(sale, SOCK, where=1)["availability"] == availability
        harness.wait_until(shows("held"), 3, "socks are not held")
        self.assertEqual(self.outcome(self.provider.pay(order)), "confirmed")
        harness.wait_until(shows("sold_out"), 3, "socks are not sold out")

    def test_expiry_gives_every_line_back_and_a_late_payment_takes_all_again(self):
        sale, customer = self.sale_to_pay(window_s=1, sock=2), self.cluster.new_customer()
        order = self.expired(sale, customer, shoe=1, sock=2)
        self.wait_remaining(sale, shoe=10, sock=2, lace=10)
        self.assertIn(self.outcome(self.provider.pay(order)), ("late", "confirmed"))

        def is_back():
            return self.cluster.order(order["id"], customer).json()["status"] == "confirmed"
        harness.wait_until(is_back, 5, "the cart does not come back")
        self.assertEqual(self.units(order), [(SHOE, 1, "confirmed"), (SOCK, 2, "confirmed")])
        self.wait_remaining(sale, shoe=9, sock=0, lace=10)

    def test_a_late_payment_for_a_cart_that_is_not_whole_any_more(self):
        sale, customer = self.sale_to_pay(window_s=1, sock=2), self.cluster.new_customer()
        order = self.expired(sale, customer, shoe=1, sock=2)
        other = self.cluster.new_customer()

        def taken():
            response = self.buy(sale, other, sock=1)
            return response.json() if response.status == 201 else None
        paid = harness.wait_until(taken, 3, "a sock of the expired cart is not sold again")
        self.assertEqual(self.outcome(self.provider.pay(paid)), "confirmed")
        self.assertIn(self.outcome(self.provider.pay(order)), ("late", "refund_required"))

        def is_refunded():
            return self.cluster.order(order["id"], customer).json().get("refund_required")
        harness.wait_until(is_refunded, 5, "the cart is not refunded")
        self.assertEqual(self.cluster.order(order["id"], customer).json()["status"], "expired")
        self.wait_remaining(sale, shoe=10, sock=1, lace=10)


if __name__ == "__main__":
    unittest.main()
