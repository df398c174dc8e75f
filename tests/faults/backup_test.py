"""PostgreSQL or Redis put back to a backup: what is lost, and that the rest holds."""

import shutil
import time
import unittest

from fault_case import FaultCase  # first: it makes the harness known

import harness


class BackupCase(FaultCase):
    def copy_postgres(self):
        """With the server stopped, as a snapshot of its disk would be."""
        server = self.cluster.postgres
        backup = server.directory / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        server.stop()
        shutil.copytree(server.directory / "data", backup, symlinks=True)
        server.start()
        self.wait_ready()

    def put_postgres_back(self, instances_stop=True):
        if instances_stop:
            for instance in self.cluster.instances:
                self.assertEqual(instance.stop(), 0)
        server = self.cluster.postgres
        server.stop()
        shutil.rmtree(server.directory / "data")
        (server.directory / "backup").rename(server.directory / "data")
        server.adopt_files()
        server.start()
        if instances_stop:
            for instance in self.cluster.instances:
                instance.start()
        else:
            self.wait_ready()

    def wait_ready(self):
        for instance in self.cluster.instances:
            instance.wait_ready()

    def buy(self, sale, customer, key, where=0, **how):
        """The first answer that is no 503."""
        def answered():
            response = self.cluster.buy(sale, customer, key, where=where, **how)
            return response if response.status != 503 else None
        return harness.wait_until(answered, 10, f"{sale} stays unavailable", 0.05)

    def identity_of_postgres(self):
        return self.cluster.query("SELECT system_identifier, timeline_id FROM pg_control_system(), "
                                  "pg_control_checkpoint()")

    def numbers(self, sale):
        item = self.cluster.wait_consistent(sale)["items"][0]
        return item["stock"], item["sold"], item["remaining"]


class OlderRedisTest(BackupCase):
    def test_limits_are_kept_when_an_old_log_comes_back(self):
        """The log of the backup names orders that PostgreSQL never got. Meanwhile, Redis having been empty, their
        customer has bought as much as the limit allows."""
        sale = self.cluster.create_sale(stock=20, limit=2)
        customer, other = self.cluster.new_customer(), self.cluster.new_customer()
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        redis = self.cluster.redis
        self.cluster.postgres.pause()
        for name in (customer, other):
            for key in ("old-1", "old-2"):
                self.check_status(self.cluster.buy(sale, name, key, headers={"Prefer": "respond-async"}), 202)
        for instance in self.cluster.instances:
            instance.kill()
        time.sleep(1.5)  # AOF everysec
        redis.kill()
        backup = redis.directory / "backup"
        shutil.copytree(redis.directory / "appendonlydir", backup)
        shutil.rmtree(redis.directory / "appendonlydir")
        self.cluster.postgres.resume()
        redis.start()
        for instance in self.cluster.instances:
            instance.start()
        for key in ("new-1", "new-2"):
            self.check_status(self.buy(sale, customer, key), 201)
        self.check_status(self.buy(sale, other, "new-1"), 201)

        redis.kill()
        shutil.rmtree(redis.directory / "appendonlydir")
        backup.rename(redis.directory / "appendonlydir")
        redis.start()
        # The older orders are honoured as far as the limit goes.
        self.assertEqual([self.buy(sale, customer, key).json()["status"] for key in ("old-1", "old-2")],
                         ["rejected", "rejected"])
        self.assertEqual([self.buy(sale, other, key).json()["status"] for key in ("old-1", "old-2")],
                         ["confirmed", "rejected"])
        for where in (0, 1):
            for key in ("new-1", "new-2"):
                self.check_status(self.buy(sale, customer, key, where=where), 200)
            self.check_status(self.buy(sale, customer, "new-3", where=where), 409, "limit-exceeded")
        self.assertEqual(self.numbers(sale), (20, 5, 15))
        self.assertEqual(self.cluster.query("SELECT max(units) FROM (SELECT sum(quantity) AS units FROM order_units "
                                            "WHERE sale_id = %s AND status = 'confirmed' GROUP BY customer_id) AS t",
                                            (sale,)), [(2,)])


if __name__ == "__main__":
    unittest.main()
