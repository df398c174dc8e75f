"""PostgreSQL silent, crashed and at odds with Redis in the middle of a sale."""

import collections
import json
import threading
import time
import unittest
import uuid

import psycopg2

import harness
from fault_case import ROUNDS, FaultCase
from harness import Purchase, check_buyers, crowd
from tcp_proxy import TcpProxy


class SilenceTest(FaultCase):
    def test_stopped_for_five_seconds(self):
        sale = self.cluster.create_sale(stock=100_000, limit=1)
        with self.shoppers(sale) as shoppers:
            self.sell_for()
            self.cluster.postgres.pause()
            time.sleep(5)
            self.cluster.postgres.resume()
            self.wait_selling(shoppers)
            purchases = self.settle(shoppers, 50)
        self.assertTrue(any(purchase.taken for purchase in purchases), "nobody was answered 202")

    def test_a_cancelled_order_is_looked_for_even_by_one_who_does_not_wait(self):
        """Only its row tells what became of it; that a moment's silence makes this a 503 helps nobody."""
        sale = self.cluster.create_sale(stock=30)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.cluster.postgres.pause()
        resumes = threading.Timer(0.3, self.cluster.postgres.resume)
        resumes.start()
        try:
            response = self.cluster.buy(sale, customer, "k", headers={"Prefer": "respond-async"})
        finally:
            resumes.join()
        self.assertEqual(self.check_status(response, 200).json()["status"], "cancelled")

    def test_taken_while_it_is_silent_and_committed_afterwards(self):
        sale = self.cluster.create_sale(stock=30)
        for where in (0, 1):  # without PostgreSQL no instance could learn of it
            self.check_status(self.cluster.client(where).get(f"/v1/sales/{sale}"), 200)

        def work(number, client):
            customer = self.cluster.new_customer()
            purchase = Purchase(sale, customer, "k", "sneaker-42", 1)
            purchase.note(self.cluster.buy(sale, customer, "k", client=client))
            return purchase

        self.cluster.postgres.pause()
        try:
            purchases = crowd(self.ports, 60, work)
        finally:
            self.cluster.postgres.resume()
        # Whether an order of the same key is in PostgreSQL cannot be asked, so a refusal may be a 503 as well.
        counts = collections.Counter(purchase.statuses[0] for purchase in purchases)
        self.assertEqual(counts[202], 30, counts)
        self.assertLessEqual(set(counts), {202, 409, 503}, counts)
        for purchase in purchases:
            if purchase.taken:
                purchase.outcome = self.cluster.wait_final(next(iter(purchase.ids)), purchase.customer)["status"]
            elif purchase.outcome == "unknown":
                self.check_status(purchase.note(self.cluster.buy(sale, purchase.customer, purchase.key)), 409,
                                  "sold-out")
        check_buyers(self.cluster, purchases)
        self.assertEqual(sum(purchase.outcome == "confirmed" for purchase in purchases), 30)


    def test_nobody_waits_for_ever(self):
        """Frozen, not dead: what needs PostgreSQL is answered all the same, and the process still ends in time."""
        sale = self.cluster.create_sale(stock=10)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        cancelled = self.check_status(self.cluster.buy(sale, customer, "gone"), 201).json()
        self.check_status(self.cluster.cancel(cancelled["id"], customer), 200)
        self.cluster.postgres.pause()
        try:
            began = time.monotonic()
            replay = self.check_status(self.cluster.buy(sale, customer, "k"), 200).json()
            self.assertEqual((replay["id"], replay["status"]), (order["id"], "pending"))
            # What became of an order that gave its unit back only the row tells.
            self.check_status(self.cluster.buy(sale, customer, "gone"), 503, "unavailable")
            self.assertIn(self.cluster.order(order["id"], customer).status, (200, 503))
            self.check_status(self.cluster.cancel(order["id"], customer), 503, "unavailable")
            self.assertLess(time.monotonic() - began, 30 * harness.SLOWNESS)
            harness.wait_until(lambda: self.cluster.client().get("/readyz").status == 503, 10, "/readyz is still 200")
            began = time.monotonic()
            self.cluster.instances[1].terminate()
            self.assertEqual(self.cluster.instances[1].process.wait(40), 0)
            self.assertLess(time.monotonic() - began, 30 * harness.SLOWNESS)
        finally:
            self.cluster.postgres.resume()
        self.cluster.instances[1].start()
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.cluster.wait_consistent(sale)


class NoAnswerTest(FaultCase):
    def test_a_stop_beside_a_server_that_answers_no_connects(self):
        port = self.cluster.postgres.port
        link = TcpProxy(harness.free_port(), port)
        self.addCleanup(link.stop)
        instance = self.cluster.add_instance({
            "postgres.url": self.cluster.postgres_url.replace(f":{port}", f":{link.port}"),
            "postgres.connect_timeout_ms": 60_000})
        sale = self.cluster.create_sale(stock=0)
        where = len(self.cluster.instances) - 1
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=where), 409, "sold-out")
        link.stall()
        link.cut()
        harness.wait_until(lambda: instance.client().get("/readyz").status == 503, 20, "/readyz is still 200")
        # With counts that nobody can write any more.
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=where), 409, "sold-out")
        instance.terminate()
        self.assertEqual(instance.process.wait(30), 0, "one session after the other waits for its time-out")


class CrashTest(FaultCase):
    def test_immediate_restart_in_mid_sale(self):
        sale = self.cluster.create_sale(stock=100_000, limit=1)
        with self.shoppers(sale) as shoppers:
            for _ in range(max(2, ROUNDS)):
                self.sell_for()
                self.cluster.postgres.crash()
                self.cluster.postgres.start()
                self.wait_selling(shoppers)
            self.settle(shoppers, 50)

    def test_backends_are_terminated(self):
        sale = self.cluster.create_sale(stock=100_000)
        with self.shoppers(sale) as shoppers:
            for _ in range(8):
                self.sell_for(0.15)
                self.cluster.cut_sessions()
            self.wait_selling(shoppers)
            self.settle(shoppers, 50)

    def test_crash_of_postgres_and_a_wipe_of_redis(self):
        sale = self.cluster.create_sale(stock=100_000, limit=1)
        with self.shoppers(sale, redis_may_forget=True) as shoppers:
            self.sell_for()
            self.cluster.postgres.crash()
            self.cluster.redis.client.flushall()
            time.sleep(0.5)
            self.cluster.postgres.start()
            self.wait_selling(shoppers)
            self.settle(shoppers, 50)


class StalledWriterTest(FaultCase):
    """A host that is lost in the middle of a COPY leaves a session that PostgreSQL's time-outs do not end."""

    def stall(self, name, sale_no, rows):
        """A COPY of the rows that never ends: gives what to wait for and what lets the client go."""
        released, failure = threading.Event(), []

        class Rows:
            def __init__(self):
                self.text = "".join(f"{sale_no}\t{row}\t2026-01-01\t1\t1\t1\tx\n" for row in rows)

            def read(self, size):
                if not self.text:
                    released.wait(60)
                    return ""
                page, self.text = self.text[:size], self.text[size:]
                return page

        def copy():
            session = psycopg2.connect(self.cluster.postgres_url, application_name=name)
            try:
                with session.cursor() as cursor:
                    cursor.copy_expert("COPY orders (sale_no, order_id, created_at, item_no, quantity, status,"
                                       " customer_id) FROM STDIN", Rows())
            except psycopg2.Error as error:
                failure.append(error)
            finally:
                session.close()

        thread = threading.Thread(target=copy, daemon=True)
        thread.start()
        return thread, released, failure

    def backends(self, name):
        return self.cluster.query("SELECT wait_event FROM pg_stat_activity WHERE application_name = %s", (name,))

    def test_its_orders_are_written_by_others(self):
        sale = self.cluster.create_sale(stock=30)
        customer = self.cluster.new_customer()
        sale_no = self.cluster.sale_no(sale)
        ids = self.cluster.order_ids(sale, [(customer, "k")]) + [str(uuid.uuid4()) for _ in range(3000)]
        stalled, release_stalled, failure = self.stall("journal-9", sale_no, ids)
        other, release_other, _ = self.stall("somebody", sale_no, [str(uuid.uuid4()) for _ in range(3000)])
        try:
            harness.wait_until(lambda: self.backends("journal-9") == [("ClientRead",)], 5, "the COPY does not wait")
            response = self.check_status(self.cluster.buy(sale, customer, "k"), 202)
            self.assertEqual(response.json()["id"], ids[0])
            # Others' orders of the same batch must not wait with it for ever either.
            self.assertEqual(self.cluster.wait_final(ids[0], customer, timeout_s=20)["status"], "confirmed")
            self.assertEqual(self.backends("journal-9"), [])
            self.assertEqual(self.backends("somebody"), [("ClientRead",)])
        finally:
            release_stalled.set()
            release_other.set()
            stalled.join(10)
            other.join(10)
        self.assertTrue(failure, "the writer in mid-COPY was not ended")
        self.cluster.wait_consistent(sale)


class HeldItemTest(FaultCase):
    """Items whose rows somebody holds, while somebody else's orders wait to be swept."""

    own_postgres = False
    settings = {"postgres.lock_timeout_ms": 300, "checkout.reservation_batch_max": 8, "sweeper.in_flight_max": 8}

    def take(self, sale):
        purchase = Purchase(sale, self.cluster.new_customer(), "k", "sneaker-42", 1)
        response = self.cluster.buy(sale, purchase.customer, "k", headers={"Prefer": "respond-async"})
        self.check_status(purchase.note(response), 202)
        return purchase

    def wait_confirmed(self, purchases, where):
        for purchase in purchases:
            final = self.cluster.wait_final(next(iter(purchase.ids)), purchase.customer, where, 30)
            purchase.outcome = final["status"]
            self.assertEqual(purchase.outcome, "confirmed")

    def times_written(self):
        return sum(instance.process.log_text().count("pending orders are written by the sweeper")
                   for instance in self.cluster.instances)

    def test_the_quota_is_not_used_up_by_what_waits(self):
        held, free = self.cluster.create_sale(stock=100), self.cluster.create_sale(stock=100)
        with self.cluster.locked_items(held):
            with self.cluster.locked_items(free):
                of_held = [self.take(held) for _ in range(20)]
                of_free = [self.take(free) for _ in range(3)]
                self.cluster.instances[0].kill()
            self.wait_confirmed(of_free, 1)
        self.wait_confirmed(of_held, 1)
        check_buyers(self.cluster, of_held + of_free, 1)
        self.cluster.instances[0].start()

    def test_an_entry_rests_while_its_sale_cannot_be_corrected(self):
        sale = self.cluster.create_sale(stock=100)
        redis = self.cluster.redis.client
        with self.cluster.locked_items(sale):
            purchase = self.take(sale)
            log = next(redis.scan_iter(f"fs:{{{sale}}}:*:log"))
            fields = redis.xrange(log)[0][1]
        self.wait_confirmed([purchase], 0)
        harness.wait_until(lambda: redis.xlen(log) == 0, 10, "not trimmed")
        # Redis's log and PostgreSQL's row say something different of one order.
        self.cluster.query("UPDATE orders SET quantity = 2 WHERE order_id = %s", (next(iter(purchase.ids)),))
        self.cluster.query("UPDATE items SET sold = 2 FROM sales s WHERE s.sale_no = items.sale_no AND sale_id = %s",
                           (sale,))
        with self.cluster.locked_items(sale):
            before = self.times_written()
            redis.xadd(log, fields)
            time.sleep(10)
            written = self.times_written() - before
        self.assertGreater(written, 0)
        self.assertLess(written, 40)
        self.cluster.wait_consistent(sale)


class DriftTest(FaultCase):
    """Redis believes in more stock than PostgreSQL has: a batch is refused in part, and PostgreSQL has the last
    word (R11)."""

    own_postgres = False

    def drift(self, prefer=None, quantity=1):
        """10 sold, stock lowered to 25 behind Redis's back, then a crowd of 80."""
        sale = self.cluster.create_sale(stock=1000)
        purchases = []

        def buy(client, number):
            customer = self.cluster.new_customer()
            purchase = Purchase(sale, customer, "k", "sneaker-42", quantity)
            headers = {"X-Request-Id": f"of-{customer}"}
            if prefer:
                headers["Prefer"] = prefer
            for _ in range(100):
                response = purchase.note(self.cluster.buy(sale, customer, "k", quantity=quantity, client=client,
                                                          headers=headers))
                if response.status != 503:
                    return purchase
                time.sleep(0.1)
            raise AssertionError(f"unavailable for 10 s: {purchase}")

        for number in range(10):
            purchases.append(buy(self.cluster.client(), number))
            if prefer:
                purchases[-1].outcome = self.cluster.wait_final(next(iter(purchases[-1].ids)),
                                                                purchases[-1].customer)["status"]
        self.cluster.set_stock(sale, 25)
        late = crowd(self.ports, 80, lambda number, client: buy(client, number))
        for purchase in late:
            if purchase.taken and purchase.outcome == "unknown":
                # The refused batch raises the sale's epoch: while it is rebuilt, its orders cannot be looked up.
                final = self.cluster.wait_final(next(iter(purchase.ids)), purchase.customer,
                                                may_be_unavailable=True)
                purchase.outcome = final["status"]
                if final["status"] == "rejected":
                    self.assertTrue(final.get("reason"), final)
        return sale, purchases, late

    def assert_settled(self, sale, purchases):
        check_buyers(self.cluster, purchases)
        audit = self.cluster.wait_consistent(sale)
        item = audit["items"][0]
        self.assertEqual((item["stock"], item["remaining"]), (25, 25 - item["sold"]))
        for where in (0, 1):
            # A sale that was rebuilt rests a moment before it refuses for good.
            refused = harness.wait_until(lambda where=where: (lambda r: r if r.status != 503 else None)(
                self.cluster.buy(sale, self.cluster.new_customer(), quantity=26, where=where)), 3, "the sale rests on")
            self.check_status(refused, 409, "sold-out")

    def test_excess_is_answered_as_the_refusal_it_is(self):
        sale, first, late = self.drift()
        counts = collections.Counter(purchase.outcome for purchase in late)
        self.assertEqual(counts["confirmed"], 15, counts)
        self.assertGreater(counts["refused"], 0, counts)
        self.assertEqual(counts["refused"], 65, counts)
        self.assertEqual({purchase.reason for purchase in late if purchase.outcome == "refused"}, {"sold-out"})
        self.assert_settled(sale, first + late)
        # A refusal is not remembered by its key, although PostgreSQL wrote it down.
        for purchase in late[:20]:
            # While the sale is corrected, and rests, nobody is told anything.
            response = harness.wait_until(lambda p=purchase: (lambda r: r if r.status != 503 else None)(
                self.cluster.buy(sale, p.customer, "k", where=1)), 10, "unavailable")
            if purchase.outcome == "confirmed":
                self.check_status(response, 200)
            else:
                self.check_status(response, 409, "sold-out")
        loser = next(purchase for purchase in late if purchase.outcome == "refused")
        winner = next(purchase for purchase in late if purchase.outcome == "confirmed")
        self.check_status(self.cluster.cancel(next(iter(winner.ids)), winner.customer), 200)
        winner.outcome = "cancelled"
        again = harness.wait_until(lambda: (lambda r: r if r.status not in (409, 503) else None)(
            self.cluster.buy(sale, loser.customer, "k", where=1)), 10, "the key of a refused order is burnt")
        self.check_status(again, 201)
        loser.note(again)
        self.assert_settled(sale, first + late)

    def test_excess_of_orders_that_were_taken_is_rejected(self):
        sale, first, late = self.drift(prefer="respond-async")
        counts = collections.Counter(purchase.outcome for purchase in late)
        self.assertEqual(counts["confirmed"], 15, counts)
        self.assertLessEqual(set(counts), {"confirmed", "rejected", "refused"}, counts)
        self.assertGreater(counts["rejected"], 0, counts)
        self.assert_settled(sale, first + late)
        # Each had its answer before, and is found by its request all the same.
        told = [json.loads(line) for instance in self.cluster.instances
                for line in instance.process.log_text().splitlines() if "redis and postgres disagree" in line]
        requests = {f"of-{purchase.customer}" for purchase in late}
        self.assertTrue(requests & {line.get("request_id") for line in told}, told)
        for purchase in late:
            if purchase.outcome == "rejected":
                response = self.cluster.cancel(next(iter(purchase.ids)), purchase.customer)
                self.check_status(response, 409, "too-late")
                break

    def test_orders_of_several_units(self):
        sale, first, late = self.drift(quantity=2)
        live = sum(purchase.quantity for purchase in first + late if purchase.outcome == "confirmed")
        self.assertLessEqual(live, 25)
        self.assertGreaterEqual(live, 24)
        self.assert_settled(sale, first + late)

    def test_the_limit_counts_no_refused_units(self):
        """After the drift is mended, whoever was refused can buy again."""
        sale = self.cluster.create_sale(stock=100, limit=1)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.set_stock(sale, 1)
        customer = self.cluster.new_customer()
        refused = harness.wait_until(lambda: (lambda r: r if r.status != 503 else None)(
            self.cluster.buy(sale, customer, "k")), 10, "unavailable")
        self.check_status(refused, 409, "sold-out")
        self.cluster.wait_consistent(sale)
        response = self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", {"add": 5})
        self.check_status(response, 200)
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k-2").status in (200, 201), 5,
                           "the added stock cannot be bought by whom PostgreSQL had refused")
        self.cluster.wait_consistent(sale)


if __name__ == "__main__":
    unittest.main()
