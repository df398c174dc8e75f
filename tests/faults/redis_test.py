"""Redis wiped, killed, restarted and silent in the middle of a sale."""

import contextlib
import time
import unittest

import harness
from fault_case import ROUNDS, FaultCase
from redis_switch import Switch
from tcp_proxy import TOWARDS, TcpProxy


class RedisCase(FaultCase):
    own_postgres = False

    @classmethod
    def add_instance_behind_proxy(cls, setting, url, port, settings=()):
        """One more instance, which reaches the store of this URL and port through `cls.link`."""
        cls.link = TcpProxy(harness.free_port(), port)
        cls.addClassCleanup(cls.link.stop)
        cls.cluster.add_instance({setting: url.replace(f":{port}", f":{cls.link.port}")} | dict(settings))

    def sell_through(self, fault, stock=100_000, limit=0, rounds=1, **how):
        sale = self.cluster.create_sale(stock=stock, limit=limit)
        with self.shoppers(sale, redis_may_forget=True, **how) as shoppers:
            for _ in range(rounds):
                self.sell_for()
                fault()
                self.wait_selling(shoppers)
            self.sell_for(0.3)
            return sale, self.settle(shoppers, 50)


class WipeTest(RedisCase):
    def flushall(self):
        self.cluster.redis.client.flushall()

    def test_flushall_in_mid_sale(self):
        self.sell_through(self.flushall, rounds=max(2, ROUNDS))

    def test_flushall_with_a_limit_and_little_stock(self):
        """After the rebuild the remaining units are sold, no more and no less."""
        sale = self.cluster.create_sale(stock=600, limit=1)
        with self.shoppers(sale, redis_may_forget=True, purchases_max=1200) as shoppers:
            harness.wait_until(lambda: shoppers.count("confirmed") > 200, 20, "no sale")
            self.flushall()
            purchases = shoppers.wait_all_bought()
            self.assertEqual(shoppers.violations, [])
            harness.check_buyers(self.cluster, purchases)
        self.assertEqual(self.cluster.query("SELECT stock, sold FROM item_stock WHERE sale_id = %s", (sale,)),
                         [(600, 600)], "units were stranded")
        winner = next(purchase for purchase in purchases if purchase.outcome == "confirmed")
        for where in (0, 1):
            self.check_status(self.cluster.buy(sale, winner.customer, winner.key, where=where), 200)
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=where), 409, "sold-out")

    def test_limits_survive(self):
        sale = self.cluster.create_sale(stock=100, limit=1)
        customer = self.cluster.new_customer()
        self.check_status(self.cluster.buy(sale, customer, "k"), 201)
        self.flushall()
        for where in (0, 1):
            response = harness.wait_until(lambda w=where: (lambda r: r if r.status != 503 else None)(
                self.cluster.buy(sale, customer, "another", where=w)), 10, "the sale stays unavailable")
            self.check_status(response, 409, "limit-exceeded")
            self.check_status(self.cluster.buy(sale, customer, "k", where=where), 200)

    def test_final_orders_stay_final(self):
        sale = self.cluster.create_sale(stock=100)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.flushall()
        response = harness.wait_until(lambda: (lambda r: r if r.status != 503 else None)(
            self.cluster.buy(sale, customer, "k")), 10, "the sale stays unavailable")
        self.check_status(response, 200)
        self.assertEqual(response.json()["status"], "cancelled")
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(0, 100)])

    def test_while_it_is_rebuilt_nothing_but_503(self):
        """Never 404 or sale-not-open, and everything is back within seconds with nobody's help."""
        sales = [self.cluster.create_sale(stock=50) for _ in range(3)]
        self.flushall()
        deadline = time.monotonic() + 10 * harness.SLOWNESS
        waiting = {(sale, where) for sale in sales for where in (0, 1)}
        while waiting:
            self.assertLess(time.monotonic(), deadline, f"still unavailable: {waiting}")
            for sale, where in list(waiting):
                response = self.cluster.buy(sale, self.cluster.new_customer(), where=where)
                if response.status == 201:
                    waiting.discard((sale, where))
                else:
                    self.assertEqual(response.status, 503, repr(response))
                    self.assertIn(response.problem, ("unavailable", "outcome-unknown"))
                    self.assertIsNotNone(response.header("Retry-After"))
                self.check_status(self.cluster.client(where).get(f"/v1/sales/{sale}"), 200)

    def test_one_key_lost(self):
        """Only a part of a sale's keys gone, as after a mistake with DEL."""
        sale = self.cluster.create_sale(stock=50)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        client = self.cluster.redis.client
        keys = [key for key in client.scan_iter(f"*{{{sale}}}*")]
        self.assertTrue(keys)
        for key in keys:
            kind = client.type(key)
            if kind == b"string" and len(keys) > 1:
                client.delete(key)
                break
        else:
            client.delete(min(keys, key=len))
        customer = self.cluster.new_customer()
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k").status in (200, 201), 10, "not repaired")
        self.cluster.wait_consistent(sale)


class UnreturnedTest(RedisCase):
    settings = {"sweeper.interval_ms": 3_600_000}  # it tells Redis of nothing

    def test_units_that_were_not_given_back_come_back_once(self):
        """What a rebuild publishes has the units of cancelled orders; to count them as not given back is to see a
        drift."""
        sale = self.cluster.create_sale(stock=100)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        # As if Redis had not been told.
        self.cluster.query("UPDATE orders SET given_back = false WHERE order_id = %s", (order["id"],))
        self.cluster.redis.client.flushall()
        harness.wait_until(lambda: self.cluster.query("SELECT 1 FROM orders WHERE order_id = %s AND given_back",
                                                      (order["id"],)), 10, "not given back")
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(0, 100)])


class DriftTest(RedisCase):
    """Somebody has counted by hand: Redis says another number than PostgreSQL."""

    def drift_units(self):
        total = {"too_many": 0, "too_few": 0}
        for instance in self.cluster.instances:
            for line in instance.admin("GET", "/metrics").body.decode().splitlines():
                for direction in total:
                    if line.startswith(f'flashsale_drift_units_total{{direction="{direction}"}}'):
                        total[direction] += float(line.split()[-1])
        return total

    def drifted(self, units):
        sale = self.cluster.create_sale(stock=100_000)
        before = self.drift_units()
        with self.shoppers(sale) as shoppers:
            self.wait_selling(shoppers)
            keys = [key for key in self.cluster.redis.client.scan_iter(f"fs:{{{sale}}}:*:items")]
            field = next(name for name in self.cluster.redis.client.hkeys(keys[0]) if name.endswith(b":r"))
            self.cluster.redis.client.hincrby(keys[0], field, units)
            drifted_at = time.monotonic()
            harness.wait_until(lambda: sum(self.drift_units().values()) > sum(before.values()), 10 * harness.SLOWNESS,
                               "the drift is not seen")
            harness.wait_until(lambda: self.cluster.audit(sale)["consistent"], 10 * harness.SLOWNESS, "not healed")
            self.assertLess(time.monotonic() - drifted_at, 10 * harness.SLOWNESS)
            self.wait_selling(shoppers)
            self.settle(shoppers, 50)
        after = self.drift_units()
        return {direction: after[direction] - before[direction] for direction in after}

    def test_five_units_too_many(self):
        self.assertEqual(self.drifted(5), {"too_many": 5, "too_few": 0})

    def test_five_units_too_few(self):
        self.assertEqual(self.drifted(-5), {"too_many": 0, "too_few": 5})


class RestartTest(RedisCase):
    def test_sigkill_and_restart_with_aof(self):
        _, purchases = self.sell_through(self.cluster.redis.restart, rounds=max(1, ROUNDS))
        self.assertTrue(any(503 in purchase.statuses for purchase in purchases), "nobody noticed the restart")

    def test_restart_with_an_empty_directory(self):
        def lose_everything():
            self.cluster.redis.kill()
            for path in sorted(self.cluster.redis.directory.rglob("appendonly*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            self.cluster.redis.start()
        self.sell_through(lose_everything)

    def test_away_for_some_seconds(self):
        def away():
            self.cluster.redis.kill()
            time.sleep(2)
            self.cluster.redis.start()
        self.sell_through(away)

    def test_cut_connections(self):
        def cut():
            for _ in range(5):
                self.cluster.redis.client.client_kill_filter(_type="normal", skipme=True)
                time.sleep(0.1)
        self.sell_through(cut)


class IdentityTest(RedisCase):
    def test_the_audit_learns_of_it_on_a_living_connection(self):
        """A server that was a replica for a moment has another replication id, and cuts no connection."""
        sale = self.cluster.create_sale(stock=10)
        for where in (0, 1, 0, 1):  # each instance has two threads for it
            self.cluster.wait_consistent(sale, where=where)
        client = self.cluster.redis.client
        client.replicaof("127.0.0.1", harness.free_port())
        time.sleep(0.3)
        client.replicaof("NO", "ONE")
        harness.wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer()).status == 201, 10, "unavailable",
                           0.05)
        for where in (0, 1, 0, 1):
            self.cluster.wait_consistent(sale, where=where)


class SplitTest(RedisCase):
    """A replica is promoted while one instance stays connected to the old master, which lives on."""

    instances = 0
    settings = {"rate_limit.enabled": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = cls.cluster.redis
        cls.new = harness.RedisServer(cls.cluster.directory / "redis-2", ["--repl-diskless-sync-delay", 0],
                                      cls.old.password)
        cls.old.client.config_set("repl-diskless-sync-delay", 0)
        cls.switches = [Switch(cls.old.port), Switch(cls.old.port)]
        for switch in cls.switches:
            cls.cluster.add_instance({"redis.url": f"redis://flashsale:{cls.old.password}@127.0.0.1:{switch.port}/0"})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for switch in cls.switches:
            switch.close()
        for server in (cls.old, cls.new):
            server.stop()

    def follow(self):
        self.new.client.config_set("masterauth", self.old.password)
        self.new.client.replicaof("127.0.0.1", self.old.port)
        harness.wait_until(lambda: self.new.client.info("replication")["master_link_status"] == "up", 10,
                           "the replica is not in step")

    def test_an_order_of_one_side_is_not_refused_by_the_other(self):
        """R9: on the old master its buyer is at the limit, and the key unknown. The two sides rebuild the sale by
        turns, so that mostly neither sells."""
        for _ in range(6):
            self.follow()
            sale = self.cluster.create_sale(stock=50, limit=1)
            customer = self.cluster.new_customer()
            first = harness.wait_until(lambda: (lambda r: r if r.status == 201 else None)(
                self.cluster.buy(sale, customer, "first", where=1)), 10, "unavailable")
            self.old.client.wait(1, 1000)
            self.new.client.replicaof("NO", "ONE")
            self.switches[1].point_to(self.new.port)
            self.check_status(self.cluster.cancel(first.json()["id"], customer, where=1), 200)
            has_bought = False
            until = time.monotonic() + 3
            while time.monotonic() < until:
                if not has_bought:
                    response = self.cluster.buy(sale, customer, "second", where=1)
                    self.assertIn(response.status, (200, 201, 202, 503), repr(response))
                    has_bought = response.status in (200, 201) and response.json()["status"] == "confirmed"
                else:
                    response = self.cluster.buy(sale, customer, "second", where=0)
                    self.assertIn(response.status, (200, 503), repr(response))
                time.sleep(0.01)
            self.switches[0].point_to(self.new.port)
            type(self).old, type(self).new = self.new, self.old
            for where in (0, 1):
                response = harness.wait_until(lambda where=where: (lambda r: r if r.status != 503 else None)(
                    self.cluster.buy(sale, customer, "second", where=where)), 10, "not healed", 0.05)
                self.assertIn(response.status, (200, 201), repr(response))
            self.cluster.wait_consistent(sale)


class ReservedAgainTest(RedisCase):
    """An order stands in Redis and not yet in PostgreSQL, which does not answer its instance; then Redis is wiped. The
    order is reserved again only as long as its key can have been refused nowhere. Instance 2 reaches PostgreSQL through
    a proxy."""

    instances = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_instance_behind_proxy("postgres.url", cls.cluster.postgres_url, cls.cluster.postgres.port)

    def setUp(self):
        self.addCleanup(self.link.mend)
        self.customer = self.cluster.new_customer()

    def answer(self, call):
        """The first answer that is not 503."""
        return harness.wait_until(lambda: (lambda r: r if r.status != 503 else None)(call()), 15, "unavailable")

    def take_and_lose(self, sale):
        """The id of an order that instance 2 has been promised by Redis, which has lost it."""
        self.answer(lambda: self.cluster.buy(self.cluster.create_sale(), self.customer, where=1))
        self.answer(lambda: self.cluster.client(1).get(f"/v1/sales/{sale}"))
        self.link.stall()
        taken = self.check_status(self.cluster.buy(sale, self.customer, "k", where=1,
                                                   headers={"Prefer": "respond-async"}), 202)
        self.cluster.redis.client.flushall()
        return taken.json()["id"]

    def final_status(self, order):
        """Of an order that may be known nowhere for a while."""
        def status():
            response = self.cluster.order(order, self.customer)
            return response.json()["status"] if response.status == 200 else None
        return harness.wait_until(lambda: (lambda s: s if s not in (None, "pending") else None)(status()), 30,
                                  "the order has no end")

    def expect_stock(self, sale, sold, remaining):
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(sold, remaining)])

    def test_an_order_that_was_refused_does_not_come_to_life(self):
        sale = self.cluster.create_sale(stock=1)
        order = self.take_and_lose(sale)
        other = self.cluster.new_customer()
        bought = self.check_status(self.answer(lambda: self.cluster.buy(sale, other, "k")), 201).json()
        self.check_status(self.answer(lambda: self.cluster.buy(sale, self.customer, "k")), 409, "sold-out")
        self.check_status(self.cluster.order(order, self.customer), 404)
        self.check_status(self.cluster.cancel(bought["id"], other), 200)
        time.sleep(1)  # the unit sells again
        self.link.mend()
        self.assertEqual(self.final_status(order), "rejected")
        self.expect_stock(sale, 0, 1)
        # Its key is free, and makes the order anew.
        again = self.check_status(self.answer(lambda: self.cluster.buy(sale, self.customer, "k")), 201).json()
        self.assertEqual((again["id"], again["status"]), (order, "confirmed"))
        self.check_status(self.cluster.buy(sale, self.customer, "k", where=1), 200)
        self.expect_stock(sale, 1, 0)

    def test_what_the_key_has_made_elsewhere_counts(self):
        sale = self.cluster.create_sale(stock=5)
        order = self.take_and_lose(sale)
        again = self.check_status(self.answer(lambda: self.cluster.buy(sale, self.customer, "k")), 201).json()
        self.assertEqual(again["id"], order)
        self.link.mend()
        time.sleep(2)
        self.assertEqual(self.final_status(order), "confirmed")
        self.expect_stock(sale, 1, 4)

    def test_no_order_comes_into_a_sale_that_was_closed_meanwhile(self):
        sale = self.cluster.create_sale(stock=5)
        order = self.take_and_lose(sale)
        self.answer(lambda: self.cluster.buy(sale, self.cluster.new_customer(), "k"))
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)
        self.link.mend()
        self.assertEqual(self.final_status(order), "rejected")
        self.expect_stock(sale, 1, 4)


TIMEOUT_S = 1.5


class BufferTest(RedisCase):
    """R10: something between an instance and Redis holds commands back, and hands them on although the connection that
    they came over is lost. Instance 2 is behind it."""

    instances = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_instance_behind_proxy("redis.url", cls.cluster.redis.url, cls.cluster.redis.port,
                                      {"redis.timeout_ms": int(TIMEOUT_S * 1000)})

    def setUp(self):
        self.sale = self.cluster.create_sale(stock=10)
        customer = self.cluster.new_customer()
        harness.wait_until(lambda: self.cluster.buy(self.sale, customer, "first", where=1).status in (200, 201), 10,
                           "instance 2 sells nothing")

    def buy_late(self, seconds):
        """(customer, id of the order) of a checkout whose command reaches Redis so late."""
        customer = self.cluster.new_customer()
        with self.link.arriving_late(customer.encode(), seconds):
            began = time.monotonic()
            response = self.cluster.buy(self.sale, customer, "k", where=1)
        self.check_status(response, 503, "outcome-unknown")
        self.assertGreater(time.monotonic() - began, TIMEOUT_S, "told before it can be known")
        return customer, response.header("Location").rpartition("/")[2]

    def test_what_runs_before_the_deadline_is_there_when_the_unknown_is_told(self):
        for _ in range(3):
            customer, order = self.buy_late(0.5 * TIMEOUT_S)
            self.check_status(self.cluster.order(order, customer), 200)
            self.assertEqual(self.cluster.wait_final(order, customer)["status"], "confirmed")

    def test_what_comes_after_the_deadline_is_not_made(self):
        customer, order = self.buy_late(1.5 * TIMEOUT_S)
        self.check_status(self.cluster.order(order, customer), 404)
        time.sleep(TIMEOUT_S)
        self.check_status(self.cluster.order(order, customer), 404)
        audit = self.cluster.wait_consistent(self.sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(1, 9)])

    def test_a_withdrawal_is_found_out(self):
        entry = (3).to_bytes(8, "little") + harness.ADMIN_NAME.encode()  # units and who, as the log has them
        with self.link.arriving_late(entry, 0.5):
            response = self.cluster.admin("POST", f"/admin/v1/sales/{self.sale}/items/sneaker-42/stock", {"add": -3},
                                          where=1)
        self.check_status(response, 200)
        self.assertEqual(self.cluster.query("SELECT stock FROM item_stock WHERE sale_id = %s", (self.sale,)), [(7,)])
        audit = self.cluster.wait_consistent(self.sale)
        self.assertEqual([(item["stock"], item["remaining"]) for item in audit["items"]], [(7, 6)])


class UntoldTest(RedisCase):
    def test_a_change_that_redis_was_not_told_of(self):
        """It is stored, so it is no 503; it has not taken effect, so it is no 200."""
        sale = self.cluster.create_sale(stock=10)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        path = f"/admin/v1/sales/{sale}"
        self.cluster.redis.pause()
        try:
            patched = self.check_status(self.cluster.admin("PATCH", path, {"state": "paused"}), 202)
            added = self.check_status(self.add_five(path), 202)
            # Repeated it is added once, and Redis still knows nothing of it.
            self.check_status(self.add_five(path), 202)
        finally:
            self.cluster.redis.resume()
        for answer in (patched, added):
            self.assertIsNotNone(answer.header("Retry-After"), answer)
        self.assertEqual(patched.json()["state"], "paused")
        self.assertEqual(added.json()["stock"], 15)
        for where in (0, 1):
            harness.wait_until(lambda where=where: self.cluster.buy(sale, self.cluster.new_customer(), where=where)
                               .status == 409, 15, "the sale sells on")
        self.check_status(self.add_five(path), 200)
        self.check_status(self.cluster.admin("PATCH", path, {"state": "paused"}), 200)
        self.check_status(self.cluster.admin("PATCH", path, {"state": "open"}), 200)
        item = self.cluster.wait_consistent(sale)["items"][0]
        # It may have sold on for a moment after Redis was back.
        self.assertEqual((item["stock"], item["remaining"]), (15, 15 - item["sold"]))

    def add_five(self, path):
        return self.cluster.admin("POST", f"{path}/items/sneaker-42/stock", {"add": 5}, {"Idempotency-Key": "five"})


class SilenceTest(RedisCase):
    """R10: Redis stops answering, and nobody guesses."""

    def test_outcome_is_unknown_and_the_key_finds_out(self):
        sale = self.cluster.create_sale(stock=10)
        customer = self.cluster.new_customer()
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.redis.pause()
        try:
            began = time.monotonic()
            response = self.cluster.buy(sale, customer, "k")
            waited = time.monotonic() - began
        finally:
            self.cluster.redis.resume()
        self.assertEqual(response.status, 503, repr(response))
        self.assertLess(waited, 4 * harness.SLOWNESS)
        self.assertIn(response.problem, ("outcome-unknown", "unavailable"))
        if response.problem == "outcome-unknown":
            order_id = response.header("Location").rpartition("/")[2]
        again = harness.wait_until(lambda: (lambda r: r if r.status != 503 else None)(
            self.cluster.buy(sale, customer, "k", where=1)), 10, "the key does not find out")
        self.assertIn(again.status, (200, 201), repr(again))
        if response.problem == "outcome-unknown":
            self.assertEqual(again.json()["id"], order_id)
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(2, 8)])

    def test_silence_under_load(self):
        def silence():
            self.cluster.redis.pause()
            time.sleep(2.5)
            self.cluster.redis.resume()
        self.sell_through(silence, limit=1)

    def test_a_script_that_comes_late_changes_nothing(self):
        """The requests wait in Redis's socket past their deadline; what the buyers were told must stay true."""
        sale = self.cluster.create_sale(stock=1000)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)

        def work(number, client):
            customer = self.cluster.new_customer()
            purchase = harness.Purchase(sale, customer, "k", "sneaker-42", 1)
            purchase.note(self.cluster.buy(sale, customer, "k", client=client))
            return purchase

        self.cluster.redis.pause()
        with contextlib.ExitStack() as stack:
            stack.callback(self.cluster.redis.resume)
            purchases = harness.crowd(self.ports, 40, work)
        self.assertEqual({purchase.statuses[0] for purchase in purchases}, {503})
        time.sleep(0.5)
        # Past the deadline "not there" is definite: what is not there now must never come.
        sold = self.cluster.wait_consistent(sale)["items"][0]["sold"]
        time.sleep(1.5)
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["sold"], sold)


if __name__ == "__main__":
    unittest.main()
