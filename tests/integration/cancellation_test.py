"""Until when a buyer may cancel: what a sale says about it."""

import time
import unittest

import harness
from harness import ClusterCase, item_definition
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()


class CancellationCase(ClusterCase):
    settings = {"payments.webhook_secrets": SECRET}

    def setUp(self):
        super().setUp()
        self.provider = PaymentProvider(self.cluster, SECRET)

    def sale_until(self, until, **members):
        return self.cluster.create_sale(cancellation={"until": until}, **members)

    def buy(self, sale, sku="sneaker-42"):
        customer = self.cluster.new_customer()
        return self.check_status(self.cluster.buy(sale, customer, sku=sku), 201).json()["id"], customer

    def order(self, order_id):
        return self.check_status(self.cluster.admin("GET", f"/admin/v1/orders/{order_id}"), 200).json()

    def check_cancels(self, sale, sku="sneaker-42"):
        order_id, customer = self.buy(sale, sku)
        cancelled = self.check_status(self.cluster.cancel(order_id, customer), 200).json()
        self.assertEqual(cancelled["status"], "cancelled")
        self.check_status(self.cluster.cancel(order_id, customer), 200)

    def check_does_not(self, order_id, customer):
        before = self.order(order_id)
        self.check_status(self.cluster.cancel(order_id, customer), 409, "too-late")
        self.assertEqual(self.order(order_id), before)

    def admin_cancels(self, order_id):
        cancelled = self.cluster.admin("POST", f"/admin/v1/orders/{order_id}/cancel", {"reason": "asked for"})
        self.assertEqual(self.check_status(cancelled, 200).json()["status"], "cancelled")


class PolicyTest(CancellationCase):
    def test_until_the_sale_is_over(self):
        """What counts unless a sale says otherwise."""
        for sale in (self.cluster.create_sale(), self.sale_until("closed")):
            shown = self.cluster.admin("GET", f"/admin/v1/sales/{sale}").json()
            self.assertEqual(shown["cancellation"], {"until": "closed"})
            self.check_cancels(sale)
            ended, closed = self.buy(sale), self.buy(sale)
            now = time.time()
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}",
                                                 {"ends_at": harness.rfc3339(now - 1)}), 200)
            self.check_does_not(*ended)
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}",
                                                 {"ends_at": harness.rfc3339(now + 600)}), 200)
            self.check_status(self.cluster.cancel(*ended), 200)
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)
            self.check_does_not(*closed)
            self.admin_cancels(closed[0])
            self.cluster.wait_consistent(sale)

    def test_until_it_is_paid(self):
        items = [item_definition(), item_definition("free", amount=0)]
        sale = self.sale_until("paid", payment="required", items=items)
        self.check_cancels(sale)
        order_id, customer = self.buy(sale)
        order = self.cluster.order(order_id, customer).json()
        self.check_status(self.provider.pay(order), 200)
        self.check_does_not(order_id, customer)
        self.check_does_not(*self.buy(sale, "free"))
        self.admin_cancels(order_id)
        self.assertTrue(self.order(order_id)["refund_required"])
        without_payment = self.sale_until("paid")
        self.check_does_not(*self.buy(without_payment))
        self.cluster.wait_consistent(sale)

    def test_never(self):
        sale = self.sale_until("never", payment="required")
        order_id, customer = self.buy(sale)
        self.check_does_not(order_id, customer)
        # The merchant is of another mind.
        changed = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"cancellation": {"until": "closed"}})
        self.assertEqual(self.check_status(changed, 200).json()["cancellation"], {"until": "closed"})
        self.check_status(self.cluster.cancel(order_id, customer), 200)
        order_id, customer = self.buy(sale)
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"cancellation": {"until": "never"}}),
                          200)
        self.admin_cancels(order_id)
        # What is cancelled already is told so.
        self.check_status(self.cluster.cancel(order_id, customer), 200)

    def test_definitions_that_are_refused(self):
        for cancellation in ({"until": "tomorrow"}, {"until": 1}, {}, None, "never", {"until": "paid", "fee": 1}):
            definition = harness.sale_definition("c", cancellation=cancellation)
            self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 400, "malformed-request")


class UnwrittenTest(CancellationCase):
    """Of orders that are taken and not written yet."""

    def pending(self, sale):
        customer = self.cluster.new_customer()
        taken = self.cluster.buy(sale, customer, headers={"Prefer": "respond-async"})
        return self.check_status(taken, 202).json()["id"], customer

    def test_the_sale_says_it_for_them_too(self):
        sales = {(until, payment): self.sale_until(until, payment=payment)
                 for until in ("paid", "closed", "never") for payment in ("none", "required")}
        wanted = {("paid", "required"), ("closed", "none"), ("closed", "required")}
        for (until, payment), sale in sales.items():
            with self.cluster.locked_items(sale):
                order_id, customer = self.pending(sale)
                answer = self.cluster.cancel(order_id, customer)
            if (until, payment) in wanted:
                # What waits for the lock to be written may also be too slow to be cancelled here.
                self.assertIn(answer.status, (200, 503), repr(answer))
            else:
                self.check_status(answer, 409, "too-late")
                final = self.cluster.wait_final(order_id, customer)
                self.assertEqual(final["status"], "confirmed" if payment == "none" else "awaiting_payment")
            self.cluster.wait_consistent(sale)


if __name__ == "__main__":
    unittest.main()
