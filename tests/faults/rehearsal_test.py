"""A reset of a rehearsal that does not come to its end."""

import signal
import threading
import unittest

import fault_point
import harness
from fault_case import FaultCase


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
        for instance in self.cluster.instances:
            if not instance.alive:  # of a test that failed
                instance.start()
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

    def survivor(self, victim):
        return next(number for number, one in enumerate(self.cluster.instances) if one is not victim)

    def close(self, where):
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{self.sale}", {"state": "closed"}, where=where)
        self.check_status(response, 200)

    def wait_finished(self):
        def is_finished():
            return self.cluster.query("SELECT reset_progress_at IS NULL FROM sales WHERE sale_id = %s", (self.sale,))
        harness.wait_until(lambda: is_finished() == [(True,)], 60, "the reset is not finished", 0.2)

    def state(self, where):
        return self.cluster.admin("GET", f"/admin/v1/sales/{self.sale}", where=where).json()["state"]

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

    def test_one_that_was_closed_is_opened_by_whoever_finishes_it(self):
        self.close(0)
        victim = self.die_in_mid_reset()
        self.wait_finished()
        self.assertNotEqual(self.state(self.survivor(victim)), "closed")
        victim.start()
        self.check_is_new()

    def test_one_that_an_admin_closes_meanwhile_stays_closed(self):
        victim = self.die_in_mid_reset()
        where = self.survivor(victim)
        self.close(where)
        self.wait_finished()
        self.assertEqual(self.orders(), 0)
        self.assertEqual(self.state(where), "closed")
        victim.start()

    def test_what_has_begun_anew_meanwhile_is_left_alone(self):
        """Whoever finishes it is held up after its first step, and an admin has the rehearsal reset."""
        victim = self.die_in_mid_reset()
        fault_point.arm(self.cluster, "rehearsal.some_removed", "stop")
        finisher = fault_point.wait_for_stopped(self.cluster, 60)
        try:
            victim.start()
            where = self.cluster.instances.index(victim)
            self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{self.sale}/reset", where=where), 200)
            customer = self.cluster.new_customer()
            harness.wait_until(lambda: self.cluster.buy(self.sale, customer, "anew", where=where).status in (200, 201),
                               30, "nothing is sold after the reset")
        finally:
            finisher.process.send(signal.SIGCONT)
        harness.wait_until(lambda: "a reset is left to somebody else" in finisher.process.log_text() or
                           "an unfinished reset is finished" in finisher.process.log_text(), 30,
                           "it does not go on", 0.1)
        self.assertEqual(self.orders(), 1)
        item = self.cluster.wait_consistent(self.sale)["items"][0]
        self.assertEqual((item["sold"], item["remaining"]), (1, 4999))


if __name__ == "__main__":
    unittest.main()
