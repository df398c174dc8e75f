"""What one account, or one order, may take of a sale."""

import unittest

import harness
from harness import ClusterCase, item_definition, sale_definition


class LimitsCase(ClusterCase):
    instances = 2

    def create(self, **members):
        return self.cluster.admin("POST", "/admin/v1/sales", sale_definition(self.cluster.new_sale_id(), **members))

    def refused(self, response, limit):
        self.check_status(response, 409, "limit-exceeded")
        self.assertIn(limit, response.json()["detail"])

    def end(self, order, customer):
        self.check_status(self.cluster.cancel(order["id"], customer), 200)


class DefinitionTest(LimitsCase):
    def test_a_limit_that_is_not_said(self):
        items = [item_definition(limit=1), item_definition("sock")]
        del items[1]["limit_per_customer"]
        response = self.create(items=items)
        self.check_status(response, 400, "malformed-request")
        self.assertIn("items[1].limit_per_customer", response.json()["detail"])
        self.assertIn("0 says that there is no limit", response.json()["detail"])

    def test_no_limit_is_said_with_a_warning(self):
        items = [item_definition(limit=0), item_definition("sock", limit=3)]
        created = self.check_status(self.create(items=items), 201)
        [warning] = created.json()["warnings"]
        self.assertIn("sneaker-42", warning)
        self.assertIn("limit_per_customer", warning)
        self.assertEqual(self.check_status(self.create(items=[item_definition(limit=3)]), 201).json()["warnings"], [])
        read = self.cluster.admin("GET", f"/admin/v1/sales/{created.json()['id']}").json()
        self.assertNotIn("warnings", read)

    def test_what_is_left_out(self):
        for limit, quantity in ((0, 100), (2, 100), (250, 250)):
            created = self.check_status(self.create(items=[item_definition(limit=limit)]), 201).json()
            self.assertEqual((created["max_orders_per_customer"], created["max_quantity_per_order"]), (100, quantity))

    def test_what_is_said(self):
        created = self.check_status(self.create(max_orders_per_customer=7, max_quantity_per_order=3), 201).json()
        for where in (0, 1):
            read = self.cluster.admin("GET", f"/admin/v1/sales/{created['id']}", where=where).json()
            self.assertEqual((read["max_orders_per_customer"], read["max_quantity_per_order"]), (7, 3))

    def test_a_long_time_to_pay(self):
        response = self.create(payment="required", payment_window_s=7 * 86_400)
        self.check_status(response, 400, "malformed-request")
        self.assertIn("86400", response.json()["detail"])


class QuantityTest(LimitsCase):
    def test_one_order_cannot_take_all(self):
        sale = self.cluster.create_sale(stock=5000)
        customer = self.cluster.new_customer()
        response = self.cluster.buy(sale, customer, quantity=5000)
        self.check_status(response, 422, "invalid-quantity")
        self.assertIn("max_quantity_per_order", response.json()["detail"])
        self.check_status(self.cluster.buy(sale, customer, quantity=101), 422, "invalid-quantity")
        self.check_status(self.cluster.buy(sale, customer, quantity=100), 201)

    def test_lines_count_together(self):
        items = [item_definition("a", limit=5), item_definition("b", limit=5)]
        sale = self.cluster.create_sale(items=items, max_quantity_per_order=6)
        customer = self.cluster.new_customer()

        def cart(*quantities):
            lines = [{"sku": sku, "quantity": quantity} for sku, quantity in zip("ab", quantities)]
            return self.cluster.buy(sale, customer, body={"lines": lines})
        self.check_status(cart(4, 3), 422, "invalid-quantity")
        self.check_status(cart(3, 3), 201)


class OrdersTest(LimitsCase):
    def test_ended_orders_count(self):
        sale = self.cluster.create_sale(stock=50, max_orders_per_customer=3)
        customer = self.cluster.new_customer()
        orders = []
        for number in range(3):
            orders.append(self.check_status(self.cluster.buy(sale, customer, f"k-{number}", where=number % 2),
                                            201).json())
            self.end(orders[-1], customer)
        for where in (0, 1):
            self.refused(self.cluster.buy(sale, customer, "k-3", where=where), "max_orders_per_customer")
            replay = self.check_status(self.cluster.buy(sale, customer, "k-0", where=where), 200)
            self.assertEqual(replay.json()["status"], "cancelled")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.wait_consistent(sale)

        # They are counted anew from all rows.
        self.cluster.redis.client.flushall()
        self.cluster.wait_consistent(sale)
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k-3").status == 409, 10, "the sale does not sell")
        self.refused(self.cluster.buy(sale, customer, "k-3"), "max_orders_per_customer")
        self.check_status(self.cluster.buy(sale, customer, "k-1"), 200)
        [(rows,)] = self.cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s AND customer_id = %s",
                                       (sale, customer))
        self.assertEqual(rows, 3)

    def test_a_crowd_of_one(self):
        sale = self.cluster.create_sale(stock=100, max_orders_per_customer=5)
        customer = self.cluster.new_customer()
        answers = harness.crowd(self.cluster.ports, 40, lambda number, client: self.cluster.buy(
            sale, customer, f"k-{number}", client=client))
        self.assertEqual(sorted(answer.status for answer in answers), [201] * 5 + [409] * 35)
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["sold"], 5)


class UnpaidTest(LimitsCase):
    settings = {"payments.webhook_secrets": "whsec_" + "QUFB" * 8, "checkout.unpaid_orders_max": 2,
                "checkout.unpaid_pause_s": 3600}

    def leave_unpaid(self, sale, customer, key):
        order = self.check_status(self.cluster.buy(sale, customer, key), 201).json()
        harness.wait_until(lambda: self.cluster.order(order["id"], customer).json()["status"] == "expired", 10,
                           "the order does not expire")
        harness.wait_until(lambda: self.cluster.query(
            "SELECT 1 FROM orders WHERE order_id = %s AND given_back", (order["id"],)), 10, "nothing was given back")

    def test_a_pause_after_unpaid_orders(self):
        sale = self.cluster.create_sale(stock=50, payment="required", payment_window_s=1)
        customer = self.cluster.new_customer()
        self.leave_unpaid(sale, customer, "k-1")
        self.leave_unpaid(sale, customer, "k-2")
        for where in (0, 1):
            self.refused(self.cluster.buy(sale, customer, "k-3", where=where), "unpaid")
            self.check_status(self.cluster.buy(sale, customer, "k-2", where=where), 200)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.wait_consistent(sale)


if __name__ == "__main__":
    unittest.main()
