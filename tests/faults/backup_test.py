"""PostgreSQL or Redis put back to a backup: what is lost, and that the rest holds."""

import shutil
import time
import unittest

import harness
from fault_case import FaultCase
from scenario import stopped


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

    def put_postgres_back(self, instances_stop=True, writes_on=False):
        """`writes_on`: before anybody looks, it has written more WAL than was lost."""
        if instances_stop:
            for instance in self.cluster.instances:
                self.assertEqual(instance.stop(), 0)
        held = [] if instances_stop else [instance.process.pid for instance in self.cluster.instances]
        position = self.wal_position()
        self.cluster.postgres.stop()
        with stopped(*(held if writes_on else [])):
            self.start_on_backup()
            while writes_on and self.wal_position() <= position:
                self.cluster.query("SELECT pg_logical_emit_message(true, '', 'on'), pg_switch_wal()")
        if instances_stop:
            for instance in self.cluster.instances:
                instance.start()
        else:
            self.wait_ready()

    def served_epoch(self, sale):
        """Of the sale in Redis; None while it is rebuilt."""
        epoch, is_rebuilt = self.cluster.redis.client.hmget(f"fs:{{{sale}}}", "e", "r")
        return None if is_rebuilt else int(epoch)

    def wal_position(self):
        return self.cluster.query("SELECT pg_current_wal_flush_lsn() - '0/0'")[0][0]

    def start_on_backup(self):
        server = self.cluster.postgres
        shutil.rmtree(server.directory / "data")
        (server.directory / "backup").rename(server.directory / "data")
        server.adopt_files()
        server.start()

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


class OlderPostgresTest(BackupCase):
    """The files of an older moment: system identifier and timeline are what they were."""

    def check_restored(self, instances_stop):
        sale = self.cluster.create_sale(stock=20, limit=2)
        idle = self.cluster.create_sale(stock=20)
        closed = self.cluster.create_sale(stock=20)
        customers = [self.cluster.new_customer() for _ in range(10)]
        for customer in customers[:4]:
            self.check_status(self.buy(sale, customer, "before"), 201)
        identity = self.identity_of_postgres()
        self.copy_postgres()
        for one in (sale, idle, closed):
            self.check_status(self.buy(one, self.cluster.new_customer(), "k"), 201)
        orders = {}
        for customer in customers[4:]:
            orders[customer] = self.check_status(self.buy(sale, customer, "after"), 201).json()
        cancelled = self.check_status(self.buy(sale, customers[0], "cancelled"), 201).json()
        self.check_status(self.cluster.cancel(cancelled["id"], customers[0]), 200)
        self.assertEqual(self.numbers(sale), (20, 11, 9))
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{closed}", {"state": "closed"})
        self.check_status(response, 200)
        # Rebuilt since: the epoch after the backup's is one that Redis knows.
        self.cluster.redis.client.delete(f"fs:{{{sale}}}", f"fs:{{{idle}}}")
        self.assertEqual(self.numbers(sale), (20, 11, 9))
        self.assertEqual(self.numbers(idle), (20, 1, 19))
        lost_sale = self.cluster.create_sale(stock=5)
        self.check_status(self.buy(lost_sale, self.cluster.new_customer(), "k"), 201)

        self.put_postgres_back(instances_stop)
        restored_at = time.monotonic()
        self.assertEqual(self.identity_of_postgres(), identity, "no fence by identity could see this")
        # The orders since the backup are lost; what both stores say now is the backup.
        self.assertEqual(self.numbers(sale), (20, 4, 16))
        self.assertEqual(self.numbers(idle), (20, 0, 20))
        self.assertEqual(self.numbers(closed), (20, 0, 20))  # and it is open again
        self.assertLess(time.monotonic() - restored_at, 10 * harness.SLOWNESS)

        lost = orders[customers[4]]
        for where in (0, 1):
            self.check_status(self.buy(sale, customers[0], "before", where=where), 200)
            # An order that is lost is unknown, and is said to be: not 503 for ever.
            response = self.wait_status(lambda: self.cluster.order(lost["id"], customers[4], where=where), 404)
            self.check_status(response, 404, "unknown-order")
            response = self.wait_status(lambda: self.cluster.client(where).get("/v1/sales/nobody-knows-it"), 404)
            self.check_status(response, 404, "unknown-sale")
            response = self.wait_status(lambda: self.cluster.buy(lost_sale, customers[0], where=where), 404)
            self.check_status(response, 404, "unknown-sale")
        # A key that is sent again gets an order again, of the same id; the limit counts what there is.
        for customer in customers[4:]:
            again = self.check_status(self.buy(sale, customer, "after", where=1), 201).json()
            self.assertEqual(again["id"], orders[customer]["id"])
            self.check_status(self.buy(sale, customer, "after"), 200)
            self.check_status(self.buy(sale, customer, "second"), 201)
            self.check_status(self.buy(sale, customer, "third"), 409, "limit-exceeded")
        self.assertEqual(self.numbers(sale), (20, 16, 4))
        self.check_new_sales(lost_sale)

    def check_new_sales(self, lost_sale):
        """One gets the numbers of the lost sale, one its name; both are sold by all instances, to the last unit."""
        for sale in (self.cluster.create_sale(stock=3), self.cluster.create_sale(id=lost_sale, stock=3)):
            for number in range(3):
                self.check_status(self.buy(sale, self.cluster.new_customer(), "k", where=number % 2), 201)
            for where in (0, 1):
                self.check_status(self.buy(sale, self.cluster.new_customer(), "k", where=where), 409, "sold-out")
            self.assertEqual(self.numbers(sale), (3, 3, 0))

    def wait_status(self, call, status):
        def has_it():
            response = call()
            return response if response.status == status else None
        try:
            return harness.wait_until(has_it, 15, f"no {status}", 0.1)
        except harness.HarnessError as failure:
            raise AssertionError(f"{failure}, but {call()!r}") from None

    def check_orders_alone(self, instances_stop, writes_on):
        """Nothing but an order and a cancellation is lost: of PostgreSQL's own numbers only the WAL position tells of
        it, and the audit nothing."""
        sale = self.cluster.create_sale(stock=20, limit=2)
        early, late = self.cluster.new_customer(), self.cluster.new_customer()
        kept = self.check_status(self.buy(sale, early, "kept"), 201).json()
        self.copy_postgres()
        self.check_status(self.cluster.cancel(kept["id"], early), 200)
        lost = self.check_status(self.buy(sale, late, "lost"), 201).json()
        self.assertEqual(self.numbers(sale), (20, 1, 19))
        time.sleep(0.5)  # some looks
        epoch = self.served_epoch(sale)
        self.put_postgres_back(instances_stop, writes_on)

        def begun_anew():
            return any("postgres has gone back in time" in instance.process.log_text()
                       for instance in self.cluster.instances)

        harness.wait_until(begun_anew, 10, "nobody has noticed")
        # Until Redis has forgotten the lost order, too, its key is answered with it. The numbers do not tell: they are
        # the same before and after.
        harness.wait_until(lambda: (self.served_epoch(sale) or 0) > epoch, 10, "the sale is not rebuilt")
        self.assertEqual(self.numbers(sale), (20, 1, 19))
        # Unknown for good once no order of before can be reserved again.
        response = self.wait_status(lambda: self.cluster.order(lost["id"], late), 404)
        self.check_status(response, 404, "unknown-order")
        again = self.check_status(self.buy(sale, late, "lost", where=1), 201).json()
        self.assertEqual(again["id"], lost["id"])
        self.assertEqual(self.check_status(self.buy(sale, early, "kept"), 200).json()["status"], "confirmed")
        self.assertEqual(self.numbers(sale), (20, 2, 18))

    def test_orders_alone_are_lost(self):
        self.check_orders_alone(instances_stop=False, writes_on=False)

    def test_it_has_written_more_than_was_lost(self):
        self.check_orders_alone(instances_stop=False, writes_on=True)

    def test_it_has_written_more_than_was_lost_before_they_start(self):
        self.check_orders_alone(instances_stop=True, writes_on=True)

    def test_a_restart_loses_nothing_and_rebuilds_nothing(self):
        sale = self.cluster.create_sale(stock=20)
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        epoch = self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,))
        for stop in (self.cluster.postgres.stop, self.cluster.postgres.crash):
            stop()
            self.cluster.postgres.start()
            self.wait_ready()
            self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        time.sleep(0.5)
        self.assertEqual(self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,)), epoch)

    def test_no_mark_is_written_while_nobody_writes(self):
        sale = self.cluster.create_sale(stock=20)
        newest = "SELECT max(number) FROM server_marks"
        def mark():
            return self.cluster.query(newest)[0][0]
        before = mark()
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        harness.wait_until(lambda: mark() > before, 5, "no mark after an order")
        # The statistics of refusals and the like have been written by then.
        def rests():
            seen = mark()
            time.sleep(2)
            return mark() == seen
        harness.wait_until(rests, 20, "marks are written for nothing")

    def test_the_last_order_of_an_instance_that_ends_is_covered_by_a_mark(self):
        """Also just after another mark was made."""
        sale = self.cluster.create_sale(stock=1000)
        first, second = self.cluster.instances
        self.assertEqual(second.stop(), 0)
        self.addCleanup(second.start)
        newest = "SELECT max(xid::text::bigint) FROM server_marks"
        for _ in range(4):
            before = self.cluster.query(newest)

            def has_marked(seen=before):
                self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
                return self.cluster.query(newest) != seen

            harness.wait_until(has_marked, 10, "no mark after an order", 0.005)
            self.check_status(self.buy(sale, self.cluster.new_customer(), "last"), 201)
            self.assertEqual(first.stop(), 0)
            last = self.cluster.query("SELECT max(xmin::text::bigint) FROM orders")
            mark = self.cluster.query(newest)
            first.start()
            self.assertGreater(mark, last)

    def test_a_locked_item_holds_up_its_own_sale_alone(self):
        """Somebody who works on one item by hand has it locked when PostgreSQL is put back to a backup."""
        stuck, free = self.cluster.create_sale(stock=20), self.cluster.create_sale(stock=20)
        for sale in (stuck, free):
            self.check_status(self.buy(sale, self.cluster.new_customer(), "before"), 201)
        self.copy_postgres()
        lost = self.cluster.new_customer()
        for sale in (stuck, free):
            self.check_status(self.buy(sale, lost, "k"), 201)
        for instance in self.cluster.instances:
            self.assertEqual(instance.stop(), 0)
        self.cluster.postgres.stop()
        self.start_on_backup()
        with self.cluster.locked_items(stuck):
            for instance in self.cluster.instances:
                instance.start()
            for where in (0, 1):
                harness.wait_until(lambda w=where: self.cluster.buy(free, lost, "k", where=w).status in (200, 201), 15,
                                   "the other sale waits too", 0.1)
            self.assertEqual(self.numbers(free), (20, 2, 18))
            # Redis remembers the order that PostgreSQL has lost, and nobody serves it.
            for where in (0, 1):
                self.check_status(self.cluster.buy(stuck, lost, "k", where=where), 503)
                self.check_status(self.cluster.buy(stuck, self.cluster.new_customer(), "k", where=where), 503)
        self.check_status(self.buy(stuck, lost, "k"), 201)
        self.assertEqual(self.numbers(stuck), (20, 2, 18))

    def test_instances_stopped_meanwhile(self):
        self.check_restored(instances_stop=True)

    def test_instances_running_meanwhile(self):
        self.check_restored(instances_stop=False)

    def test_in_mid_sale(self):
        """Instances run on and a crowd buys: nothing is sold twice of what PostgreSQL then knows, nobody is over the
        limit, and what was promised after the restore is kept."""
        sale = self.cluster.create_sale(stock=100_000, limit=2)
        with self.shoppers(sale) as shoppers:
            self.sell_for()
            self.copy_postgres()
            self.wait_selling(shoppers)
            self.sell_for()
            shoppers.finish()
        epoch = self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,))
        with self.shoppers(sale, redis_may_forget=True, patience_s=60) as late:
            self.put_postgres_back(instances_stop=False)
            restored_at = time.monotonic()
            bought_before = len(late.purchases)
            self.wait_selling(late)
            self.sell_for(3)
            late.finish()
            self.cluster.wait_consistent(sale)
            self.assertGreater(self.cluster.query("SELECT epoch FROM sales WHERE sale_id = %s", (sale,)), epoch)
        self.assertEqual(late.violations, [])
        (stock, sold), = self.cluster.query("SELECT stock, sold FROM item_stock WHERE sale_id = %s", (sale,))
        rows = self.cluster.query("SELECT order_id::text, customer_id, quantity, status FROM order_units "
                                  "WHERE sale_id = %s", (sale,))
        live = [row for row in rows if row[3] == "confirmed"]
        self.assertEqual(len(live), sold)
        self.assertLessEqual(sold, stock)
        status_of = {row[0]: row[3] for row in rows}
        # A 201 that was sent before PostgreSQL stopped is lost with it.
        kept = [purchase for purchase in late.purchases[bought_before:] if purchase.promised]
        self.assertGreater(len(kept), 50)
        for purchase in kept:
            self.assertEqual(status_of.get(next(iter(purchase.ids))), "confirmed", purchase)
        lost = [purchase for purchase in shoppers.purchases
                if purchase.promised and next(iter(purchase.ids)) not in status_of]
        self.assertGreater(len(lost), 0, "the backup lacks nothing")
        for purchase in lost[:20]:
            again = self.check_status(self.buy(sale, purchase.customer, purchase.key), 201)
            self.assertEqual({again.json()["id"]}, purchase.ids)
        self.cluster.wait_consistent(sale)
        self.assertLess(restored_at, time.monotonic())

    def test_pending_log_is_honoured(self):
        """What Redis has taken and PostgreSQL has not written survives in the log, whatever PostgreSQL was put back
        to."""
        sale = self.cluster.create_sale(stock=20)
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        self.copy_postgres()
        lost = self.cluster.new_customer()
        self.check_status(self.buy(sale, lost, "k"), 201)
        customers = [self.cluster.new_customer() for _ in range(5)]
        self.cluster.postgres.pause()
        for customer in customers:
            response = self.cluster.buy(sale, customer, "k", headers={"Prefer": "respond-async"})
            self.check_status(response, 202)
        for instance in self.cluster.instances:
            instance.kill()
        self.cluster.postgres.resume()
        self.cluster.postgres.crash()
        self.start_on_backup()
        for instance in self.cluster.instances:
            instance.start()
        for customer in customers:
            self.check_status(self.buy(sale, customer, "k"), 200)
        self.assertEqual(self.numbers(sale), (20, 6, 14))
        self.check_status(self.buy(sale, lost, "k"), 201)
        self.assertEqual(self.numbers(sale), (20, 7, 13))


class OlderRedisTest(BackupCase):
    """Redis has accepted orders that PostgreSQL never got, and goes away with its log; an empty one takes its place,
    and the sale goes on. Then the first one comes back."""

    def take_unwritten(self, sale, keys):
        """The ids of orders that only the log names: instances and Redis end before PostgreSQL hears of them."""
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k", sku="no-such"), 404, "unknown-item")
        self.cluster.postgres.pause()
        orders = {}
        for customer, key in keys:
            taken = self.check_status(self.buy(sale, customer, key, headers={"Prefer": "respond-async"}), 202)
            orders[customer, key] = taken.json()["id"]
        for instance in self.cluster.instances:
            instance.kill()
        time.sleep(1.5)  # AOF everysec
        self.cluster.redis.kill()
        self.cluster.postgres.resume()
        return orders

    def start_on_empty_redis(self):
        redis = self.cluster.redis
        shutil.move(redis.directory / "appendonlydir", redis.directory / "backup")
        redis.start()
        for instance in self.cluster.instances:
            instance.start()

    def put_redis_back(self):
        redis = self.cluster.redis
        redis.kill()
        shutil.rmtree(redis.directory / "appendonlydir")
        shutil.move(redis.directory / "backup", redis.directory / "appendonlydir")
        redis.start()

    def status_of(self, order, customer):
        """Of an answer that is no 503."""
        def status():
            response = self.cluster.order(order, customer)
            return response.status if response.status != 503 else None
        return harness.wait_until(status, 15, "the order cannot be looked up", 0.05)

    def test_what_was_refused_meanwhile_is_not_sold(self):
        sale = self.cluster.create_sale(stock=1)
        customer, other = self.cluster.new_customer(), self.cluster.new_customer()
        orders = self.take_unwritten(sale, [(customer, "k")])
        self.start_on_empty_redis()
        bought = self.check_status(self.buy(sale, other, "k"), 201).json()
        self.check_status(self.buy(sale, customer, "k"), 409, "sold-out")
        self.assertEqual(self.status_of(orders[customer, "k"], customer), 404)
        self.check_status(self.cluster.cancel(bought["id"], other), 200)
        self.assertEqual(self.numbers(sale), (1, 0, 1))

        self.put_redis_back()
        self.check_status(self.buy(sale, other, "k"), 200)
        self.assertEqual(self.status_of(orders[customer, "k"], customer), 404)
        self.assertEqual(self.numbers(sale), (1, 0, 1))
        # Its key is free.
        again = self.check_status(self.buy(sale, customer, "k", where=1), 201).json()
        self.assertEqual(again["id"], orders[customer, "k"])
        self.assertEqual(self.numbers(sale), (1, 1, 0))

    def test_a_log_that_was_never_given_up_is_honoured(self):
        """Nobody has sold anything of the sale meanwhile: the empty Redis was not served from."""
        sale = self.cluster.create_sale(stock=2)
        customer = self.cluster.new_customer()
        orders = self.take_unwritten(sale, [(customer, "k")])
        self.cluster.redis.start()
        for instance in self.cluster.instances:
            instance.start()
        self.check_status(self.buy(sale, customer, "k"), 200)
        self.assertEqual(self.cluster.wait_final(orders[customer, "k"], customer)["status"], "confirmed")
        self.assertEqual(self.numbers(sale), (2, 1, 1))

    def test_limits_are_kept_when_an_old_log_comes_back(self):
        """Meanwhile their customer has bought as much as the limit allows."""
        sale = self.cluster.create_sale(stock=20, limit=2)
        customer, other = self.cluster.new_customer(), self.cluster.new_customer()
        self.check_status(self.buy(sale, self.cluster.new_customer(), "k"), 201)
        self.take_unwritten(sale, [(name, key) for name in (customer, other) for key in ("old-1", "old-2")])
        self.start_on_empty_redis()
        for key in ("new-1", "new-2"):
            self.check_status(self.buy(sale, customer, key), 201)
        self.check_status(self.buy(sale, other, "new-1"), 201)

        self.put_redis_back()
        # Keys of what was given up are free, and meet the limit.
        self.check_status(self.buy(sale, other, "old-1"), 201)
        self.check_status(self.buy(sale, customer, "old-1"), 409, "limit-exceeded")
        self.check_status(self.buy(sale, other, "old-2"), 409, "limit-exceeded")
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
