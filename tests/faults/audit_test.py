"""The audit between two steps of what moves units."""

import threading
import time
import unittest

from fault_case import FaultCase

import fault_point
import harness


class SlowReturnTest(FaultCase):
    """Redis has been told that an order ended, PostgreSQL has not yet written that it was: for the audit its units are
    there twice. On a slow machine that lasts longer than two looks."""

    own_postgres = False

    @classmethod
    def setUpClass(cls):
        path = harness.run_directory() / "audit-fault-point"
        # Only whoever cancels writes it.
        settings = {"audit.interval_ms": 200, "sweeper.interval_ms": 3_600_000}
        cls.cluster = harness.Cluster(1, cls.settings | settings, binary=fault_point.BINARY,
                                      environment={"FAULT_POINT_FILE": str(path)})
        cls.cluster.fault_point_file = path

    def rebuilt(self):
        text = self.cluster.instances[0].admin("GET", "/metrics").body.decode()
        return [line for line in text.splitlines() if line.startswith(("flashsale_drift_units_total{",
                                                                       "flashsale_rebuilds_total{"))]

    def test_it_is_no_drift(self):
        sale = self.cluster.create_sale(stock=20)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()["id"]
        self.cluster.wait_consistent(sale)
        before = self.rebuilt()
        fault_point.arm(self.cluster, "cancel.after_release", "sleep:4000")
        cancelling = threading.Thread(target=self.cluster.cancel, args=(order, customer))
        cancelling.start()
        # What a pulse tells has to move, or nobody looks.
        until = time.monotonic() + 3
        while time.monotonic() < until:
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
            time.sleep(0.3)
        self.assertTrue(cancelling.is_alive(), "it has not slept")
        cancelling.join()
        self.cluster.wait_consistent(sale)
        self.assertEqual(self.rebuilt(), before)


if __name__ == "__main__":
    unittest.main()
