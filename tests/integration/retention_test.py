"""Redis lets a closed sale go once everything in it is settled; PostgreSQL keeps it."""

import time
import unittest

import harness
from harness import ClusterCase
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()
KEEP_S = 1


class RetentionTest(ClusterCase):
    instances = 2
    settings = {"retention.redis_keep_s": KEEP_S, "payments.webhook_secrets": SECRET}

    def close(self, sale):
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)

    def keys(self, sale):
        return self.cluster.redis.client.keys(f"fs:{{{sale}}}*")

    def wait_gone(self, sale, timeout_s=15):
        harness.wait_until(lambda: not self.keys(sale), timeout_s, f"{sale} is still in Redis")
        for where in (0, 1):
            harness.wait_until(lambda w=where: self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=w).json()
                               .get("let_go") is True, 5, "an instance does not know")

    def test_everything_can_still_be_asked(self):
        sale = self.cluster.create_sale(stock=5, limit=2)
        winner, loser = self.cluster.new_customer(), self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, winner, "k"), 201).json()
        other = self.check_status(self.cluster.buy(sale, winner, "l"), 201).json()
        self.close(sale)
        self.wait_gone(sale)
        for where in (0, 1):
            replay = self.check_status(self.cluster.buy(sale, winner, "k", where=where), 200)
            self.assertEqual(replay.header("Idempotency-Replayed"), "true")
            self.assertEqual(replay.json(), order)
            self.check_status(self.cluster.buy(sale, winner, "k", quantity=2, where=where), 422,
                              "idempotency-key-reused")
            self.check_status(self.cluster.buy(sale, loser, "k", where=where), 409, "sale-not-open")
            self.assertEqual(self.cluster.order(order["id"], winner, where).json(), order)
            self.check_status(self.cluster.order(order["id"], loser, where), 404)
            shown = self.cluster.sale(sale, where)
            self.assertEqual((shown["state"], shown["items"][0]["remaining"]), ("closed", 3))
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual(audit["items"][0]["live_units"], 2)
        # A cancellation after the end: nobody in Redis has to be told.
        self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{other['id']}/cancel"), 200)
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["live_units"], 1)
        self.assertEqual(self.cluster.flashsaled("audit").returncode, 0)
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "open"}), 409, "sale-closed")
        time.sleep(1)
        self.assertEqual(self.keys(sale), [])

    def test_it_stays_so_when_redis_is_lost_and_instances_start_again(self):
        sale, open_sale = self.cluster.create_sale(), self.cluster.create_sale()
        customer = self.cluster.new_customer()
        self.check_status(self.cluster.buy(sale, customer, "k"), 201)
        self.close(sale)
        self.wait_gone(sale)
        self.cluster.redis.client.flushall()
        self.cluster.instances[0].stop()
        self.cluster.instances[0].start()
        harness.wait_until(lambda: self.cluster.buy(open_sale, self.cluster.new_customer()).status == 201, 10,
                           "the open sale is not rebuilt")
        self.check_status(self.cluster.buy(sale, customer, "k"), 200)
        self.assertEqual(self.keys(sale), [])

    def test_not_before_all_is_settled(self):
        sale = self.cluster.create_sale(payment="required", payment_window_s=6)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.close(sale)
        time.sleep(KEEP_S + 2)
        self.assertTrue(self.keys(sale), "it was let go with an order unpaid")
        self.assertEqual(PaymentProvider(self.cluster, SECRET).pay(order).json()["outcome"], "confirmed")
        self.wait_gone(sale)
        self.assertEqual(self.cluster.order(order["id"], customer).json()["status"], "confirmed")

    def test_what_ends_without_being_closed_stays(self):
        sale = self.cluster.create_sale(ends_at=time.time() + 1)
        time.sleep(KEEP_S + 3)
        self.assertTrue(self.keys(sale), "its times could still be changed")

    def test_keys_that_a_crash_has_left(self):
        sale = self.cluster.create_sale()
        self.close(sale)
        self.wait_gone(sale)
        epoch = self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,))[0][0] - 1
        self.cluster.redis.client.hset(f"fs:{{{sale}}}:{epoch}:items", "left", "1")
        self.cluster.instances[1].stop()
        self.cluster.instances[1].start()
        self.wait_gone(sale)

    def test_a_rehearsal_that_is_let_go_twice(self):
        """The second time by an instance that dies before it deletes the keys."""
        sale = self.cluster.create_sale(rehearsal=True)
        self.close(sale)
        self.wait_gone(sale)
        time.sleep(3 * harness.SLOWNESS)  # by now each instance knows that they are gone
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/reset"), 200)
        for where in (0, 1):
            harness.wait_until(lambda w=where: self.cluster.buy(sale, self.cluster.new_customer(), where=w).status ==
                               201, 20, "it does not sell after its reset", 0.1)
        time.sleep(3 * harness.SLOWNESS)
        self.cluster.query(
            "WITH raised AS (UPDATE directory SET version = version + 1 RETURNING version), gone AS ("
            "UPDATE sales SET state = 3, let_go = true, epoch = epoch + 1, directory_version = raised.version "
            "FROM raised WHERE sale_id = %s RETURNING sale_no, epoch) "
            "UPDATE items SET epoch = gone.epoch FROM gone WHERE items.sale_no = gone.sale_no", (sale,))
        self.wait_gone(sale)


if __name__ == "__main__":
    unittest.main()
