"""What a rebuild must not lose, need or leave behind, however often it fails."""

import contextlib
import time
import unittest

import harness
from fault_case import FaultCase


class RebuildCase(FaultCase):
    instances = 1

    def setUp(self):
        self.redis = self.cluster.redis.client
        self.addCleanup(self.redis.config_set, "maxmemory", 0)

    def epoch(self, sale):
        return self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,))[0][0]

    def raise_epoch(self, sale, by=1):
        """What tries leave that fail once they have raised it."""
        connection = self.cluster.postgres.connect(self.cluster.database)
        with contextlib.closing(connection), connection.cursor() as cursor:
            connection.autocommit = False
            cursor.execute("SELECT FROM items JOIN sales USING (sale_no) WHERE sale_id = %s ORDER BY item_no "
                           "FOR NO KEY UPDATE OF items", (sale,))
            cursor.execute("UPDATE sales SET epoch = epoch + %s WHERE sale_id = %s", (by, sale))
            cursor.execute("UPDATE items SET epoch = sales.epoch FROM sales WHERE sales.sale_no = items.sale_no "
                           "AND sale_id = %s", (sale,))
            cursor.execute("UPDATE directory SET version = version + 1")
            cursor.execute("UPDATE sales SET directory_version = directory.version FROM directory "
                           "WHERE sale_id = %s", (sale,))
            connection.commit()

    def drop_fence(self, sale):
        self.redis.delete(f"fs:{{{sale}}}")

    def keys(self, sale):
        return {key.decode() for key in self.redis.keys(f"fs:{{{sale}}}:*") if b":lease:" not in key}

    def keys_of_old_epochs(self, sale):
        served = int(self.redis.hget(f"fs:{{{sale}}}", "e") or 0)
        return {key for key in self.keys(sale) if int(key.split(":")[2]) != served}

    def wait_served(self, sale, timeout_s=15):
        def answers():
            return self.cluster.buy(sale, self.cluster.new_customer()).status in (201, 409)
        harness.wait_until(answers, timeout_s, f"{sale} stays unavailable", 0.1)

    def fill_sale(self, sale, orders):
        """Orders that PostgreSQL has, and Redis after a rebuild."""
        self.cluster.insert_orders(sale, [f"many-{n}" for n in range(orders)], 1)
        self.cluster.query("UPDATE items SET sold = %s FROM sales WHERE sales.sale_no = items.sale_no AND sale_id = %s",
                           (orders, sale))
        before = self.epoch(sale)
        self.raise_epoch(sale)
        harness.wait_until(lambda: int(self.redis.hget(f"fs:{{{sale}}}", "e") or 0) > before, 15, "not rebuilt")
        self.wait_served(sale)


class PendingLogTest(RebuildCase):
    """A 202 is not forgotten (P3)."""

    def take_and_die(self, sale, count):
        """Orders with a 202 that only Redis knows."""
        taken = []
        with self.cluster.locked_items(sale):
            for _ in range(count):
                customer = self.cluster.new_customer()
                response = self.cluster.buy(sale, customer, headers={"Prefer": "respond-async"})
                self.check_status(response, 202)
                taken.append((response.json()["id"], customer))
            self.cluster.instances[0].kill()
        return taken

    def check_written(self, sale, taken):
        for order, customer in taken:
            self.assertEqual(self.cluster.wait_final(order, customer, may_be_unavailable=True)["status"], "confirmed")
        self.cluster.wait_consistent(sale)
        self.assertEqual(self.keys_of_old_epochs(sale), set())

    def test_failed_tries_do_not_walk_away_from_a_log(self):
        for tries in (1, 17, 3000):
            with self.subTest(tries=tries):
                sale = self.cluster.create_sale(stock=20)
                taken = self.take_and_die(sale, 5)
                self.drop_fence(sale)
                self.raise_epoch(sale, tries)
                self.cluster.instances[0].start()
                self.wait_served(sale)
                self.check_written(sale, taken)

    def test_a_fence_that_is_deleted_again_and_again(self):
        sale = self.cluster.create_sale(stock=20)
        for _ in range(3):
            taken = self.take_and_die(sale, 2)
            self.raise_epoch(sale, 100)
            self.drop_fence(sale)
            self.cluster.instances[0].start()
            self.wait_served(sale)
            self.check_written(sale, taken)


class LongLogTest(RebuildCase):
    settings = {"checkout.reservation_batch_max": 1024, "postgres.statement_timeout_ms": 1000,
                "postgres.lock_timeout_ms": 1000,
                "rate_limit.enabled": False}

    def test_a_log_that_is_too_much_for_one_statement_is_drained_in_parts(self):
        sale = self.cluster.create_sale(stock=100_000)
        taken = []
        with self.cluster.locked_items(sale):
            for _ in range(40):
                customer = self.cluster.new_customer()
                response = self.cluster.buy(sale, customer, headers={"Prefer": "respond-async"})
                self.check_status(response, 202)
                taken.append((response.json()["id"], customer))
            self.cluster.instances[0].kill()
        # Each row takes 30 ms: 40 of them are too many for a second.
        self.cluster.query("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$"
                           " BEGIN PERFORM pg_sleep(0.03); RETURN NEW; END $$")
        self.cluster.query("CREATE TRIGGER dawdle BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION dawdle()")
        try:
            self.raise_epoch(sale)
            self.cluster.instances[0].start()
            self.wait_served(sale, 30)
        finally:
            self.cluster.query("DROP TRIGGER dawdle ON orders")
            self.cluster.query("DROP FUNCTION dawdle")
        for order, customer in taken:
            self.assertEqual(self.cluster.wait_final(order, customer, may_be_unavailable=True)["status"], "confirmed")
        self.cluster.wait_consistent(sale)


class MemoryTest(RebuildCase):
    """A rebuild needs no more memory than the sale had."""

    def test_a_sale_is_rebuilt_where_it_does_not_fit_twice(self):
        sale = self.cluster.create_sale(stock=200_000)
        before = self.redis.info("memory")["used_memory"]
        self.fill_sale(sale, 60_000)
        used = self.redis.info("memory")["used_memory"]
        self.assertGreater(used - before, 4_000_000, "too little to tell")
        self.redis.config_set("maxmemory", used + (used - before) // 3)
        for drop in (False, True):
            with self.subTest(fence_is_dropped=drop):
                if drop:
                    self.drop_fence(sale)
                self.raise_epoch(sale)
                self.wait_served(sale)
                self.cluster.wait_consistent(sale)
                self.assertEqual(self.keys_of_old_epochs(sale), set())

    def test_a_rebuild_that_does_not_fit_is_tried_less_and_less_often(self):
        sale = self.cluster.create_sale(stock=200_000)
        self.fill_sale(sale, 20_000)
        self.redis.config_set("maxmemory", 1_000_000)
        self.redis.flushall()
        before = self.epoch(sale)
        time.sleep(6)
        tries = self.epoch(sale) - before
        self.assertGreater(tries, 0)
        self.assertLess(tries, 12)
        self.redis.config_set("maxmemory", 0)
        self.wait_served(sale)
        self.cluster.wait_consistent(sale)

    def test_with_redis_full_the_orders_of_a_dead_instance_are_written(self):
        sale = self.cluster.create_sale(stock=20)
        customer = self.cluster.new_customer()
        with self.cluster.locked_items(sale):
            response = self.cluster.buy(sale, customer, headers={"Prefer": "respond-async"})
            self.check_status(response, 202)
            self.cluster.instances[0].kill()
        self.redis.config_set("maxmemory", 1_000_000)
        self.cluster.instances[0].start()
        order = self.cluster.wait_final(response.json()["id"], customer, timeout_s=15, may_be_unavailable=True)
        self.assertEqual(order["status"], "confirmed")
        harness.wait_until(lambda: self.redis.xlen(f"fs:{{{sale}}}:{self.epoch(sale)}:log") == 0, 10, "not trimmed")
        # Units of a cancelled order come back, and a switch of the merchant's arrives.
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.cluster.wait_consistent(sale)
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "paused"}), 200)
        harness.wait_until(lambda: self.redis.hget(f"fs:{{{sale}}}", "s") == b"2", 5, "it is not paused in Redis")


if __name__ == "__main__":
    unittest.main()
