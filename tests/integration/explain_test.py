"""`flashsaled explain`: what was decided about an order, when, and why, in words."""

import unittest

from harness import ClusterCase, wait_until
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()


class ExplainTest(ClusterCase):
    settings = {"payments.webhook_secrets": SECRET}

    def setUp(self):
        self.provider = PaymentProvider(self.cluster, SECRET)

    def explain(self, subject, status=0):
        result = self.cluster.flashsaled("explain", subject)
        self.assertEqual(result.returncode, status, (result.stdout, result.stderr))
        return result.stdout.splitlines()

    def order(self, sale, customer, **how):
        return self.check_status(self.cluster.buy(sale, customer, **how), 201).json()

    def check_lines(self, lines, *parts):
        """Each line has its part, in this order."""
        self.assertEqual(len(lines), len(parts), lines)
        for line, part in zip(lines, parts):
            self.assertIn(part, line)

    def test_an_order_that_costs_nothing_and_is_cancelled(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        order = self.order(sale, customer, quantity=1)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.check_lines(self.explain(order["id"]),
                         f"{order['id']} of {customer} in {sale}: 1 x sneaker-42 at ",
                         "Redis has taken its units", "confirmed for good", "cancelled")

    def test_money_that_comes_when_the_units_are_sold_goes_back(self):
        sale = self.cluster.create_sale(stock=1, payment="required", payment_window_s=1)
        customer = self.cluster.new_customer()
        order = self.order(sale, customer)
        wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer()).status == 201, 20, "nothing expires")
        self.provider.pay(order)
        wait_until(lambda: self.cluster.order(order["id"], customer).json().get("refund_required"), 10, "no refund")
        lines = self.explain(order["id"])
        self.assertIn("now expired, money has to go back", lines[0])
        story = "\n".join(lines)
        for part in ("waits for its payment until", "expired: it was not paid in time", "has succeeded:",
                     "has to go back"):
            self.assertIn(part, story)
        self.assertEqual(sorted(line[2:22] for line in lines[1:]), [line[2:22] for line in lines[1:]], lines)

    def test_a_customer_with_orders_in_two_sales(self):
        customer = self.cluster.new_customer()
        orders = [self.order(self.cluster.create_sale(), customer) for _ in range(2)]
        lines = self.explain(customer)
        heads = [line.split()[0] for line in lines if not line.startswith(" ")]
        self.assertEqual(heads, [order["id"] for order in reversed(orders)])

    def test_orders_are_told_of_while_the_behaviour_cannot_be_read(self):
        customer = self.cluster.new_customer()
        order = self.order(self.cluster.create_sale(), customer)
        self.cluster.query("ALTER TABLE customer_behaviour RENAME TO behaviour_away")
        self.addCleanup(self.cluster.query, "ALTER TABLE behaviour_away RENAME TO customer_behaviour")
        lines = self.explain(customer)
        self.assertIn("cannot be read now", lines[0])
        self.assertTrue(lines[1].startswith(order["id"]), lines)

    def test_what_nobody_knows(self):
        sale = self.cluster.create_sale(stock=1)
        self.order(sale, self.cluster.new_customer())
        refused = self.cluster.new_customer()
        self.check_status(self.cluster.buy(sale, refused), 409, "sold-out")
        self.assertIn("no order of this customer", self.explain(refused, status=1)[0])
        unknown = "0" * 8 + "-0000-8000-8000-" + "0" * 12
        self.assertIn("no such order", self.explain(unknown, status=1)[0])
        self.assertIn("needs the id", self.cluster.flashsaled("explain").stderr)


if __name__ == "__main__":
    unittest.main()
