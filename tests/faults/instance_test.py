"""Instances of flashsaled that die in the middle of a sale."""

import time
import unittest

import harness
from fault_case import ROUNDS, FaultCase
from harness import check_buyers


class KilledInstanceTest(FaultCase):
    own_postgres = False
    nginx = True

    def test_sigkill_of_one_of_two_behind_nginx(self):
        for round_number in range(max(1, ROUNDS)):
            sale = self.cluster.create_sale(stock=100_000, limit=1)
            victim = self.cluster.instances[round_number % 2]
            survivor = 1 - round_number % 2
            with self.shoppers(sale, ports=[self.cluster.nginx.port]) as shoppers:
                self.sell_for()
                victim.kill()
                self.wait_selling(shoppers)
                self.sell_for()
                purchases = self.settle(shoppers, 50, survivor)
            # Through the edge a buyer need not even notice: the next instance answers in its place.
            broken = [purchase for purchase in purchases if 0 in purchase.statuses]
            self.assertEqual(broken, [], "a connection to NGINX broke")
            victim.start()
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=1 - survivor), 201)

    def test_sigkill_as_the_last_units_go(self):
        sale = self.cluster.create_sale(stock=400)
        with self.shoppers(sale, purchases_max=700) as shoppers:
            harness.wait_until(lambda: shoppers.count("confirmed") > 150, 20, "no sale")
            self.cluster.instances[1].kill()
            purchases = shoppers.wait_all_bought()
            self.assertEqual(shoppers.violations, [])
            check_buyers(self.cluster, purchases)
        self.assertEqual(self.cluster.query("SELECT stock, sold FROM item_stock WHERE sale_id = %s", (sale,)),
                         [(400, 400)], "units were stranded")
        self.replay(purchases)
        self.cluster.instances[1].start()

    def test_restarts_one_after_the_other(self):
        sale = self.cluster.create_sale(stock=100_000)
        with self.shoppers(sale, threads=24) as shoppers:
            for instance in self.cluster.instances:
                self.sell_for(0.5)
                self.assertEqual(instance.stop(), 0)
                instance.start()
            self.sell_for(0.5)
            self.settle(shoppers, 50)


class AbandonedOrdersTest(FaultCase):
    """P3: a 202 is written by whoever lives, although the one that gave it is gone."""

    def known_sale(self):
        """A sale that both instances have loaded: without PostgreSQL neither could learn of it."""
        sale = self.cluster.create_sale(stock=100)
        for where in (0, 1):
            self.check_status(self.cluster.client(where).get(f"/v1/sales/{sale}"), 200)
        return sale

    def taken(self, sale, count, where=0):
        orders = {}
        for number in range(count):
            customer = self.cluster.new_customer()
            response = self.cluster.buy(sale, customer, "k", where=where, headers={"Prefer": "respond-async"})
            self.check_status(response, 202)
            orders[customer] = response.json()["id"]
        return orders

    def assert_all_confirmed(self, sale, orders, where):
        for customer, order_id in orders.items():
            self.assertEqual(self.cluster.wait_final(order_id, customer, where, timeout_s=12)["status"], "confirmed")
        audit = self.cluster.wait_consistent(sale, where=where)
        self.assertEqual(audit["items"][0]["sold"], len(orders))

    def test_by_another_instance(self):
        sale = self.known_sale()
        self.cluster.postgres.pause()
        try:
            orders = self.taken(sale, 30)
            self.cluster.instances[0].kill()
        finally:
            self.cluster.postgres.resume()
        self.assert_all_confirmed(sale, orders, where=1)
        self.cluster.instances[0].start()

    def test_by_the_next_process_when_all_are_gone(self):
        sale = self.known_sale()
        self.cluster.postgres.pause()
        try:
            orders = self.taken(sale, 30) | self.taken(sale, 10, where=1)
            for instance in self.cluster.instances:
                instance.kill()
        finally:
            self.cluster.postgres.resume()
        time.sleep(0.2)
        for instance in self.cluster.instances:
            instance.start()
        self.assert_all_confirmed(sale, orders, where=0)


if __name__ == "__main__":
    unittest.main()
