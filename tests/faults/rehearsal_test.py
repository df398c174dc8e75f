"""A reset of a rehearsal that does not come to its end."""

import threading
import unittest

from fault_case import FaultCase  # first: it makes the harness known

import fault_point
import harness


class UnfinishedResetTest(FaultCase):
    own_postgres = False
    # More than one transaction removes.
    ORDERS = 2500

    @classmethod
    def setUpClass(cls):
        path = harness.run_directory() / "rehearsal-fault-point"
        cls.cluster = harness.Cluster(2, cls.settings | {"rate_limit.enabled": False}, binary=fault_point.BINARY,
                                      environment={"FAULT_POINT_FILE": str(path)})
        cls.cluster.fault_point_file = path
        cls.cluster.busy_sale = cls.cluster.create_sale(stock=1_000_000)

    def setUp(self):
        super().setUp()
        self.sale = self.cluster.create_sale(stock=5000, rehearsal=True)
        buyers = [self.cluster.new_customer() for _ in range(100)]

        def work(number, client):
            for key in range(self.ORDERS // len(buyers)):
                self.check_status(self.cluster.buy(self.sale, buyers[number], f"k{key}", client=client), 201)

        harness.crowd(self.ports, len(buyers), work)
        self.assertEqual(self.orders(), self.ORDERS)

    def orders(self):
        return self.cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s", (self.sale,))[0][0]

    def die_in_mid_reset(self):
        fault_point.arm(self.cluster, "rehearsal.some_removed")

        def reset():
            try:
                self.cluster.admin("POST", f"/admin/v1/sales/{self.sale}/reset")
            except OSError:
                pass

        asking = threading.Thread(target=reset)
        asking.start()
        victim = fault_point.wait_for_victim(self.cluster)
        asking.join()
        self.assertGreater(self.orders(), 0)
        self.assertLess(self.orders(), self.ORDERS)
        return victim

    def check_is_new(self):
        self.assertEqual(self.cluster.query("SELECT sold FROM item_stock WHERE sale_id = %s", (self.sale,)), [(0,)])
        item = self.cluster.wait_consistent(self.sale)["items"][0]
        self.assertEqual((item["sold"], item["remaining"]), (0, 5000))

    def test_the_same_request_goes_on(self):
        self.die_in_mid_reset().start()
        response = self.cluster.admin("POST", f"/admin/v1/sales/{self.sale}/reset")
        self.check_status(response, 200)
        self.check_is_new()

    def test_another_instance_finishes_it(self):
        victim = self.die_in_mid_reset()
        harness.wait_until(lambda: self.orders() == 0, 60, "the reset is not finished", 0.2)
        victim.start()
        self.check_is_new()


if __name__ == "__main__":
    unittest.main()
