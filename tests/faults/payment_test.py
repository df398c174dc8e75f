"""Instances that are killed at each step of a payment, of an expiry and of a cancellation, while buyers pay, pay late,
pay twice, never pay and cancel."""

import collections
import contextlib
import http.client
import random
import signal
import threading
import time
import unittest

import fault_point
import harness
from fault_case import ROUNDS, FaultCase
from harness import crowd
from harness.payment_provider import PaymentProvider, make_secret
from money import check_money

SECRET = make_secret()
WINDOW_S = 2
BUYERS = 36
# Where an instance dies, and at which of the first passes of all instances.
POINTS = {"journal.before_commit": 2, "journal.after_commit": 2, "payment.before_commit": 4, "payment.after_commit": 4,
          "expiry.before_commit": 1, "expiry.after_commit": 1, "cancel.before_release": 2, "cancel.after_release": 2,
          "payment.after_retake": 3, "payment.before_late_commit": 3, "payment.after_late_commit": 3}
# What a buyer does, the status that the order ends with, and how many payments have to go back.
STORIES = [("pay", "confirmed", 0), ("fail", "cancelled", 0), ("never", "expired", 0), ("late", "confirmed", 0),
           ("cancel", "cancelled", 1), ("twice", "confirmed", 1)]


class Buyer:
    """Goes on through broken connections and 503s, as a careful client and a careful provider do."""

    def __init__(self, cluster, provider, sale, number, chance):
        self.cluster, self.provider, self.sale, self.chance = cluster, provider, sale, chance
        self.story, self.ends_as, self.refunds = STORIES[number % len(STORIES)]
        self.customer = cluster.new_customer()
        self.order = None

    def insist(self, ask, good):
        """Asks one instance after the other until the answer is good."""
        until = time.monotonic() + 25 * harness.SLOWNESS
        where = self.chance.randrange(2)
        last = None
        while time.monotonic() < until:
            where = 1 - where
            with contextlib.suppress(OSError, http.client.HTTPException), \
                    contextlib.closing(self.cluster.instances[where].client(5)) as client:
                last = ask(client)
                if last.status in good:
                    return last
            time.sleep(0.05)
        raise AssertionError(f"no good answer for {self.story}: {last}")

    def tell(self, kind="succeeded"):
        notice, webhook_id = self.provider.notice(self.order, kind), self.provider.new_id()
        return self.insist(lambda client: self.provider.send(notice, webhook_id, client=client), {200}).json()

    def read(self):
        return self.insist(lambda client: client.get(f"/v1/orders/{self.order['id']}",
                                                     self.cluster.bearer(self.customer)), {200}).json()

    def cancel(self):
        path = f"/v1/orders/{self.order['id']}/cancel"
        self.insist(lambda client: client.request("POST", path, headers=self.cluster.bearer(self.customer)), {200, 409})

    def tell_twice(self):
        """One payment, in two messages."""
        notice = self.provider.notice(self.order)
        for webhook_id in (self.provider.new_id(), self.provider.new_id()):
            self.insist(lambda client, one=webhook_id: self.provider.send(notice, one, client=client), {200})

    def reserve(self):
        self.order = self.insist(lambda client: self.cluster.buy(self.sale, self.customer, "k", client=client),
                                 {200, 201}).json()

    def play(self):
        self.reserve()
        if self.story == "late":
            harness.wait_until(lambda: self.read()["status"] == "expired", 20, "it does not expire")
        if self.story in ("pay", "late", "twice", "cancel"):
            self.tell()
        if self.story == "twice":
            self.tell()
        if self.story == "fail":
            self.tell("failed")
        if self.story == "cancel":
            self.cancel()


class Playing:
    """All buyers at once, while the main thread looks after the instances."""

    def __init__(self, ports, buyers):
        self._failure = None
        self._thread = threading.Thread(target=self._play, args=(ports, buyers), daemon=True)
        self._thread.start()

    def _play(self, ports, buyers):
        try:
            crowd(ports, len(buyers), lambda number, _client: buyers[number].play())
        except BaseException as failure:  # noqa: B902 - handed to the main thread
            self._failure = failure

    def is_over(self):
        self._thread.join(0.1)
        return not self._thread.is_alive()

    def raise_failure(self):
        if self._failure is not None:
            raise self._failure


class KilledPaymentTest(FaultCase):
    @classmethod
    def setUpClass(cls):
        if not fault_point.BINARY.exists():
            raise unittest.SkipTest(f"{fault_point.BINARY} is not built")
        directory = harness.run_directory() / "payment-fault-point"
        directory.mkdir(exist_ok=True)
        path = directory / "armed"
        cls.cluster = harness.Cluster(2, {"payments.webhook_secrets": SECRET}, own_postgres=True,
                                      binary=fault_point.BINARY, environment={"FAULT_POINT_FILE": str(path)})
        cls.cluster.fault_point_file = path
        fault_point.disarm(cls.cluster)

    def test_at_every_step(self):
        chance = random.Random(time.time_ns())
        for point in list(POINTS) * ROUNDS:
            with self.subTest(point):
                self.play_round(point, chance)

    def play_round(self, point, chance):
        sale = self.cluster.create_sale(stock=BUYERS, payment="required", payment_window_s=WINDOW_S)
        provider = PaymentProvider(self.cluster, SECRET)
        buyers = [Buyer(self.cluster, provider, sale, number, random.Random(chance.random()))
                  for number in range(BUYERS)]
        fault_point.arm(self.cluster, point, passes=chance.randint(1, POINTS[point]))
        playing = Playing(self.ports, buyers)
        victims = 0
        until = time.monotonic() + 60 * harness.SLOWNESS
        try:
            while not playing.is_over() or (victims == 0 and time.monotonic() < until):
                victims += self.revive()
        finally:
            fault_point.disarm(self.cluster)
        playing.raise_failure()
        self.assertEqual(victims, 1, f"nobody came to {point}")
        self.wait_for_ends(buyers)
        self.check(sale, buyers)

    def revive(self):
        """Starts whoever has killed itself again; how many there were."""
        victims = [one for one in self.cluster.instances if not one.alive and not one.expected_end]
        for victim in victims:
            self.assertEqual(victim.process.exit_code, -signal.SIGKILL)
            victim.kill()  # it is dead: only told so
            time.sleep(0.3)
            victim.start()
        return len(victims)

    def wait_for_ends(self, buyers):
        for buyer in buyers:
            # A seat that is gone by the time the late payment comes is paid back: stock is enough for all here.
            harness.wait_until(lambda one=buyer: one.read()["status"] == one.ends_as, 20,
                               f"the order of one who would {buyer.story} does not become {buyer.ends_as}")

    def test_late_payments_for_few_units(self):
        """Those who get none are paid back. Taking again takes its time, and each payment is told twice."""
        chance = random.Random(time.time_ns())
        sale = self.cluster.create_sale(stock=BUYERS, payment="required", payment_window_s=1)
        provider = PaymentProvider(self.cluster, SECRET)
        buyers = [Buyer(self.cluster, provider, sale, 3, random.Random(chance.random())) for _ in range(12)]
        for buyer in buyers:
            buyer.reserve()
        for buyer in buyers:
            harness.wait_until(lambda one=buyer: one.read()["status"] == "expired", 20, "it does not expire")
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock",
                                             {"add": 4 - BUYERS}), 200)
        fault_point.arm(self.cluster, "payment.after_retake", "sleep:700", passes=1)
        try:
            crowd(self.ports, len(buyers), lambda number, _client: buyers[number].tell_twice())
        finally:
            fault_point.disarm(self.cluster)

        def is_settled():
            return self.cluster.query("SELECT count(*) FROM payment_events WHERE outcome <= 1") == [(0,)]

        harness.wait_until(is_settled, 20, "messages stay open")
        statuses = collections.Counter(buyer.read()["status"] for buyer in buyers)
        self.assertEqual(statuses, {"confirmed": 4, "expired": 8})
        check_money(self.cluster)
        self.cluster.wait_consistent(sale)

    def test_an_order_that_comes_while_its_message_is_judged(self):
        """Nobody holds the lock of a row that was not there: it may be cancelled before the message has changed it."""
        sale = self.cluster.create_sale(stock=10, payment="required", payment_window_s=600)
        buyer = Buyer(self.cluster, PaymentProvider(self.cluster, SECRET), sale, 0, random.Random(1))
        buyer.reserve()
        order_id = (buyer.order["id"],)
        self.cluster.query("CREATE TABLE put_away AS SELECT * FROM orders WHERE order_id = %s", order_id)
        self.cluster.query("DELETE FROM orders WHERE order_id = %s", order_id)
        fault_point.arm(self.cluster, "payment.order_looked_up", "sleep:1000")
        answers = []
        telling = threading.Thread(target=lambda: answers.append(buyer.tell()))
        telling.start()
        harness.wait_until(lambda: not self.cluster.fault_point_file.exists(), 5, "the order is not looked up")
        self.cluster.query("INSERT INTO orders SELECT * FROM put_away")
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as canceller:
            canceller.autocommit = False
            with canceller.cursor() as cursor:
                cursor.execute("UPDATE orders SET status = 3, given_back = false, expires_at = NULL "
                               "WHERE order_id = %s RETURNING item_no", order_id)
                cursor.execute("UPDATE items SET sold = sold - 1 WHERE item_no = %s", cursor.fetchone())
            time.sleep(1.5)
            canceller.commit()
        telling.join()
        self.assertEqual(answers[0]["outcome"], "waiting")
        harness.wait_until(lambda: buyer.read().get("refund_required"), 20, "its money does not go back")
        check_money(self.cluster)
        self.cluster.wait_consistent(sale)

    def test_a_late_payment_that_is_found_in_the_log_keeps_the_limit(self):
        """Its units were taken again in a Redis that did not know what its customer has bought elsewhere since."""
        sale = self.cluster.create_sale(stock=10, limit=1, payment="required", payment_window_s=1)
        buyer = Buyer(self.cluster, PaymentProvider(self.cluster, SECRET), sale, 3, random.Random(1))
        buyer.reserve()
        harness.wait_until(lambda: buyer.read()["status"] == "expired", 20, "it does not expire")
        fault_point.arm(self.cluster, "payment.after_retake")
        with contextlib.suppress(OSError, http.client.HTTPException):
            buyer.provider.send(buyer.provider.notice(buyer.order), buyer.provider.new_id())
        harness.wait_until(lambda: not self.cluster.instances[0].alive, 5, "nobody died")
        # The other one does not look into the log for some seconds.
        [another] = self.cluster.order_ids(sale, [(buyer.customer, "elsewhere")])
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as elsewhere:
            elsewhere.autocommit = False
            with elsewhere.cursor() as cursor:
                cursor.execute("CREATE TEMPORARY TABLE bought AS SELECT * FROM orders WHERE order_id = %s",
                               (buyer.order["id"],))
                cursor.execute("UPDATE bought SET order_id = %s, status = 2, given_back = NULL, "
                               "expires_at = now() + interval '1 hour'", (another,))
                cursor.execute("INSERT INTO orders SELECT * FROM bought")
                cursor.execute("UPDATE items SET sold = sold + 1 WHERE item_no IN (SELECT item_no FROM bought)")
            elsewhere.commit()
        self.cluster.redis.client.delete(f"fs:{{{sale}}}")
        self.revive()

        self.wait_settled()
        live = self.cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s AND status IN ('confirmed', "
                                  "'awaiting_payment')", (sale,))
        self.assertEqual(live, [(1,)])
        self.assertTrue(buyer.read()["refund_required"])
        check_money(self.cluster)
        self.cluster.wait_consistent(sale)

    def wait_settled(self):
        harness.wait_until(lambda: self.cluster.query("SELECT count(*) FROM payment_events WHERE outcome <= 1") ==
                           [(0,)], 20, "a message stays open")

    def check(self, sale, buyers):
        # An order can have its last status before a second message of its payment is looked at again.
        self.wait_settled()
        check_money(self.cluster)
        refunds = collections.Counter(
            order_id for (order_id,) in self.cluster.query("SELECT order_id::text FROM refunds"))
        for buyer in buyers:
            self.assertEqual(refunds[buyer.order["id"]], buyer.refunds, buyer.story)
            self.assertEqual(buyer.read().get("refund_required", False), buyer.refunds > 0, buyer.story)
        live = sum(buyer.ends_as == "confirmed" for buyer in buyers)
        audit = self.cluster.wait_consistent(sale)["items"][0]
        self.assertEqual((audit["live_units"], audit["sold"]), (live, live))

        def is_whole():
            item = self.cluster.audit(sale)["items"][0]
            return item["remaining"] == BUYERS - live and item["pending"] == 0

        harness.wait_until(is_whole, 10, "units are stranded")


class SilentPostgresTest(harness.ClusterCase):
    """What PostgreSQL does not answer when many messages go together: one failure is the answer to all of them."""

    own_postgres = True
    settings = {"payments.webhook_secrets": SECRET, "postgres.statement_timeout_ms": 1000,
                "postgres.lock_timeout_ms": 500, "postgres.connect_timeout_ms": 1000}
    MESSAGES = 40

    def failed_calls(self):
        """Of the threads that take the provider's messages."""
        return sum('"session":"payments-' in line and '"level":"warn' in line
                   for line in self.cluster.instances[0].process.log_text().splitlines())

    def tell(self, messages):
        """Each by a connection of its own, at the same moment."""
        return crowd(self.ports, len(messages),
                     lambda number, client: self.provider.send(*messages[number], client=client))

    def test_all_of_a_batch_are_put_off_at_once_and_succeed_later(self):
        self.provider = PaymentProvider(self.cluster, SECRET)
        sale = self.cluster.create_sale(stock=self.MESSAGES, payment="required", payment_window_s=600)
        orders = [self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), "k"), 201).json()
                  for _ in range(self.MESSAGES)]
        messages = [(self.provider.notice(order), self.provider.new_id()) for order in orders]
        before = self.failed_calls()
        self.cluster.postgres.pause()
        try:
            answers = self.tell(messages)
        finally:
            self.cluster.postgres.resume()
        self.assertEqual({answer.status for answer in answers}, {503})
        self.assertEqual({answer.problem for answer in answers} - {"unavailable", "outcome-unknown"}, set())
        self.assertEqual([answer for answer in answers if not answer.header("Retry-After")], [])
        # One by one each of them would have waited for a failure of its own.
        self.assertLess(self.failed_calls() - before, self.MESSAGES // 2)

        def all_confirmed():
            return {answer.status for answer in self.tell(messages)} == {200}
        harness.wait_until(all_confirmed, 30, "they are not taken when they are sent again", 0.5)
        self.assertEqual(self.cluster.query("SELECT status, count(*) FROM orders GROUP BY 1"), [(1, self.MESSAGES)])
        check_money(self.cluster)
        self.cluster.wait_consistent(sale)


if __name__ == "__main__":
    unittest.main()
