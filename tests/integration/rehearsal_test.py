"""A sale in which everything works and nothing is meant."""

import time
import unittest

import harness
from harness import ClusterCase
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()


class RehearsalTest(ClusterCase):
    instances = 2
    settings = {"payments.webhook_secrets": SECRET, "payments.patience_s": 2}

    def rehearsal(self, **members):
        return self.cluster.create_sale(rehearsal=True, **members)

    def reset(self, sale, status=200, problem=None, where=0):
        response = self.cluster.admin("POST", f"/admin/v1/sales/{sale}/reset", where=where)
        return self.check_status(response, status, problem)

    def wait_sells(self, sale, customer, key, where=0):
        def sold():
            response = self.cluster.buy(sale, customer, key, where=where)
            return response if response.status == 201 else None
        return harness.wait_until(sold, 10, f"{sale} does not sell after its reset").json()

    def test_every_answer_is_marked(self):
        sale = self.rehearsal(stock=2, limit=1)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()
        for document in (order, self.cluster.order(order["id"], customer).json(), self.cluster.sale(sale),
                         self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json(),
                         self.cluster.buy(sale, customer, "more").json(), self.cluster.audit(sale),
                         self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()):
            self.assertIs(document.get("rehearsal"), True, document)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        refused = self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out").json()
        self.assertIs(refused["rehearsal"], True)
        # Another one: of what is sold out an instance may say so whatever the sale's state.
        paused = self.rehearsal(stock=2)
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{paused}", {"state": "paused"}), 200)
        harness.wait_until(lambda: self.cluster.buy(paused, self.cluster.new_customer()).json().get("state") ==
                           "paused", 5, "not paused")
        refused = self.check_status(self.cluster.buy(paused, self.cluster.new_customer()), 409, "sale-not-open").json()
        self.assertIs(refused["rehearsal"], True)
        real = self.cluster.create_sale()
        self.assertNotIn("rehearsal", self.cluster.sale(real))

    def test_a_reset_begins_anew(self):
        sale = self.rehearsal(stock=3, limit=1)
        customers = [self.cluster.new_customer() for _ in range(3)]
        orders = [self.check_status(self.cluster.buy(sale, customer, "k"), 201).json() for customer in customers]
        self.check_status(self.cluster.cancel(orders[0]["id"], customers[0]), 200)
        document = self.reset(sale, where=1).json()
        self.assertEqual(document["items"][0]["sold"], 0)
        for order, customer in zip(orders, customers):
            harness.wait_until(lambda o=order, c=customer: self.cluster.order(o["id"], c).status == 404, 15,
                               "an order is still there")
        for where, customer in enumerate(customers):
            again = self.wait_sells(sale, customer, "k", where % 2)
            self.assertEqual(again["id"], orders[where]["id"])
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")
        self.cluster.wait_consistent(sale)
        entry = self.cluster.admin("GET", "/admin/v1/log?limit=1").json()["entries"][0]
        self.assertEqual((entry["action"], entry["subject"], entry["change"]),
                         ("rehearsal.reset", sale, {"orders": 3}))

    def test_a_reset_under_load(self):
        sale = self.rehearsal(stock=100_000)
        with harness.Shoppers(self.cluster, sale, self.ports, threads=12, redis_may_forget=True) as shoppers:
            for _ in range(3):
                time.sleep(0.5)
                self.reset(sale)
            before = shoppers.count("confirmed")
            harness.wait_until(lambda: shoppers.count("confirmed") > before + 20, 15, "nothing is sold any more")
            shoppers.finish()
        self.cluster.wait_consistent(sale)

    def test_refunds_go_with_it(self):
        sale = self.rehearsal(payment="required", stock=5)
        provider = PaymentProvider(self.cluster, SECRET)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.assertEqual(provider.pay(order).json()["outcome"], "confirmed")
        self.assertEqual(provider.pay(order).json()["outcome"], "refund_required")
        late_customer = self.cluster.new_customer()
        late = self.check_status(self.cluster.buy(sale, late_customer, "k"), 201).json()
        refunds = "SELECT count(*) FROM refunds WHERE sale_no = %s", (self.cluster.sale_no(sale),)
        for _ in range(2):  # money that comes after the reset stays until the next one
            self.reset(sale)
            for buyer, before in ((customer, order), (late_customer, late)):
                again = self.wait_sells(sale, buyer, "k")
                self.assertEqual(again["id"], before["id"])
                document = self.cluster.order(again["id"], buyer).json()
                self.assertFalse(document.get("refund_required", False), document)
                self.assertEqual(provider.pay(again).json()["outcome"], "confirmed")
                document = self.cluster.order(again["id"], buyer).json()
                self.assertEqual((document["status"], document.get("refund_required", False)), ("confirmed", False))
            self.reset(sale)
            self.assertEqual(self.cluster.query(*refunds), [(0,)])
            provider.pay(late)
            harness.wait_until(lambda: self.cluster.query(*refunds) == [(1,)], 10,
                               "no refund for the order that is gone")

    def test_a_closed_one_is_used_again(self):
        sale = self.rehearsal(stock=2)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)
        document = self.reset(sale).json()
        self.assertEqual((document["state"], document["items"][0]["sold"]), ("open", 0))
        self.assertEqual(self.wait_sells(sale, customer, "k")["id"], order["id"])
        self.cluster.wait_consistent(sale)

    def test_only_a_rehearsal_can_be_reset(self):
        real = self.cluster.create_sale()
        order = self.check_status(self.cluster.buy(real, "somebody", "k"), 201).json()
        self.reset(real, 409, "no-rehearsal")
        self.reset("no-such-sale", 404, "unknown-sale")
        self.assertEqual(self.cluster.order(order["id"], "somebody").json()["status"], "confirmed")
        response = self.cluster.admin("POST", f"/admin/v1/sales/{real}/reset", token="wrong")
        self.check_status(response, 401, "unauthorized")

    def wait_no_event(self):
        """What its transactions have left goes without a position."""
        harness.wait_until(lambda: self.cluster.query("SELECT count(*) FROM outbox JOIN sales USING (sale_no)"
                                                      " WHERE rehearsal") == [(0,)], 10, "an event is left")
        told = self.cluster.query("SELECT count(*) FROM outbox WHERE position IS NOT NULL AND type = 6")
        self.assertEqual(told, [(0,)])

    def test_no_event_leaves(self):
        sale = self.rehearsal(payment="required")
        provider = PaymentProvider(self.cluster, SECRET)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()
        self.assertEqual(provider.pay(order).json()["outcome"], "confirmed")
        self.assertEqual(provider.pay(order).json()["outcome"], "refund_required")
        self.assertIs(self.cluster.order(order["id"], customer).json()["refund_required"], True)
        self.wait_no_event()
        self.reset(sale)
        self.assertEqual(self.cluster.query("SELECT count(*) FROM payment_events"), [(0,)])
        # The provider tells of an order that is gone, and of one that has never come.
        self.assertEqual(provider.pay(order).json()["outcome"], "waiting")
        harness.wait_until(lambda: self.cluster.query("SELECT count(*) FROM payment_events WHERE outcome <= 1") ==
                           [(0,)], 10, "the message stays open")
        self.wait_no_event()
        self.wait_sells(sale, customer, "k")


if __name__ == "__main__":
    unittest.main()
